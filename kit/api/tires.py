"""The short check that every part of the kit works here: run, results, tables, verdicts, and a bundle that is true."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.api.bundling import export
from kit.api.executors import choose_executor
from kit.api.judging import judge_runs
from kit.api.planning import prepare
from kit.api.reporting import write_report
from kit.api.running import execute, open_run
from kit.api.tables import export_tables, headlines, results
from kit.api.verifying import verify
from kit.api.workspace import Workspace
from kit.bundle import opened
from kit.claims import Outcome
from kit.errors import KitError, UsageError, Where
from kit.jobdir import ITEMS_FILE
from kit.report.units import human
from kit.results import Results, transfer_table
from kit.schedule import RunFolder, RunState

RECIPE = Path("recipes") / "tires" / "kick-the-tires.yaml"
KINDS = ("generate", "score", "lens", "interchange")

State = Literal["passed", "failed", "skipped"]
Stopping = Callable[[], bool]
Part = tuple[str, Callable[[], str]]
"""The name of a part, and what looks whether it works and says what it saw, or raises."""


@dataclass(frozen=True)
class Check:
    """One line of the checklist: which part, whether it works, what was seen, and the seconds that it took."""

    part: str
    state: State
    says: str
    seconds: float = 0.0


class Tires:
    """The parts in their order; `more` are those that stand above this room."""

    def __init__(
        self,
        workspace: Workspace,
        recipe: Path,
        stopping: Stopping,
        observe: Callable[[RunState], None],
        more: Callable[[Tires], Sequence[Part]] = lambda tires: (),
    ) -> None:
        self.workspace, self.recipe, self.stopping, self.observe = workspace, recipe, stopping, observe
        self.folder: RunFolder | None = None
        self.found: Results | None = None
        self.parts: tuple[Part, ...] = (
            ("plan: recipe, data and model are read", self.plan),
            ("jobs: one tuning, its evaluations", self.run),
            ("results: a cell of every kind", self.results),
            ("tables: figures with intervals, as files", self.tables),
            ("claims: the verdict that must come out", self.claims),
            ("report: one page for a browser", self.report),
            ("bundle: exported, and every figure made again from it", self.bundle),
            ("bundle: one changed answer is found", self.tampering),
            ("store: the same again computes nothing", self.again),
            *more(self),
        )

    def kick(self) -> Iterator[Check]:
        """The checks, one by one as they are done; after a failure the others are skipped."""
        failed = False
        for part, check in self.parts:
            if failed:
                yield Check(part, "skipped", "something before it failed")
                continue
            began = time.monotonic()
            try:
                says = check()
            except KitError as problem:
                says, failed = str(problem), True
            yield Check(part, "failed" if failed else "passed", says, time.monotonic() - began)

    def plan(self) -> str:
        """Read the recipe and what it names."""
        if not self.recipe.is_file():
            raise UsageError(
                "the recipe is not there",
                where=Where(str(self.recipe)),
                remedy="call this where `recipes/` lies",
            )
        prepared = prepare(self.workspace, self.recipe)
        self.folder = open_run(self.workspace, prepared)
        return f"{len(prepared.plan.demand.wanted.cells)} cells, {len(prepared.plan.jobs)} jobs to run"

    def run(self) -> str:
        """Work it off."""
        prepared = prepare(self.workspace, self.recipe)
        choice = choose_executor(prepared)
        state = execute(prepared, self.run_folder, choice.executor, self.stopping, self.observe)
        if state.stage != "done":
            told = [job.failure.message for job in state.jobs if job.failure]
            raise UsageError(
                f"the run ended as {state.stage}: {told[0] if told else 'no job says why'}",
                remedy=f"xlt-kit logs {self.run_folder.name}",
            )
        return f"{len(state.jobs)} jobs by {choice.executor.name} ({choice.reason})"

    def results(self) -> str:
        """Look for a cell of every kind, and for what is missing."""
        self.found = results(self.workspace, self.run_folder)
        if self.found.missing:
            first = self.found.missing[0]
            raise UsageError(
                f"{len(self.found.missing)} cells are missing, first {first.wanted.key}: {first.reason}",
                remedy=f"xlt-kit logs {self.run_folder.name}",
            )
        counts = Counter(cell.kind for cell in self.found.cells)
        if lacking := [kind for kind in KINDS if not counts[kind]]:
            raise UsageError(f"no cell of the kind {lacking[0]}", remedy="use the recipe as it is shipped")
        return ", ".join(f"{count} {kind}" for kind, count in counts.items())

    def tables(self) -> str:
        """Write the tables, and look whether a tuned cell has its figures."""
        metric = headlines(self._results)[0]
        cells = [
            cell
            for table in transfer_table(self._results, metric)
            for row in table.rows
            for cell in row.cells
        ]
        changes = [cell.delta for cell in cells if cell.delta is not None]
        if not changes or not all(change.low <= change.value <= change.high for change in changes):
            raise UsageError("the table has no differences with intervals", remedy="report this as a defect")
        return f"{len(export_tables(self._results, self.run_folder))} files in {self.run_folder.tables}"

    def claims(self) -> str:
        """Judge the claims beside the recipe; what was judged on this run must be reproduced."""
        path = self.recipe.parent / "claims.yaml"
        judged = judge_runs(
            self.workspace, [self.run_folder], path, found={self.run_folder.name: self._results}
        ).verdicts
        mine = [verdict for verdict in judged if verdict.outcome is not Outcome.NOT_RUN]
        told = ", ".join(f"{verdict.id} {verdict.outcome.value}" for verdict in mine)
        if not mine or any(verdict.outcome is not Outcome.REPRODUCED for verdict in mine):
            remedy = f"xlt-kit claims {self.run_folder.name} --details"
            raise UsageError(f"the verdict should be reproduced: {told or 'none was judged'}", remedy=remedy)
        return told

    def report(self) -> str:
        """Write the page beside the tables, and look whether a figure of them is in it."""
        path = write_report(self.workspace, [self.run_folder])
        metric = headlines(self._results)[0]
        [base] = {
            cell.base.value
            for cell in (row.cells[0] for row in transfer_table(self._results, metric)[0].rows[:1])
            if cell.base
        }
        text = path.read_text(encoding="utf-8")
        if f"{base:.1f}" not in text or "</html>" not in text:
            raise UsageError("the report lacks a figure of the tables", remedy="report this as a defect")
        return f"{path.name}, {human(path.stat().st_size)}"

    def bundle(self) -> str:
        """Export the run and verify what was exported."""
        made = export(self.workspace, [self.run_folder], self._bundle)
        checked = verify(self.workspace, made.path)
        if not checked.whole:
            first = checked.differences[0]
            raise UsageError(f"{first.name}: {first.says}", remedy="report this as a defect")
        return (
            f"{human(made.size)}; {checked.rescored} cells scored again, {checked.figures:,} figures compared"
        )

    def tampering(self) -> str:
        """Change one answer in a copy of the bundle: the check must say which."""
        with opened(self._bundle) as root, tempfile.TemporaryDirectory(prefix="xlt-kit-") as name:
            copy = Path(name) / "bundle"
            shutil.copytree(root, copy)
            cell = next(cell for cell in self._results.cells if cell.kind == "generate")
            items = copy / "store" / "cells" / cell.key / ITEMS_FILE
            items.write_text(items.read_text(encoding="utf-8").replace('"raw":"', '"raw":"not ', 1), "utf-8")
            told = [each for each in verify(self.workspace, copy).differences if cell.key in each.name]
        if not {"changed", "score"} <= {each.what for each in told}:
            raise UsageError("a changed answer was not found", remedy="report this as a defect")
        return told[-1].says

    def again(self) -> str:
        """Plan the same again."""
        prepared = prepare(self.workspace, self.recipe)
        if prepared.plan.jobs:
            raise UsageError(
                f"{len(prepared.plan.jobs)} jobs would run again", remedy="report this as a defect"
            )
        return f"{prepared.plan.stored} cells in the store"

    @property
    def run_folder(self) -> RunFolder:
        """The run, once it is planned."""
        assert self.folder is not None
        return self.folder

    @property
    def _results(self) -> Results:
        assert self.found is not None
        return self.found

    @property
    def _bundle(self) -> Path:
        return self.run_folder.path / "bundle.zip"
