"""Verdicts on the claims beside a run's recipe: how each stands, and under the cursor why."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from kit.api import Judgement, export_claims, judge_runs, priced
from kit.claims import Outcome, Verdict
from kit.errors import KitError
from kit.report.claims import SIGNS, details, effect_words, n_words, outcome_words, summary
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.following import FollowingPage

_STYLES = {
    Outcome.REPRODUCED: "success",
    Outcome.CONTRADICTED: "error",
    Outcome.EXPLAINED_OTHERWISE: "accent",
    Outcome.INCONCLUSIVE: "warning",
    Outcome.WITHIN_NOISE: "warning",
    Outcome.NOT_RUN: "dim",
    Outcome.WAIVED: "dim",
}


class ClaimsPage(FollowingPage):
    """A line a claim and model; below them what the verdict of the cursor's line stands on."""

    place = "claims"
    BINDINGS: ClassVar[Bindings] = bindings("claims")

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder)
        self._judgement: Judgement | None = None

    def command(self) -> str:
        """Prints the same verdicts."""
        return f"xlt-kit claims {self.folder.name} --details"

    def body(self) -> ComposeResult:
        """What is judged, the verdicts, the reasons of one."""
        yield Static("judging …", id="caption")
        yield DataTable(id="verdicts", cursor_type="row", zebra_stripes=True)
        with VerticalScroll(id="reasons"):
            yield Static(id="why")

    def begin(self) -> None:
        """Judge now, and again while the run goes on."""
        table: DataTable[Text] = self.query_one(DataTable)
        for name in ("claim", "verdict", "effect", "n", "model", "what it says"):
            table.add_column(name, key=name)
        table.focus()
        self.follow()

    def action_reload(self) -> None:
        """Judge again."""
        self.read_again()

    def action_export(self) -> None:
        """Write the verdicts into the run's folder."""
        if self._judgement is None:
            return
        try:
            paths = export_claims(self._judgement, self.folder)
        except KitError as problem:
            self.kit.tell(problem)
        else:
            self.notify(f"{len(paths)} files in {self.folder.tables}")

    def read(self) -> None:
        """The verdicts; what it takes to decide the rest is worked out once, when the run is over."""
        judgement = judge_runs(self.kit.workspace, [self.folder])
        self.bring(self._take, judgement)
        if not self.watch_.alive:
            self.bring(self._take, priced(self.kit.workspace, judgement))

    def unread(self, problem: KitError) -> None:
        """In the place of the verdicts."""
        remedy = f"\n{problem.remedy}" if problem.remedy else ""
        self.query_one("#caption", Static).update(Text(f"no verdicts: {problem.message}{remedy}"))

    def _take(self, judgement: Judgement) -> None:
        self._judgement = judgement
        table: DataTable[Text] = self.query_one(DataTable)
        row = table.cursor_row
        table.clear()
        for at, verdict in enumerate(judgement.verdicts):
            table.add_row(*self._row(verdict), key=str(at))
        table.move_cursor(row=min(row, max(0, table.row_count - 1)))
        words = f"{judgement.title}\n{summary(judgement.verdicts)}"
        self.query_one("#caption", Static).update(Text("\n".join((words, *judgement.notes))))
        self._explain(table.cursor_row)

    def _row(self, verdict: Verdict) -> tuple[Text, ...]:
        style = self.ink(_STYLES[verdict.outcome])
        return (
            Text(f"{SIGNS[verdict.outcome]} {verdict.id}", f"bold {style}"),
            Text(outcome_words(verdict), style),
            Text(effect_words(verdict)),
            Text(n_words(verdict.setting), "dim"),
            Text(verdict.model, "dim"),
            Text(verdict.claim.title),
        )

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        self._explain(event.cursor_row)

    def _explain(self, row: int) -> None:
        if self._judgement is None or not 0 <= row < len(self._judgement.verdicts):
            return
        verdict = self._judgement.verdicts[row]
        lines = [_indented(line) for line in details(verdict)]
        self.query_one("#why", Static).update(Group(Text(verdict.claim.title, "bold"), *lines))
        self.query_one("#reasons", VerticalScroll).scroll_home(animate=False)


def _indented(line: str) -> Padding:
    """A line that folds under its own beginning."""
    text = line.lstrip()
    return Padding(Text(text), (0, 0, 0, len(line) - len(text)))
