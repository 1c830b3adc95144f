"""What a running recipe shows: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from kit.cli.output import RunOutput
from kit.report.units import duration
from kit.schedule import JobState, RunFolder, RunState
from kit.schedule.progress import Follower, JobProgress, RunProgress

_MARKS = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✗", "blocked": "✗", "stopped": "■"}
_PLAIN_SECONDS = 15.0


@contextlib.contextmanager
def watcher(folder: RunFolder, output: RunOutput, quiet: bool) -> Iterator[Callable[[RunState], None]]:
    """A callback that shows each state: live where standard output is a terminal, else lines."""
    if quiet:
        yield lambda state: None
    elif sys.stdout is not None and sys.stdout.isatty():
        with _live(folder, output) as observe:
            yield observe
    else:
        yield _Lines(folder, output)


class _Lines:
    """One line a change, and one every quarter of a minute."""

    def __init__(self, folder: RunFolder, output: RunOutput) -> None:
        self._follower = Follower(folder)
        self._output = output
        self._stages: dict[str, str] = {}
        self._retries: dict[str, int] = {}
        self._notice = ""
        self._last = time.monotonic()

    def __call__(self, state: RunState) -> None:
        progress = self._follower.update(state)
        if state.notice != self._notice:
            self._notice = state.notice
            self._say(state.notice or "the container engine answers again")
        for job in state.jobs:
            for reason in job.retries[self._retries.get(job.id, 0) :]:
                self._say(f"again    {job.title}: {reason}")
            self._retries[job.id] = len(job.retries)
            if job.stage != self._stages.get(job.id, "waiting"):
                self._stages[job.id] = job.stage
                took = f" in {duration(job.ended - job.started)}" if job.ended and job.started else ""
                self._say(f"{job.stage:8} {job.title}{took}")
        if time.monotonic() - self._last > _PLAIN_SECONDS and state.stage == "running":
            self._last = time.monotonic()
            self._say(_summary(state, progress))

    def _say(self, text: str) -> None:
        self._output.echo(f"{time.strftime('%H:%M:%S')}  {text}")


@contextlib.contextmanager
def _live(folder: RunFolder, output: RunOutput) -> Iterator[Callable[[RunState], None]]:
    from rich.live import Live
    from rich.text import Text

    follower = Follower(folder)
    lines_instead = _Lines(folder, output)
    live = Live(Text("starting"), refresh_per_second=4, transient=True)

    def observe(state: RunState) -> None:
        if output.silent:  # the terminal is gone: a picture is of no use in a file
            live.stop()
            lines_instead(state)
            return
        progress = follower.update(state)
        height = max(4, live.console.height - 3)
        rows = [_row(job, follower.jobs.get(job.id, JobProgress())) for job in _window(state.jobs, height)]
        with output.surviving():
            live.update(
                Text("\n".join([*rows, _summary(state, progress)]), overflow="ellipsis", no_wrap=True)
            )

    with output.surviving():
        live.start()
    try:
        yield observe
    finally:
        with output.surviving():
            live.stop()


def _window(jobs: tuple[JobState, ...], height: int) -> list[JobState]:
    """The jobs that matter most when not all fit: what runs and fails, then what waits, then what is done."""
    rank = {"running": 0, "failed": 1, "blocked": 1, "stopped": 1, "waiting": 2, "done": 3}
    chosen = sorted(jobs, key=lambda job: rank[job.stage])[:height]
    return [job for job in jobs if job in chosen]


def _row(job: JobState, progress: JobProgress) -> str:
    doing = f"{progress.doing}{_usage(progress)}" if job.stage == "running" else ""
    if job.ended and job.started:
        doing = duration(job.ended - job.started)
    return f"{_MARKS[job.stage]} {job.title:56.56} {doing}"


def _usage(progress: JobProgress) -> str:
    use = progress.usage
    if "gpu" in use:
        return f"  GPU {use['gpu']:.0%}, {use['gpu_memory'] / 2**30:.1f}/{use['gpu_total'] / 2**30:.0f} GiB"
    return f"  {use['memory'] / 2**30:.1f} GiB" if "memory" in use else ""


def _summary(state: RunState, progress: RunProgress) -> str:
    done = sum(job.stage == "done" for job in state.jobs)
    left = f", about {duration(progress.seconds_left)} left" if progress.seconds_left is not None else ""
    again = sum(len(job.retries) for job in state.jobs)
    repeated = f", {again} started again" if again else ""
    notice = f"  ({state.notice})" if state.notice else ""
    return f"{done}/{len(state.jobs)} jobs, {progress.share:.0%}{left}{repeated}{notice}"
