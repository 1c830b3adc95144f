"""`xlt-kit artifact`: from a bare machine to the report, one command that goes on where it was cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from kit.api import Workspace, execute, export, judge_runs, load, open_run, prepare, verify
from kit.api.artifact import Clock, begun, record_of, timetable
from kit.api.budget import Budget, Candidate, Choice, candidates, choose, needs_of_claims, parse_budget
from kit.api.doctor import examine, machine_factor
from kit.api.executors import choose_executor
from kit.api.fetching import fetch, parts
from kit.api.reporting import write_report
from kit.api.tables import export_tables, results
from kit.api.tires import RECIPE
from kit.cli.claims import print_judgement
from kit.cli.common import print_json, workspace_options
from kit.cli.output import RunOutput
from kit.cli.progress import watcher
from kit.cli.stopping import StopFlag
from kit.cli.tires import kick
from kit.errors import ChecksumError, EnvironmentError_, JobFailed, KitError, StoppedError, UsageError, Where
from kit.jobdir import encode
from kit.report.claims import summary
from kit.report.units import duration, human
from kit.schedule import RunFolder, find_run

_RECIPES = Path("recipes")
_FETCHERS = 4


@click.command("artifact")
@click.option(
    "--budget", metavar="24gb,3h", help="GPU memory and hours; this machine's GPU and 3 h, if left out."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("artifact"),
    show_default=True,
    help="Where report and bundle are written.",
)
@click.option(
    "--plan", "only_plan", is_flag=True, help="Say what would be done and how long it takes, and end."
)
@workspace_options
def artifact(workspace: Workspace, budget: str | None, out: Path, only_plan: bool, as_json: bool) -> None:
    """Go all the way: doctor, fetch, kick the tires, the recipes that fit the budget, claims, report, verified bundle.

    Cut off at any point, the same command goes on there. `--budget cpu,30m` leaves the GPU out.
    """
    asked = parse_budget(budget)
    choice = _chosen(workspace, asked)
    record = begun(workspace, asked, choice, workspace.offline)
    if as_json and only_plan:
        print_json({"budget": encode(asked), **_plain(choice), "stages": encode(record)["stages"]})
        return
    if not as_json:
        _print_plan(str(asked), choice)
        click.echo("\n".join(timetable(record.stages)))
    if only_plan:
        return
    if not choice.chosen:
        remedy = "give it more hours, or memory: what was left out, and why, stands above (--plan shows it)"
        raise UsageError(f"no recipe that decides a claim fits {asked}", remedy=remedy)
    clock = Clock(workspace, record)
    _Way(workspace, choice, clock, out.absolute(), quiet=as_json).go()
    if as_json:
        print_json({"budget": encode(asked), **_plain(choice), "stages": encode(clock.record)["stages"]})


def _chosen(workspace: Workspace, budget: Budget) -> Choice:
    """What the budget buys. What an earlier go has chosen stays chosen: its runs cost nothing any more by now."""
    found, refused = candidates(workspace, _RECIPES, machine_factor(workspace))
    if not found and not refused:
        raise UsageError(
            "there are no recipes",
            where=Where(str(_RECIPES)),
            remedy="call this where the folder `recipes` lies",
        )
    claims, earlier = needs_of_claims(_RECIPES), record_of(workspace)
    known = {str(each.path): each for each in found}
    if (
        earlier is not None
        and earlier.budget == budget
        and earlier.recipes
        and known.keys() >= set(earlier.recipes)
    ):
        kept = tuple(known[path] for path in earlier.recipes)
        names = {each.name for each in kept}
        return Choice(kept, tuple(name for name, needs in claims.items() if needs <= names), {})
    return choose(budget, found, claims, refused)


def _plain(choice: Choice) -> dict[str, object]:
    return {
        "recipes": [str(each.path) for each in choice.chosen],
        "hours": round(choice.hours, 2),
        "claims": choice.claims,
        "left_out": dict(choice.left_out),
    }


def _print_plan(budget: str, choice: Choice) -> None:
    click.echo(f"budget {budget}: {len(choice.chosen)} recipes, about {duration(choice.hours * 3600)} of work, "
               f"decide {len(choice.claims)} claims ({', '.join(choice.claims) or 'none'})")  # fmt: skip
    for name, why in sorted(choice.left_out.items()):
        click.echo(f"  left out {name}: {why}")
    click.echo("")


class _Way:
    """The stages, each with its lines; a failure is told at its stage, and the command goes on there next time."""

    def __init__(self, workspace: Workspace, choice: Choice, clock: Clock, out: Path, quiet: bool) -> None:
        self.workspace, self.choice, self.clock, self.out, self.quiet = workspace, choice, clock, out, quiet
        self.stop = StopFlag()
        self.folders: list[RunFolder] = []

    def go(self) -> None:
        """All stages in their order."""
        self._stage("doctor", self._doctor)
        self._stage("fetch", self._fetch)
        self._stage("kick the tires", self._tires)
        for each in self.choice.chosen:
            self._stage(f"run {each.name}", lambda each=each: self._run(each))  # type: ignore[misc]
            self.folders.append(_run_of(self.workspace, each))
        self._stage("claims", self._claims)
        self._stage("report", self._report)
        self._stage("bundle", self._bundle)
        self._stage("verify", self._verify)
        if not self.quiet:
            click.echo("\n" + "\n".join(timetable(self.clock.record.stages)))
            for name in self._groups():
                click.echo(f"report: {self._file('report', name, 'html')}")
                click.echo(f"bundle: {self._file('bundle', name, 'zip')}")

    def _stage(self, name: str, work: Callable[[], str]) -> None:
        if self.clock.is_done(name):
            self._say(f"✓ {name}: done before")
            return
        self._say(self.clock.begin(name))
        try:
            says = work()
        except KitError as problem:
            self.clock.end(name, problem.message, "failed")
            raise
        self.clock.end(name, says)
        self._say(f"  ✓ {says}")

    def _say(self, text: str) -> None:
        if not self.quiet:
            click.echo(text)

    def _doctor(self) -> str:
        findings = examine(self.workspace, network=not self.workspace.offline)
        problems = [each for each in findings if each.state == "problem"]
        for each in findings:
            if each.state in ("problem", "warning"):
                self._say(f"  {'✗' if each.state == 'problem' else '!'} {each.what}: {each.says}")
                if each.remedy:
                    self._say(f"    → {each.remedy}")
        if problems:
            raise EnvironmentError_(f"{problems[0].what}: {problems[0].says}", remedy=problems[0].remedy)
        return f"{len(findings)} things looked at, nothing in the way"

    def _fetch(self) -> str:
        wanted, catalogs = [], []
        for each in self.choice.chosen:
            loaded, catalog = load(each.path)
            catalogs.append(catalog)
            wanted += parts(loaded, catalog)
        found = []
        for part in dict.fromkeys(wanted):
            found += fetch(self.workspace, catalogs[-1], [part], _FETCHERS, lambda name, here, total: None)
            self._say(f"  {part.kind} {part.name}: {human(found[-1].size)} ({found[-1].origin})")
        return f"{len(found)} things, {human(sum(each.size for each in found))}"

    def _tires(self) -> str:
        checks = kick(self.workspace, RECIPE, quiet=self.quiet)
        if failed := [check for check in checks if check.state == "failed"]:
            raise JobFailed(
                f"{failed[0].part}: {failed[0].says}", remedy="mend it, then the same command again"
            )
        return f"{len(checks)} parts work"

    def _run(self, each: Candidate) -> str:
        prepared = prepare(self.workspace, each.path)
        folder, executor = open_run(self.workspace, prepared), choose_executor(prepared).executor
        with watcher(folder, RunOutput(folder.output), quiet=self.quiet) as observe:
            state = execute(prepared, folder, executor, self.stop.is_set, observe)
        export_tables(results(self.workspace, folder), folder)
        if state.stage == "stopped":
            raise StoppedError("stopped; what was finished is kept", remedy="the same command goes on")
        if state.stage != "done":
            raise JobFailed(f"{each.name} ended as {state.stage}", remedy=f"see: xlt-kit logs {folder.name}")
        return f"{len(prepared.plan.demand.wanted.cells)} cells, run {folder.name}"

    def _claims(self) -> str:
        told = []
        for path in sorted(_RECIPES.rglob("claims.yaml")):
            judged = judge_runs(self.workspace, self.folders, path)
            if not self.quiet:
                print_judgement(judged, run_only=True)
            told.append(f"{path}: {summary(judged.verdicts)}")
        return "; ".join(told)

    def _report(self) -> str:
        paths = [
            write_report(self.workspace, folders, self._file("report", name, "html"))
            for name, folders in self._groups().items()
        ]
        return ", ".join(f"{path} ({human(path.stat().st_size)})" for path in paths)

    def _bundle(self) -> str:
        made = [
            export(self.workspace, folders, self._file("bundle", name, "zip"))
            for name, folders in self._groups().items()
        ]
        return ", ".join(f"{each.path} ({human(each.size)}, sha256 {each.digest})" for each in made)

    def _verify(self) -> str:
        told = []
        for name in self._groups():
            path = self._file("bundle", name, "zip")
            found = verify(self.workspace, path)
            if not found.whole:
                first = found.differences[0]
                raise ChecksumError(
                    f"{path.name}: {first.name}: {first.says}", remedy="report this as a defect"
                )
            told.append(
                f"{path.name}: {found.rescored} cells scored again, {found.aggregated} aggregated, "
                f"{found.figures:,} figures compared, nothing differs"
            )
        return "; ".join(told)

    def _groups(self) -> dict[str, list[RunFolder]]:
        """The runs by the folder of their recipes: each has claims of its own, and so a report and a bundle."""
        groups: dict[str, list[RunFolder]] = {}
        for each, folder in zip(self.choice.chosen, self.folders, strict=True):
            groups.setdefault(each.path.parent.name, []).append(folder)
        return groups

    def _file(self, stem: str, group: str, ending: str) -> Path:
        name = stem if len(self._groups()) == 1 else f"{stem}-{group}"
        return self.out / f"{name}.{ending}"


def _run_of(workspace: Workspace, each: Candidate) -> RunFolder:
    """The run of a recipe as it is now."""
    prepared = prepare(workspace, each.path, fetch=False)
    return find_run(workspace.runs, prepared.run_name)
