"""Reads: a plan, an executor, the folders of its jobs.
Writes: the run folder (`state.json`, `jobs/`), finished work into the store.
"""

from kit.schedule.executor import EngineState, Executor, Slot, Submission
from kit.schedule.runfolder import JobState, RunFolder, RunState, list_runs
from kit.schedule.scheduler import Scheduler

__all__ = [
    "EngineState",
    "Executor",
    "JobState",
    "RunFolder",
    "RunState",
    "Scheduler",
    "Slot",
    "Submission",
    "list_runs",
]
