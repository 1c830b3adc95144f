"""`xlt-kit resume`, `attach`, `stop`: runs that were left, and runs in the background."""

from __future__ import annotations

import time

import click

from kit.api import Workspace, background, go_on, open_run, status, stop_run
from kit.cli.common import print_json, workspace_options
from kit.cli.output import RunOutput
from kit.cli.progress import watcher
from kit.cli.run import conclude, work_off
from kit.errors import StoppedError
from kit.schedule import RunFolder, RunState, find_run

_LOOK_EVERY = 0.3  # seconds
_BEGINNING = 10.0  # seconds in which a kit that was just started takes its run


@click.command()
@click.argument("run", default="last")
@click.option("--detach", is_flag=True, help="Work in the background.")
@workspace_options
def resume(workspace: Workspace, run: str, detach: bool, as_json: bool) -> None:
    """Go on with RUN (the last one where none is named): what is finished stays, what is missing is done.

    A run keeps its own copy of the recipe, so the recipe's file need not be there any more.
    """
    folder = find_run(workspace.runs, run)
    prepared = go_on(workspace, folder)
    if detach:
        pid = background(workspace, folder)
        if as_json:
            print_json({"run": folder.name, "path": str(folder.path), "pid": pid})
        else:
            click.echo(f"run {folder.name} works in the background (process {pid})")
        return
    work_off(workspace, prepared, open_run(workspace, prepared), as_json)


@click.command()
@click.argument("run", default="last")
@workspace_options
def attach(workspace: Workspace, run: str, as_json: bool) -> None:
    """Watch RUN (the last one where none is named) until it ends, then show its tables. Ctrl-C ends the watching."""
    folder = find_run(workspace.runs, run)
    output = RunOutput(folder.output)
    try:
        state = _watch(folder, output, as_json)
    except KeyboardInterrupt:
        raise StoppedError(
            "no longer watching; the run goes on",
            remedy=f"watch it again: xlt-kit attach {folder.name}; end it: xlt-kit stop {folder.name}",
        ) from None
    conclude(workspace, folder, state, output, as_json)


def _watch(folder: RunFolder, output: RunOutput, quiet: bool) -> RunState:
    patience = time.monotonic() + _BEGINNING if status(folder).holder else 0.0
    with watcher(folder, output, quiet) as observe:
        while True:
            now = status(folder)
            if now.state and now.stage == "running":
                patience = 0.0
                if now.state.stage == "running":
                    observe(now.state)
            elif now.state and now.stage in ("done", "failed", "stopped"):
                observe(now.state)
                return now.state
            elif time.monotonic() > patience:
                raise StoppedError(
                    "nobody works on this run"
                    + (": its kit was killed, or the machine went down" if now.state else " yet"),
                    remedy=f"go on with: xlt-kit resume {folder.name}",
                )
            time.sleep(_LOOK_EVERY)


@click.command()
@click.argument("run", default="last")
@workspace_options
def stop(workspace: Workspace, run: str, as_json: bool) -> None:
    """Stop RUN (the last one where none is named) and all its jobs; what was finished is kept."""
    folder = find_run(workspace.runs, run)
    worked = stop_run(folder)
    if as_json:
        print_json({"run": folder.name, "stopped": worked})
    elif worked:
        click.echo(f"stopped {folder.name}; go on with: xlt-kit resume {folder.name}")
    else:
        click.echo(f"nothing of {folder.name} was at work")
