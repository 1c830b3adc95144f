"""This machine, look by look as they are done, with the remedy of what is amiss; below, which recipes fit."""

from __future__ import annotations

import time
from collections import Counter
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import DataTable, Static
from textual.worker import Worker, get_current_worker

from kit.api import Finding, Fit, machine_factor
from kit.api.doctor import Surroundings, all_findings, can_run, fits, in_order
from kit.tui.actions import Bindings, bindings
from kit.tui.marks import FINDING_MARKS, FIT_MARKS
from kit.tui.screens.page import Page

_PAUSE = 0.3
"""Seconds between two paintings of the recipes while they are looked at."""


class DoctorPage(Page):
    """Two tables; between them what the line of the cursor says in full, and its remedy."""

    place = "doctor"
    BINDINGS: ClassVar[Bindings] = bindings("doctor")

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Finding] = []
        self._fitting: list[Fit] = []
        self._stage = "looking …"
        self._worker: Worker[None] | None = None

    def head(self) -> str:
        """How many are how."""
        if self._stage:
            return self._stage
        counts = Counter(one.state for one in self._found)
        words = (f"{counts['problem']} to mend", f"{counts['warning']} to know")
        return ", ".join(word for word in words if not word.startswith("0 ")) or "all is fine"

    def command(self) -> str:
        """Prints the same."""
        return "xlt-kit doctor --no-bench"

    def body(self) -> ComposeResult:
        """What was found, what the cursor's line says, the recipes."""
        yield DataTable(id="found", cursor_type="row", zebra_stripes=True)
        yield Static(id="advice")
        yield DataTable(id="fitting", cursor_type="row", zebra_stripes=True)

    def begin(self) -> None:
        """Look."""
        found, fitting = self._tables()
        for table, names in (
            (found, ("what", "what it is like here")),
            (fitting, ("recipe", "time here", "why")),
        ):
            for name in names:
                table.add_column(name, key=name)
        found.focus()
        self.action_reload()

    def action_reload(self) -> None:
        """Look again."""
        self._start(bench=False)

    def action_measure(self) -> None:
        """Look again, and measure the speed."""
        self._start(bench=True)

    def action_copy_remedy(self) -> None:
        """Copy what is to be done about the chosen line."""
        one = self._chosen()
        if one and one.remedy:
            self.app.copy_to_clipboard(one.remedy)
            self.notify(one.remedy, title="copied")

    @on(DataTable.RowSelected)
    def _picked(self) -> None:
        self.action_reload()

    @on(DataTable.RowHighlighted)
    def _moved(self) -> None:
        self._explain()

    def on_descendant_focus(self) -> None:
        """The line of the cursor is that of the table that has the focus."""
        self._explain()

    def _start(self, bench: bool) -> None:
        if self._worker is not None and not self._worker.is_finished:
            self.notify("still looking")
            return
        self._found, self._fitting = [], []
        for table in self._tables():
            table.clear()
        self._say("measuring and looking …" if bench else "looking …")
        self._worker = self._look(bench)

    @work(thread=True, exclusive=True, group="look")
    def _look(self, bench: bool) -> None:
        worker = get_current_worker()
        here = Surroundings(self.kit.workspace)
        found: list[Finding] = []
        for finding in all_findings(here, bench):
            if worker.is_cancelled:
                return
            found.append(finding)
            self.bring(self._add, finding)
        self.bring(self._found_all)
        factor = machine_factor(self.kit.workspace)
        fitting: list[Fit] = []
        painted = time.monotonic()
        for one in fits(here, self.kit.recipes, factor, can_run(found)):
            if worker.is_cancelled:
                return
            fitting.append(one)
            if time.monotonic() - painted > _PAUSE:
                self.bring(self._take, in_order(fitting))
                painted = time.monotonic()
        self.bring(self._take, in_order(fitting))
        self.bring(self._say, "")

    def _say(self, stage: str) -> None:
        self._stage = stage
        self.refresh_head()
        self._explain()

    def _add(self, finding: Finding) -> None:
        self._found.append(finding)
        mark, style = FINDING_MARKS[finding.state]
        says = Text(finding.says, "dim" if finding.state == "skipped" else "")
        self._tables()[0].add_row(Text(f"{mark} {finding.what}", self.ink(style)), says)
        if len(self._found) == 1:
            self._explain()

    def _found_all(self) -> None:
        """The cursor goes to the first problem, else to the first warning, unless the user has moved it."""
        self._say("looking at the recipes …")
        table, states = self._tables()[0], [one.state for one in self._found]
        first = next((states.index(state) for state in ("problem", "warning") if state in states), 0)
        if table.cursor_row == 0:
            table.move_cursor(row=first)

    def _take(self, fitting: list[Fit]) -> None:
        table = self._tables()[1]
        row = table.cursor_row
        self._fitting = fitting
        table.clear()
        for one in fitting:
            mark, style = FIT_MARKS[one.standing]
            table.add_row(Text(f"{mark} {one.name}", self.ink(style)), Text(one.time), Text(one.says, "dim"))
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))

    def _tables(self) -> tuple[DataTable[Text], DataTable[Text]]:
        return self.query_one("#found", DataTable), self.query_one("#fitting", DataTable)

    def _chosen(self) -> Finding | Fit | None:
        found, fitting = self._tables()
        if fitting.has_focus:
            return self._fitting[fitting.cursor_row] if fitting.cursor_row < len(self._fitting) else None
        return self._found[found.cursor_row] if found.cursor_row < len(self._found) else None

    def _explain(self) -> None:
        one = self._chosen()
        text = Text()
        if one is not None:
            text.append(f"{one.what if isinstance(one, Finding) else one.name}: ", "bold").append(one.says)
            text.append(f"\n→ {one.remedy}" if one.remedy else "", self.ink("accent"))
        self.query_one("#advice", Static).update(text)
