"""Runs without a terminal: what they are doing, how they go on, and how they end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kit.api.planning import Prepared, prepare
from kit.api.running import named_inputs
from kit.api.workspace import Workspace
from kit.errors import DataError, EnvironmentError_, LockedError, StorageError, UsageError, Where
from kit.executors import executor_named
from kit.jobdir import Handle, JobFolder
from kit.processes import identity
from kit.schedule import Holder, RunFolder, RunState, Wish, Wishes, list_runs

_PATIENCE = 20.0
"""Seconds for a kit to do what it was asked; to stop, its jobs take a few of them."""
_GRACE = 3.0

Stage = Literal["never started", "running", "left", "done", "failed", "stopped", "unreadable"]


@dataclass(frozen=True)
class Status:
    """A run as its files show it, and then its machine: `left` is a run whose kit is gone without a last word."""

    folder: RunFolder
    stage: Stage
    state: RunState | None
    holder: Holder | None


def status(folder: RunFolder) -> Status:
    """What a run is doing. The files speak first; only where they say `running` is the holder looked for."""
    try:
        state = folder.state()
    except StorageError:
        return Status(folder, "unreadable", None, folder.holder())
    holder = folder.holder()
    if state is None or state.stage != "running":
        stage: Stage = "never started" if state is None else state.stage
        return Status(folder, "running" if holder else stage, state, holder)
    return Status(folder, "running" if holder else "left", state, holder)


def list_statuses(workspace: Workspace) -> list[Status]:
    """Every run of a workspace, the last touched last."""
    return [status(folder) for folder in list_runs(workspace.runs)]


def living_jobs(folder: RunFolder) -> list[tuple[JobFolder, Handle]]:
    """The jobs of a run that work at this moment, by their handles and by the engine, whoever started them."""
    folders = folder.job_folders()
    handles: dict[Path, Handle] = {}
    for job in folders:
        with contextlib.suppress(OSError, ValueError):
            if handle := job.handle():
                handles[job.path] = handle
    found: list[tuple[JobFolder, Handle]] = []
    for name in sorted({"local", *(handle.executor for handle in handles.values())}):
        executor = executor_named(name)
        own = [(job, handles[job.path]) for job in folders if job.path in handles]
        own = [pair for pair in own if pair[1].executor == name]
        states = executor.poll([handle for _, handle in own])
        alive = [pair for pair, engine in zip(own, states, strict=True) if engine == "running"]
        rest = [job for job in folders if job.path not in {living.path for living, _ in alive}]
        unnoted = zip(rest, executor.find([job.path for job in rest]), strict=True)
        found += [*alive, *((job, handle) for job, handle in unnoted if handle)]
    return found


def go_on(workspace: Workspace, folder: RunFolder) -> Prepared:
    """Prepare a run again from its own copy of the recipe, wherever the recipe's file is now.

    Where the workspace names no mirror, the one of the first time is used.

    Raises:
        StorageError: the run's files are damaged, or it is no run of this kit.
        DataError: a name stands for another content than when the run was planned.
    """
    request = folder.request()
    mirror = workspace.mirror or (Path(request.mirror) if request.mirror else None)
    where = replace(workspace, mirror=mirror, offline=workspace.offline or request.offline)
    prepared = prepare(where, folder.recipe)
    if prepared.run_name != folder.name:
        now = named_inputs(prepared.inputs)
        changed = [name for name, content in request.inputs.items() if now.get(name) != content]
        what = (
            f"changed since it was planned: {', '.join(changed)}" if changed else "was planned by another kit"
        )
        raise DataError(
            f"the run {folder.name} cannot go on as it was: {what}",
            where=Where(str(folder.path)),
            remedy=f"put the old files back, or begin a new run: xlt-kit run {request.source}",
        )
    return prepared


def background(workspace: Workspace, folder: RunFolder) -> int:
    """Start a kit that goes on with a run apart from this process and its terminal; returns its pid.

    Returns once that kit holds the run, or has ended it well.

    Raises:
        LockedError: another kit holds the run.
        EnvironmentError_: the new kit ended at once; the error has its last words.
    """
    if holder := folder.holder():
        raise LockedError(
            f"another kit works on this run: {holder}",
            where=Where(str(folder.path)),
            remedy=f"watch it: xlt-kit attach {folder.name}",
        )
    words = [sys.executable, "-m", "kit.cli", "resume", str(folder.path), "--home", str(workspace.home)]
    words += ["--mirror", str(workspace.mirror)] if workspace.mirror else []
    words += ["--offline"] if workspace.offline else []
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with folder.output.open("ab") as output:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder.path,
            env={**os.environ, "PYTHONPATH": path},
        )
    while child.poll() is None:
        holder = folder.holder()
        if holder and holder.pid == child.pid:
            return child.pid
        time.sleep(0.05)
    if child.returncode:
        last = "\n".join(folder.output.read_text("utf-8", "replace").splitlines()[-5:])
        raise EnvironmentError_(
            f"the kit in the background ended with exit code {child.returncode}:\n{last}",
            where=Where(str(folder.output)),
            remedy="run it without --detach to see more",
        )
    return child.pid


def stop_run(folder: RunFolder) -> bool:
    """End a run and all its jobs; what was finished is kept. Returns whether anything was at work.

    The kit that holds the run is asked first, then ended; jobs that it left behind are ended from here.

    Raises:
        LockedError: a kit of another machine holds it.
    """
    holder = folder.holder()
    if holder and not holder.here:
        raise LockedError(
            f"the run is held by {holder}", where=Where(str(folder.path)), remedy="stop it on that machine"
        )
    if holder:
        _end(holder)
    with folder.lock():
        jobs = living_jobs(folder)
        for name in {handle.executor for _, handle in jobs}:
            executor_named(name).cancel([handle for _, handle in jobs if handle.executor == name], _GRACE)
        state = folder.state()
        if state and state.stage == "running":
            ended = tuple(replace(j, stage="stopped") if j.stage == "running" else j for j in state.jobs)
            folder.write_state(replace(state, stage="stopped", jobs=ended, updated=time.time()))
    return bool(holder or jobs)


def stop_job(folder: RunFolder, job_id: str) -> None:
    """End one job of a run that is at work; what needs it is blocked, the others go on.

    Raises:
        UsageError: nobody works on the run, or the job has ended already.
    """
    _wish(folder, job_id, "stop", ("waiting", "running"))


def retry_job(workspace: Workspace, folder: RunFolder, job_id: str) -> None:
    """Try a job again that was stopped, has failed or was blocked, and what it has blocked.

    Where nobody works on the run, a kit in the background goes on with all that is missing of it.

    Raises:
        UsageError: the job neither failed nor was it stopped or blocked. Else as `go_on` and `background`.
    """
    if folder.holder():
        _wish(folder, job_id, "retry", ("failed", "stopped", "blocked"))
    else:
        go_on(workspace, folder)
        background(workspace, folder)


def _wish(folder: RunFolder, job_id: str, act: Literal["stop", "retry"], stages: tuple[str, ...]) -> None:
    """Leave a wish and wait until it was taken up; of the last moment of a run it is taken back."""
    state = folder.state()
    job = next((job for job in state.jobs if job.id == job_id), None) if state else None
    where = Where(str(folder.path))
    if job is None:
        raise UsageError(f"no job of this run is called {job_id!r}", where=where)
    if job.stage not in stages:
        raise UsageError(f"the job cannot be asked to {act}: it is {job.stage}", where=where)
    path = Wishes(folder.path).leave(Wish(act, job_id))
    end = time.monotonic() + _PATIENCE
    while folder.holder() and time.monotonic() < end:
        if not path.exists():
            return
        time.sleep(0.05)
    if path.exists():
        path.unlink(missing_ok=True)
        gone = folder.holder() is None
        problem = (
            "nobody works on this run" if gone else f"its kit did not take it up within {_PATIENCE:.0f} s"
        )
        act_on = (
            "go on with what is missing: xlt-kit resume"
            if gone
            else "ask again, or stop the run: xlt-kit stop"
        )
        raise UsageError(problem, where=where, remedy=f"{act_on} {folder.name}")


def delete_run(folder: RunFolder) -> None:
    """Delete the folder of a run that nobody works on; its finished cells stay in the store.

    It gets another name first, so that a kit that is just ending cannot write into what is half deleted.

    Raises:
        LockedError: a kit works on it. StorageError: the folder cannot be removed.
    """
    gone = folder.path.with_name(f".{folder.name}.gone")
    try:
        with folder.lock():
            shutil.rmtree(gone, ignore_errors=True)
            os.rename(folder.path, gone)
            shutil.rmtree(gone)
    except OSError as problem:
        raise StorageError(
            f"the run's folder cannot be removed: {problem.strerror}",
            where=Where(str(folder.path)),
            remedy="check its permissions",
        ) from problem


def _end(holder: Holder) -> None:
    for number, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, 5.0)):
        if identity(holder.pid) != holder.mark:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder.pid, number)
        end = time.monotonic() + patience
        while time.monotonic() < end and identity(holder.pid) == holder.mark:
            time.sleep(0.05)
