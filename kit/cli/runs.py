"""`xlt-kit runs` and `xlt-kit logs`: what ran, and what it said."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from kit.api import Status, Workspace, list_statuses
from kit.cli.common import print_json, workspace_options
from kit.errors import UsageError
from kit.jobdir import JobFolder, encode
from kit.report.units import duration
from kit.schedule import RunFolder, find_run


@click.command()
@workspace_options
def runs(workspace: Workspace, as_json: bool) -> None:
    """List the runs, the last one at the bottom."""
    found = list_statuses(workspace)
    if as_json:
        print_json([_facts(each) for each in found])
        return
    if not found:
        click.echo("no runs yet; begin with: xlt-kit run recipes/smoke.yaml")
    for each in found:
        state = each.state
        if state is None:
            click.echo(f"{each.folder.name:40}  {each.stage}")
            continue
        began = datetime.fromtimestamp(state.started).strftime("%Y-%m-%d %H:%M")
        done = sum(job.stage == "done" for job in state.jobs)
        took = duration((time.time() if each.stage == "running" else state.updated) - state.started)
        click.echo(f"{each.folder.name:40}  {began}  {each.stage:8}  {done}/{len(state.jobs)} jobs  {took}")
    if any(each.stage == "left" for each in found):
        click.echo("`left`: the kit that worked on it is gone; go on with: xlt-kit resume RUN")


def _facts(found: Status) -> dict[str, object]:
    return {
        "run": found.folder.name,
        "path": str(found.folder.path),
        "stage": found.stage,
        "holder": encode(found.holder) if found.holder else None,
        "state": encode(found.state) if found.state else None,
    }


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
        if state is None or state.stage != "running" or folder.holder() is None:
            return
        time.sleep(0.5)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
