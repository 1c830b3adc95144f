"""One run while it works: its jobs, the curve and the log of the chosen one, how long it will take."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import psutil
from rich.cells import cell_len
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from kit.api import background, go_on, retry_job, stop_job, stop_run
from kit.errors import KitError
from kit.report.units import duration
from kit.schedule import JobState, RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.chart import bar, line_chart, shortened
from kit.tui.following import Watch
from kit.tui.marks import JOB_MARKS
from kit.tui.screens.page import Ask, Confirm, Page
from kit.tui.widgets.heatmap import HeatMap
from kit.tui.widgets.logview import LogView
from kit.tui.widgets.minitable import MiniTable

_STAGES = {
    "running": ("at work", "bold success"),
    "done": ("done", "bold success"),
    "failed": ("failed", "bold error"),
    "stopped": ("stopped", "bold warning"),
    "left": ("left: its kit is gone, g goes on", "bold warning"),
    "never started": ("starting", "dim"),
    "unreadable": ("its files are damaged", "bold error"),
}
_SECONDS = 0.5


class RunPage(Page):
    """Watches a run; leaving it leaves the run alone."""

    place = "run"
    also = ("log",)
    BINDINGS: ClassVar[Bindings] = [*bindings("run"), ("escape", "app.go('recipes')", "Back")]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.watch_ = Watch(folder)
        self._job: str | None = None
        self._chosen_by_hand = False
        self._chosen_for_user: str | None = None
        self._drawn: tuple[object, ...] = ()
        # What a user asks for is done in turn: a stop still holds the run for a moment after the run has stopped.
        self._turn = threading.Lock()

    def head(self) -> str:
        """The run's name."""
        return self.watch_.folder.name

    def command(self) -> str:
        """Watches the run."""
        return f"xlt-kit attach {self.watch_.folder.name}"

    def body(self) -> ComposeResult:
        """How it stands at the top; jobs at the left; curve and log at the right."""
        yield Static(id="state")
        with Horizontal():
            with Vertical(id="side"):
                yield OptionList(id="jobs")
                yield MiniTable(self.watch_.folder, id="mini", classes="hidden")
            with Vertical(id="work"):
                yield Static(id="curve")
                yield LogView(id="log")

    def begin(self) -> None:
        """Look twice a second."""
        self.set_interval(_SECONDS, self._look)
        self.call_after_refresh(self._look)  # rows are as wide as their list, which has its size by then
        self.query_one("#jobs").focus()

    def on_resize(self) -> None:
        """Rows as wide as their list is now."""
        self.call_after_refresh(self._look)

    @on(HeatMap.Opened)
    def _opened(self) -> None:
        self.action_results()

    def action_results(self) -> None:
        """The table of this run."""
        self.kit.action_go("table")

    def action_log(self) -> None:
        """Move to the log, or back to the jobs."""
        log = self.query_one(LogView)
        (self.query_one("#jobs") if log.has_focus else log).focus()

    def action_stop(self) -> None:
        """Ask, then stop."""
        if not self.watch_.alive:
            self.notify("nobody works on this run")
            return

        def answered(word: str | None) -> None:
            if word:
                self.notify("stopping; what is finished is kept")
                self._stop()

        self.app.push_screen(
            Confirm("Stop this run and all its jobs? What is finished is kept.", "Stop it"), answered
        )

    def action_resume(self) -> None:
        """Go on with what is missing."""
        if self.watch_.alive:
            self.notify("it is at work")
        else:
            self._resume()

    def action_stop_job(self) -> None:
        """Ask, then stop the chosen job alone."""
        job = self._chosen()
        if job is None or job.stage not in ("waiting", "running") or not self.watch_.alive:
            self.notify("only a job that waits or runs can be stopped")
            return

        def answered(word: str | None) -> None:
            if word:
                self._ask_of_job(stop_job, self.watch_.folder, job.id)

        self.app.push_screen(
            Confirm(f"Stop «{job.title}»? What needs it is blocked, the others go on.", "Stop it"), answered
        )

    def action_retry_job(self) -> None:
        """Try the chosen job again."""
        job = self._chosen()
        if job is None or job.stage not in ("failed", "stopped", "blocked"):
            self.notify("only a job that failed, or was stopped or blocked, can be tried again")
            return
        self._ask_of_job(retry_job, self.kit.workspace, self.watch_.folder, job.id)

    def _chosen(self) -> JobState | None:
        state = self.watch_.status.state
        return next((job for job in state.jobs if job.id == self._job), None) if state else None

    @work(thread=True, exclusive=True, group="control")
    def _ask_of_job(self, act: Callable[..., None], *words: object) -> None:
        try:
            with self._turn:
                act(*words)
        except KitError as problem:
            self.bring(self.kit.tell, problem)

    @work(thread=True, exclusive=True, group="control")
    def _stop(self) -> None:
        try:
            with self._turn:
                stop_run(self.watch_.folder)
        except KitError as problem:
            self.bring(self.kit.tell, problem)

    @work(thread=True, exclusive=True, group="control")
    def _resume(self) -> None:
        try:
            with self._turn:
                go_on(self.kit.workspace, self.watch_.folder)
                background(self.kit.workspace, self.watch_.folder)
        except KitError as problem:
            self.bring(self.kit.tell, problem)

    @on(OptionList.OptionHighlighted, "#jobs")
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id and event.option_id != self._job:
            # Who moves through the jobs by hand is not moved any more.
            self._chosen_by_hand = event.option_id != self._chosen_for_user
            self._job = event.option_id
            self._draw_job()

    @on(OptionList.OptionSelected, "#jobs")
    def _picked(self) -> None:
        self.query_one(LogView).focus()

    @on(LogView.Asked)
    def _asked(self) -> None:
        def answered(words: str | None) -> None:
            if words:
                self.query_one(LogView).search_for(words)

        self.app.push_screen(Ask("Search the log for"), answered)

    def _look(self) -> None:
        self.watch_.look()
        state = self.watch_.status.state
        self.query_one("#state", Static).update(self._state_text())
        if state is None:
            return
        self.query_one(MiniTable).follow(state)
        shape = tuple((job.id, job.stage, *self._pace(job)) for job in state.jobs)
        width = self.query_one("#jobs").size.width
        if (width, *shape) != self._drawn:
            self._drawn = (width, *shape)
            self._draw_jobs(state.jobs)
        self._draw_job()

    def _pace(self, job: JobState) -> tuple[object, ...]:
        """What of a running job shows in its row, as finely as it shows."""
        left = self.watch_.seconds_left(job)
        return (round(self.watch_.job(job.id).share, 2), duration(left)) if left is not None else ()

    def _draw_jobs(self, jobs: tuple[JobState, ...]) -> None:
        options = self.query_one("#jobs", OptionList)
        if [option.id for option in options.options] != [
            job.id for job in jobs
        ]:  # a run planned anew has others
            self._chosen_by_hand &= any(job.id == self._job for job in jobs)
            options.clear_options()
            options.add_options([Option(self._row(job), id=job.id) for job in jobs])
        else:
            for job in jobs:
                options.replace_option_prompt(job.id, self._row(job))
        if not self._chosen_by_hand and jobs:
            first = next((j for s in ("failed", "running") for j in jobs if j.stage == s), jobs[-1])
            self._chosen_for_user = first.id
            if options.highlighted != (place := options.get_option_index(first.id)):
                options.highlighted = place

    def _row(self, job: JobState) -> Text:
        mark, style = JOB_MARKS[job.stage]
        style = self.ink(style)
        width = max(16, self.query_one("#jobs").size.width - 4)
        text = Text(no_wrap=True, overflow="ellipsis").append(f"{mark} ", style=style)
        ran = job.ended - job.started if job.started and job.ended else None
        left = self.watch_.seconds_left(job)
        time_ = duration(ran) if ran is not None else f"{duration(left)} left" if left is not None else ""
        title = shortened(job.title, width - 3 - len(time_))
        text.append(title, style=style if job.stage != "done" else "")
        text.append(f"{' ' * max(1, width - 2 - cell_len(title) - len(time_))}{time_}", style="dim")
        progress = self.watch_.job(job.id)
        if job.stage == "running":
            text.append("\n  ").append(bar(progress.share, 8), style=self.track())
            doing = Text(f" {progress.share:4.0%} {progress.doing}")
            doing.truncate(width - 10, overflow="ellipsis")
            text.append_text(doing)
        if job.retries:
            text.append(f"\n  again: {job.retries[-1]}", style=self.ink("warning"))
        if job.failure:
            text.append(f"\n  {job.failure.message}", style=self.ink("error"))
            if job.failure.remedy:
                text.append(f"\n  → {job.failure.remedy}", style="dim")
        return text

    def _draw_job(self) -> None:
        if self._job is None:
            return
        folder = self.watch_.folder.job(self._job)
        log = self.query_one(LogView)
        log.show(folder.log)
        log.border_title = f"log of {self._job[:40]}"
        curve = self.watch_.curve(self._job)
        panel = self.query_one("#curve", Static)
        width = self.query_one("#work").size.width  # the panel's own is nothing while it is hidden
        text = Text()
        if curve.losses:
            text.append(f"loss {curve.losses[0]:.3f} → {curve.losses[-1]:.3f}", style="bold")
            text.append(f"   {curve.throughput:,.0f} tokens/s\n", style="dim")
            picture = line_chart(curve.losses, max(10, width - 4), 6 if self.size.height > 35 else 4)
            text.append("\n".join(picture), style=self.ink("accent"))
            text.append("\n")
        job = self._chosen()
        if job is not None and job.stage == "running":
            text.append_text(gauges(curve.usage, self.track(), width - 2))
        panel.update(text)
        panel.set_class(not text.plain.strip(), "hidden")

    def _state_text(self) -> Text:
        stage, progress = self.watch_.status.stage, self.watch_.progress
        words, style = _STAGES[stage]
        text = Text(" ").append(words, style=self.ink(style))
        state = self.watch_.status.state
        if state:
            done = sum(job.stage == "done" for job in state.jobs)
            share = 1.0 if stage == "done" else progress.share
            text.append("  ").append(bar(share, 20), style=self.track())
            text.append(f" {share:.0%}  {done}/{len(state.jobs)} jobs")
            if stage == "running" and progress.seconds_left is not None:
                text.append(f", about {duration(progress.seconds_left)} left")
            elif stage != "running":
                text.append(f" in {duration(state.updated - state.started)}; t shows the table")
            if state.notice:
                text.append(f"  {state.notice}", style=self.ink("bold warning"))
        return text


def gauges(usage: Mapping[str, float], track: str, width: int) -> Text:
    """What a job takes of the machine, as far as it has told: processors, memory, GPU; none broken by a line's end."""
    lines = [Text()]
    for name, share, words in _measures(usage, len(os.sched_getaffinity(0))):
        gauge = Text().append(f"{name} ", style="dim").append(bar(share, 8 if width > 60 else 4), style=track)
        gauge.append(f" {words}")
        if lines[-1] and lines[-1].cell_len + 2 + gauge.cell_len > width:
            lines.append(Text())
        lines[-1].append("  " if lines[-1] else "").append_text(gauge)
    return Text("\n").join(lines)


def _measures(usage: Mapping[str, float], processors: int) -> Iterator[tuple[str, float, str]]:
    gib = float(2**30)
    if "cpu" in usage:
        yield "CPU", usage["cpu"] / processors, f"{usage['cpu']:.1f}/{processors}"
    if "memory" in usage:
        limit = usage.get("limit") or float(psutil.virtual_memory().total)
        yield "RAM", usage["memory"] / limit, f"{usage['memory'] / gib:.1f}/{limit / gib:.0f} GiB"
    if "gpu" in usage:
        total = max(1.0, usage["gpu_total"])
        yield "GPU", usage["gpu"], f"{usage['gpu']:.0%}"
        words = f"{usage['gpu_memory'] / gib:.1f}/{total / gib:.0f} GiB"
        yield "VRAM", usage["gpu_memory"] / total, words
