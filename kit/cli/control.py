"""`xlt-kit resume`, `attach`, `stop`, `retry`, `delete`: runs that were left, and runs in the background."""

from __future__ import annotations

import sys
import time

import click

from kit.api import (
    Workspace,
    background,
    delete_run,
    go_on,
    open_run,
    retry_job,
    status,
    stop_job,
    stop_run,
)
from kit.cli.common import print_json, workspace_options
from kit.cli.output import RunOutput
from kit.cli.progress import watcher
from kit.cli.run import conclude, work_off
from kit.errors import StoppedError, UsageError, Where
from kit.report.units import human
from kit.schedule import RunFolder, RunState, find_run
from kit.store import size_of

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
@click.argument("job", required=False)
@workspace_options
def stop(workspace: Workspace, run: str, job: str | None, as_json: bool) -> None:
    """Stop RUN (the last one where none is named) and all its jobs, or the one JOB whose id begins so.

    What was finished is kept. Where one job is stopped, what needs it is blocked and the others go on.
    """
    folder = find_run(workspace.runs, run)
    if job is not None:
        job_id = _job_named(folder, job)
        stop_job(folder, job_id)
        _told(folder, job_id, "stopped", as_json)
        return
    worked = stop_run(folder)
    if as_json:
        print_json({"run": folder.name, "stopped": worked})
    elif worked:
        click.echo(f"stopped {folder.name}; go on with: xlt-kit resume {folder.name}")
    else:
        click.echo(f"nothing of {folder.name} was at work")


@click.command()
@click.argument("run")
@click.argument("job")
@workspace_options
def retry(workspace: Workspace, run: str, job: str, as_json: bool) -> None:
    """Try the one JOB of RUN again whose id begins so: it was stopped, has failed or was blocked.

    Where nobody works on the run, a kit in the background goes on with all that is missing of it.
    """
    folder = find_run(workspace.runs, run)
    job_id = _job_named(folder, job)
    retry_job(workspace, folder, job_id)
    _told(folder, job_id, "tried again", as_json)


@click.command()
@click.argument("run")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_options
def delete(workspace: Workspace, run: str, yes: bool, as_json: bool) -> None:
    """Delete the folder of RUN: its logs and tables go, its finished cells stay in the store."""
    folder = find_run(workspace.runs, run)
    if not yes and (as_json or not sys.stdin.isatty()):
        raise UsageError("nobody is there to be asked", remedy="say yes beforehand: --yes")
    if not yes:
        click.confirm(f"Delete the logs and tables of {folder.name}?", abort=True, err=True)
    freed = size_of(folder.path)
    delete_run(folder)
    if as_json:
        print_json({"run": folder.name, "freed": freed})
    else:
        click.echo(f"deleted {folder.name}, {human(freed)}; its cells: xlt-kit store gc")


def _job_named(folder: RunFolder, beginning: str) -> str:
    state = folder.state()
    ids = [job.id for job in state.jobs] if state else []
    found = [job_id for job_id in ids if job_id == beginning] or [i for i in ids if i.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    problem = f"several jobs begin with {beginning!r}" if found else f"no job begins with {beginning!r}"
    there = ", ".join(found or ids) or "none"
    raise UsageError(problem, where=Where(str(folder.path)), remedy=f"name one of: {there}")


def _told(folder: RunFolder, job_id: str, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"run": folder.name, "job": job_id, "act": what})
    else:
        click.echo(f"{job_id} is {what}; watch it: xlt-kit attach {folder.name}")
