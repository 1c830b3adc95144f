"""`xlt-kit status`: how a run stands at this moment, as lines of plain text: what the screen shows, without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import click

from kit.api import Status, Workspace, status
from kit.cli.common import print_json, workspace_options
from kit.jobdir import Failure
from kit.report.units import duration, human
from kit.schedule import JobState, RunFolder, find_run
from kit.schedule.progress import Curve, Follower, JobProgress, RunProgress
from kit.store import Store


@dataclass(frozen=True)
class JobNow:
    """A job at this moment. `share`, `doing`, `seconds_left` and `usage` are of jobs that run."""

    id: str
    title: str
    stage: str
    share: float | None
    doing: str
    seconds_left: float | None
    seconds: float | None
    losses: Sequence[float]
    tokens_per_second: float
    usage: Mapping[str, float]
    retries: Sequence[str]
    failure: Failure | None


@click.command("status")
@click.argument("run", default="last")
@click.option("--missing", is_flag=True, help="List the cells that are not in the store instead.")
@workspace_options
def status_command(workspace: Workspace, run: str, missing: bool, as_json: bool) -> None:
    """Show how RUN (the last one where none is named) stands: jobs, progress, time left, losses, use of the machine."""
    folder = find_run(workspace.runs, run)
    if missing:
        _tell_missing(folder, workspace.store(), as_json)
        return
    now = status(folder)
    follower = Follower(now.folder)
    progress = follower.update(now.state) if now.state else RunProgress(0.0, None)
    jobs = [_job(now, job, follower) for job in (now.state.jobs if now.state else ())]
    if as_json:
        facts = {
            "share": progress.share,
            "seconds_left": progress.seconds_left,
            "jobs": [asdict(j) for j in jobs],
        }
        print_json({"run": now.folder.name, "stage": now.stage, **facts})
        return
    click.echo(", ".join(_summary(now, progress)))
    for job in jobs:
        click.echo(f"  {job.stage:8} {job.title}")
        for line in _lines(job):
            click.echo(f"           {line}")


def _tell_missing(folder: RunFolder, store: Store, as_json: bool) -> None:
    """By one look at the store's folder, however large the grid."""
    wanted = folder.wanted().cells
    there = store.cell_keys()
    absent = [cell for cell in wanted if cell.key not in there]
    if as_json:
        cells = [{"key": cell.key, "cell": cell.spec.label, "items": cell.items} for cell in absent]
        print_json({"run": folder.name, "cells": len(wanted), "missing": cells})
        return
    click.echo(f"{folder.name}: {len(absent)} of {len(wanted)} cells are missing")
    for cell in absent:
        click.echo(f"  {cell.spec.label}")


def _job(now: Status, job: JobState, follower: Follower) -> JobNow:
    said, curve = follower.jobs.get(job.id, JobProgress()), Curve().follow(now.folder.job(job.id))
    running = job.stage == "running"
    return JobNow(
        id=job.id,
        title=job.title,
        stage=job.stage,
        share=said.share if running else None,
        doing=said.doing if running else "",
        seconds_left=follower.seconds_left(job),
        seconds=job.ended - job.started if job.ended and job.started else None,
        losses=curve.losses,
        tokens_per_second=curve.throughput,
        usage=curve.usage if running else {},
        retries=job.retries,
        failure=job.failure,
    )


def _summary(now: Status, progress: RunProgress) -> Iterator[str]:
    yield f"{now.folder.name}: {now.stage}"
    if now.state is None:
        return
    yield f"{sum(job.stage == 'done' for job in now.state.jobs)}/{len(now.state.jobs)} jobs"
    if now.stage == "running":
        yield f"{progress.share:.0%}"
        if progress.seconds_left is not None:
            yield f"about {duration(progress.seconds_left)} left"
    if now.state.notice:
        yield now.state.notice


def _lines(job: JobNow) -> Iterator[str]:
    if job.share is not None:
        left = f", about {duration(job.seconds_left)} left" if job.seconds_left is not None else ""
        yield f"{job.share:.0%} {job.doing}{left}"
    elif job.seconds is not None:
        yield f"took {duration(job.seconds)}"
    if job.losses:
        steps = f"{len(job.losses)} steps, {job.tokens_per_second:,.0f} tokens/s"
        yield f"loss {job.losses[0]:.3f} -> {job.losses[-1]:.3f} in {steps}"
    if job.usage:
        yield ", ".join(_used(job.usage))
    for reason in job.retries:
        yield f"again: {reason}"
    if job.failure:
        yield f"{job.failure.message} [{job.failure.code}]"
        if job.failure.remedy:
            yield f"-> {job.failure.remedy}"


def _used(usage: Mapping[str, float]) -> Iterator[str]:
    if "cpu" in usage:
        yield f"CPU {usage['cpu']:.1f} cores"
    if "memory" in usage:
        yield f"memory {human(int(usage['memory']))}"
    if "gpu" in usage:
        yield f"GPU {usage['gpu']:.0%}, {human(int(usage['gpu_memory']))} of {human(int(usage['gpu_total']))}"
