"""What a scheduler reads of its jobs, and how it words what went wrong."""

from __future__ import annotations

import errno

from kit.errors import EnvironmentError_, KitError, StorageError
from kit.jobdir import Failure, FailureCode, Handle, JobFolder, Result, SpecError

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


def doing_of(folder: JobFolder, kind: str) -> str:
    """The kind of work that a job was at: for a series that of its piece."""
    if kind != "series":
        return kind
    pieces = [event for event in folder.read_events()[0] if event.kind == "piece"]
    return str(pieces[-1].data.get("work", kind)) if pieces else kind


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
