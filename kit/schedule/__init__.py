"""Reads: a plan, an executor, the folders of its jobs.
Writes: the run folder (`state.json`, `jobs/`), finished work into the store.
"""

from kit.schedule.executor import EngineState, Executor, Slot, Submission
from kit.schedule.living import at_work, collect
from kit.schedule.lock import Holder
from kit.schedule.runfolder import JobState, Request, RunFolder, RunState, find_run, list_runs
from kit.schedule.scheduler import Scheduler
from kit.schedule.wishes import Wish, Wishes

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
    "Wish",
    "Wishes",
    "at_work",
    "collect",
    "find_run",
    "list_runs",
]
