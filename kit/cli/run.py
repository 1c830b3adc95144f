"""`xlt-kit run`: a recipe without a screen."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import click

from kit.api import Workspace, choose_executor, execute, export_tables, open_run, prepare, results
from kit.cli.common import duration, print_json, recipe_options, workspace_options
from kit.cli.progress import watcher
from kit.cli.tables import print_tables
from kit.errors import JobFailed, StoppedError
from kit.jobdir import encode
from kit.schedule import RunFolder, RunState


@click.command()
@recipe_options
@workspace_options
def run(workspace: Workspace, recipe: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Tune, evaluate and score what RECIPE asks for and what is not in the store yet; end in the transfer table.

    Ctrl-C stops all jobs within seconds; the same command goes on where it stopped.
    """
    prepared = prepare(workspace, recipe, overrides)
    folder = open_run(workspace, prepared)
    executor = choose_executor(prepared)
    total = len({cell.key for cell in prepared.plan.demand.wanted.cells})
    if not as_json:
        click.echo(
            f"{prepared.loaded.recipe.name}: {total} cells, {prepared.plan.stored} stored, "
            f"{len(prepared.plan.jobs)} jobs to run on {len(executor.slots)} slots ({executor.name})"
        )
    stop = _StopFlag()
    with watcher(folder, quiet=as_json) as observe:
        state = execute(prepared, folder, executor, stop.is_set, observe)
    _report_failures(folder, state)
    found = results(workspace, folder)
    paths = export_tables(found, folder)
    if as_json:
        tables = [str(path) for path in paths]
        print_json({"run": folder.name, "path": str(folder.path), "state": encode(state), "tables": tables})
    else:
        print_tables(found, "f1")
        click.echo(f"\nrun {folder.name}, {state.stage} after {duration(state.updated - state.started)}")
        click.echo(f"files: {folder.path} (tables/ as JSON, CSV, Markdown, LaTeX)")
    if state.stage == "stopped":
        raise StoppedError("stopped; what was finished is kept", remedy=f"go on with: xlt-kit run {recipe}")
    if state.stage == "failed":
        failed = sum(job.stage in ("failed", "blocked") for job in state.jobs)
        raise JobFailed(f"{failed} jobs failed or were blocked", remedy=f"see: xlt-kit logs {folder.name}")


class _StopFlag:
    """Set by the first Ctrl-C or SIGTERM."""

    def __init__(self) -> None:
        self._set = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._set = True

    def is_set(self) -> bool:
        """Whether the user wants to stop."""
        return self._set


def _report_failures(folder: RunFolder, state: RunState) -> None:
    for job in state.jobs:
        if job.stage in ("failed", "blocked") and job.failure:
            click.echo(f"{job.stage}: {job.title}: {job.failure.message} [{job.failure.code}]", err=True)
            if job.failure.remedy:
                click.echo(f"  → {job.failure.remedy}", err=True)
            if job.stage == "failed":
                for line in folder.job(job.id).log_tail(8):
                    click.echo(f"    | {line}", err=True)
