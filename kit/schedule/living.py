"""What is left of an earlier go at a run, looked at before it is planned again: finished work, and jobs that live."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from kit.errors import KitError
from kit.jobdir import Handle, JobFolder, JobSpec, SpecError
from kit.schedule.executor import Executor
from kit.schedule.landing import Finish, land
from kit.schedule.reading import handle_of, result_of
from kit.schedule.runfolder import RunFolder
from kit.store import Store


def collect(folder: RunFolder, store: Store, finish: Finish) -> None:
    """Take in what the jobs of earlier goes have finished, whether or not the next plan has a job of their name."""
    for job in folder.job_folders():
        with contextlib.suppress(KitError, OSError, ValueError):  # what cannot be taken in is made anew
            land(job, store, finish)


def at_work(folder: RunFolder, executor: Executor) -> dict[str, JobSpec]:
    """The jobs of a run that live at this moment, by id, as they were told; the plan leaves them what they have."""
    open_ = [job for job in folder.job_folders() if result_of(job) is None]
    return {
        job.path.name: spec
        for job, handle in zip(open_, living(open_, executor), strict=True)
        if handle and (spec := _spec(job)) is not None
    }


def living(jobs: Sequence[JobFolder], executor: Executor) -> list[Handle | None]:
    """The handle of each job that lives. A kit that was killed between the start of a job and its handle has left
    none: the engine is asked for it.
    """
    handles = [handle_of(job) for job in jobs]
    known = [handle for handle in handles if handle and handle.executor == executor.name]
    alive = [h for h, state in zip(known, executor.poll(known), strict=True) if state == "running"]
    found = [handle if handle in alive else None for handle in handles]
    lost = [at for at, handle in enumerate(found) if handle is None]
    for at, handle in zip(lost, executor.find([jobs[at].path for at in lost]), strict=True):
        found[at] = handle
    return found


def _spec(job: JobFolder) -> JobSpec | None:
    try:
        return job.spec()
    except (OSError, ValueError, SpecError):
        return None
