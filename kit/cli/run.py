"""`xlt-kit run`: a recipe without a screen."""

from __future__ import annotations

from pathlib import Path

import click

from kit.api import (
    Judgement,
    Prepared,
    Workspace,
    background,
    check_claims,
    choose_executor,
    claims_of,
    execute,
    export_claims,
    export_tables,
    headlines,
    judge_runs,
    open_run,
    page_of,
    prepare,
    published,
    results,
)
from kit.api.reporting import PAGE
from kit.api.reporting import save as save_page
from kit.claims import Reference
from kit.cli.claims import print_judgement
from kit.cli.common import print_json, recipe_options, workspace_options
from kit.cli.output import RunOutput
from kit.cli.progress import watcher
from kit.cli.stopping import StopFlag
from kit.cli.tables import print_tables
from kit.errors import JobFailed, KitError, StoppedError
from kit.jobdir import encode
from kit.report.units import duration
from kit.results import Results
from kit.schedule import RunFolder, RunState


@click.command()
@click.option(
    "--executor",
    type=click.Choice(["auto", "local", "docker", "podman", "slurm"]),
    help="As `--set resources.executor=…`.",
)
@click.option("--site", help="As `--set resources.site=…`: the cluster of the executor slurm.")
@click.option("--detach", is_flag=True, help="Work in the background; `xlt-kit attach` watches it.")
@recipe_options
@workspace_options
def run(
    workspace: Workspace,
    recipe: Path,
    overrides: tuple[str, ...],
    executor: str | None,
    site: str | None,
    detach: bool,
    as_json: bool,
) -> None:
    """Tune, evaluate and score what RECIPE asks for and what is not in the store yet; end in the transfer table.

    Ctrl-C stops all jobs within seconds; the same command goes on where it stopped. Closing the terminal stops
    nothing: the run goes on, and `xlt-kit attach` shows it again.
    """
    check_claims(recipe)
    asked = {"executor": executor, "site": site}
    chosen = tuple(f"resources.{key}={value}" for key, value in asked.items() if value)
    prepared = prepare(workspace, recipe, (*overrides, *chosen))
    folder = open_run(workspace, prepared)
    if detach:
        _detach(workspace, folder, as_json)
    else:
        work_off(workspace, prepared, folder, as_json)


def _detach(workspace: Workspace, folder: RunFolder, as_json: bool) -> None:
    pid = background(workspace, folder)
    if as_json:
        print_json({"run": folder.name, "path": str(folder.path), "pid": pid})
        return
    click.echo(f"run {folder.name} works in the background (process {pid})")
    click.echo(f"  watch it: xlt-kit attach {folder.name}\n  end it:   xlt-kit stop {folder.name}")


def work_off(workspace: Workspace, prepared: Prepared, folder: RunFolder, as_json: bool) -> None:
    """Work off what is missing of a run, show how it goes, and end in the tables.

    Raises:
        StoppedError, JobFailed: it did not come to its end; what was finished is kept.
    """
    choice = choose_executor(prepared)
    executor = choice.executor
    total = len({cell.key for cell in prepared.plan.demand.wanted.cells})
    output, stop = RunOutput(folder.output), StopFlag()
    if not as_json:
        output.echo(
            f"{prepared.loaded.recipe.name}: {total} cells, {prepared.plan.stored} stored, "
            f"{len(prepared.plan.jobs)} jobs to run on {len(executor.slots)} slots ({executor.name}: {choice.reason})"
        )
    with watcher(folder, output, quiet=as_json) as observe:
        state = execute(prepared, folder, executor, stop.is_set, observe)
    conclude(workspace, folder, state, output, as_json)


def conclude(
    workspace: Workspace, folder: RunFolder, state: RunState, output: RunOutput, as_json: bool
) -> None:
    """Say how a run ended, and show and export its tables.

    Raises:
        StoppedError, JobFailed: it did not come to its end; what was finished is kept.
    """
    found = results(workspace, folder)
    paths = export_tables(found, folder)
    judgement, fault = _judged(workspace, folder, found)
    paths += export_claims(judgement, folder) if judgement else []
    paths += _reported(workspace, folder, found, judgement)
    with output.surviving():
        _report_failures(folder, state)
        if as_json:
            tables = [str(path) for path in paths]
            facts = {"run": folder.name, "path": str(folder.path), "state": encode(state), "tables": tables}
            print_json(facts)
        else:
            for metric in headlines(found):
                print_tables(found, metric, references=_published(workspace))
            if judgement:
                print_judgement(judgement, run_only=True)
            if fault:
                click.echo(f"no verdicts: {fault}", err=True)
            click.echo(f"\nrun {folder.name}, {state.stage} after {duration(state.updated - state.started)}")
            click.echo(f"files: {folder.path} (tables/ as JSON, CSV, Markdown, LaTeX, SVG, and report.html)")
    if state.stage == "stopped":
        raise StoppedError(
            "stopped; what was finished is kept", remedy=f"go on with: xlt-kit resume {folder.name}"
        )
    if state.stage == "failed":
        failed = sum(job.stage in ("failed", "blocked") for job in state.jobs)
        remedy = f"see: xlt-kit logs {folder.name}; then go on with: xlt-kit resume {folder.name}"
        raise JobFailed(f"{failed} jobs failed or were blocked", remedy=remedy)


def _published(workspace: Workspace) -> tuple[Reference, ...]:
    """Published figures; one that has been spoilt takes nothing from the run: `xlt-kit table` tells of it."""
    try:
        return published(workspace)
    except KitError:
        return ()


def _judged(
    workspace: Workspace, folder: RunFolder, found: Results
) -> tuple[Judgement | None, KitError | None]:
    """The verdicts on the claims beside the run's recipe; a fault of theirs takes nothing from the run."""
    try:
        path = claims_of([folder])
        return (judge_runs(workspace, [folder], path, found={folder.name: found}) if path else None), None
    except KitError as fault:
        return None, fault


def _reported(
    workspace: Workspace, folder: RunFolder, found: Results, judgement: Judgement | None
) -> list[Path]:
    """The report beside the tables; a fault of it takes nothing from the run: `xlt-kit report` tells of it."""
    try:
        page = page_of(workspace, [folder], found={folder.name: found}, judgement=judgement)
        return [save_page(page, folder.tables / PAGE)]
    except KitError:
        return []


def _report_failures(folder: RunFolder, state: RunState) -> None:
    for job in state.jobs:
        if job.stage in ("failed", "blocked", "stopped") and job.failure:
            click.echo(f"{job.stage}: {job.title}: {job.failure.message} [{job.failure.code}]", err=True)
            if job.failure.remedy:
                click.echo(f"  → {job.failure.remedy}", err=True)
            if job.stage == "failed":
                for line in folder.job(job.id).log_tail(8):
                    click.echo(f"    | {line}", err=True)
