"""Reads: a plan, an executor, the folders of its jobs.
Writes: the run folder (`state.json`, `jobs/`), finished work into the store.
"""

from kit.schedule.executor import EngineState, Executor, Slot, Submission
from kit.schedule.lock import Holder
from kit.schedule.runfolder import JobState, Request, RunFolder, RunState, find_run, list_runs
from kit.schedule.scheduler import Scheduler

__all__ = [
    "EngineState",
    "Executor",
    "Holder",
    "JobState",
    "Request",
    "RunFolder",
    "RunState",
    "Scheduler",
    "Slot",
    "Submission",
    "find_run",
    "list_runs",
]
