"""`xlt-kit runs` and `xlt-kit logs`: what ran, and what it said."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click
import psutil

from kit.api import Workspace
from kit.cli.common import duration, print_json, workspace_options
from kit.errors import UsageError
from kit.jobdir import JobFolder, encode
from kit.schedule import RunFolder, list_runs
from kit.schedule.runfolder import find_run


@click.command()
@workspace_options
def runs(workspace: Workspace, as_json: bool) -> None:
    """List the runs, the last one at the bottom."""
    rows = [(folder, folder.state()) for folder in list_runs(workspace.runs)]
    if as_json:
        print_json([{"run": f.name, "path": str(f.path), "state": encode(s) if s else None} for f, s in rows])
        return
    if not rows:
        click.echo("no runs yet; begin with: xlt-kit run recipes/smoke.yaml")
    for folder, state in rows:
        if state is None:
            click.echo(f"{folder.name:40}  never started")
            continue
        began = datetime.fromtimestamp(state.started).strftime("%Y-%m-%d %H:%M")
        done = sum(job.stage == "done" for job in state.jobs)
        alive = state.stage == "running" and psutil.pid_exists(state.pid)
        # A run whose process is gone without a last word was killed; the same command goes on with it.
        stage = "killed" if state.stage == "running" and not alive else state.stage
        took = duration((time.time() if alive else state.updated) - state.started)
        click.echo(f"{folder.name:40}  {began}  {stage:8}  {done}/{len(state.jobs)} jobs  {took}")


@click.command()
@click.argument("run", default="last")
@click.argument("job", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on as the logs grow, until the run ends.")
@click.option("-n", "lines", default=20, show_default=True, help="Lines of each log.")
@workspace_options
def logs(workspace: Workspace, run: str, job: str | None, follow: bool, lines: int, as_json: bool) -> None:
    """Show the logs of RUN's jobs (the last run where none is named), or of the one JOB whose id begins so."""
    folder = find_run(workspace.runs, run)
    jobs = _chosen(folder, job)
    if as_json:
        print_json({j.path.name: j.log_tail(lines) for j in jobs})
        return
    for each in jobs:
        click.echo(click.style(f"── {each.path.name}", bold=True))
        for line in each.log_tail(lines):
            click.echo(line)
    if follow:
        _follow(folder, job)


def _chosen(folder: RunFolder, job: str | None) -> list[JobFolder]:
    jobs = [each for each in folder.job_folders() if job is None or each.path.name.startswith(job)]
    if not jobs and job is not None:
        names = ", ".join(each.path.name for each in folder.job_folders()) or "none"
        raise UsageError(f"no job of this run begins with {job!r} (there are: {names})")
    return jobs


def _follow(folder: RunFolder, job: str | None) -> None:
    offsets: dict[Path, int] = {each.log: _size(each.log) for each in _chosen(folder, job)}
    while True:
        state = folder.state()
        for each in _chosen(folder, None) if job is None else _chosen(folder, job):
            start = offsets.get(each.log, 0)
            if _size(each.log) > start:
                with each.log.open("rb") as stream:
                    stream.seek(start)
                    text = stream.read()
                offsets[each.log] = start + len(text)
                click.echo(click.style(f"── {each.path.name}", bold=True))
                click.echo(text.decode("utf-8", "replace"), nl=False)
        if state is None or state.stage != "running":
            return
        time.sleep(0.5)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
