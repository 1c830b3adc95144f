"""What a scheduler reads of its jobs, and how it words what went wrong."""

from __future__ import annotations

import errno

from kit.errors import EnvironmentError_, KitError, StorageError
from kit.jobdir import Failure, FailureCode, Handle, JobFolder, Result, SpecError
from kit.plan import PlannedJob

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a system says of a full disk."""


def landing_failure(problem: Exception) -> Failure:
    """Why finished work could not be taken in, or a job not be started, as a failure of the job."""
    remedy = problem.remedy if isinstance(problem, KitError) else None
    if isinstance(problem, StorageError) or (isinstance(problem, OSError) and problem.errno in FULL):
        message = problem.message if isinstance(problem, KitError) else f"the disk is full: {problem}"
        return Failure(
            FailureCode.DISK_FULL, message, remedy or "free some space, then run or resume it again"
        )
    code = FailureCode.ENGINE if isinstance(problem, EnvironmentError_) else FailureCode.DEFECT
    return Failure(code, problem.message if isinstance(problem, KitError) else str(problem), remedy)


def kind_of(job: PlannedJob) -> str:
    """The kind of a planned job, in a word."""
    return {"TuneSpec": "tune", "EvaluateSpec": "evaluate", "PretrainSpec": "pretrain"}[
        type(job.work).__name__
    ]


def handle_of(folder: JobFolder) -> Handle | None:
    """The job's handle, or None where there is none that can be read."""
    try:
        return folder.handle()
    except (OSError, ValueError):
        return None


def result_of(folder: JobFolder) -> Result | None:
    """The job's result, or None where there is none that can be read (yet)."""
    try:
        return folder.result()
    except (ValueError, SpecError):
        return None
