"""Graph x slots: starts what is ready, follows it by its files, lands what is finished, ends what must end."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NoReturn

from kit.errors import EnvironmentError_, KitError, StorageError, Where
from kit.jobdir import (
    EvaluateSpec,
    Failure,
    FailureCode,
    Handle,
    JobSpec,
    Result,
    SeriesSpec,
    SpecError,
    kind_of,
)
from kit.plan import Plan, PlannedJob
from kit.schedule.endings import Ended, Verdict, judge_failure, judge_loss
from kit.schedule.executor import Executor, Slot, Submission
from kit.schedule.landing import Finish, ended_well, land
from kit.schedule.living import living
from kit.schedule.reading import FULL, doing_of, landing_failure, result_of
from kit.schedule.runfolder import JobState, RunFolder, RunState
from kit.schedule.wishes import Wishes
from kit.store import Store

Prepare = Callable[[PlannedJob, Slot], JobSpec]
_BATCH_TOKENS, _FEWEST_TOKENS = 4096, 256
"""A batch is a quarter after each lack of memory: of this, where the recipe says nothing; never less than that."""
_ROOM = 64 << 10
"""Bytes on a disk without which a job cannot write down how it ended."""
_STOP_GRACE = 3.0
_LEAVING = 10.0
"""Seconds for a job's process to end after its result: until then its memory and its GPU are not free."""


class Scheduler:
    """Drives one plan to its end. All state is in the run folder; this object may die at any time."""

    def __init__(
        self, folder: RunFolder, executor: Executor, store: Store, prepare: Prepare, finish: Finish
    ) -> None:
        self.folder = folder
        self.executor = executor
        self.store = store
        self._wishes = Wishes(folder.path)
        self._prepare = prepare
        self._finish = finish
        self._plan: dict[str, PlannedJob] = {}
        self._jobs: dict[str, JobState] = {}
        self._handles: dict[str, Handle] = {}
        self._gone_since: dict[str, float] = {}
        self._result_since: dict[str, float] = {}
        self._head: dict[str, Any] = {}
        self._adopted: set[str] = set()
        self._gained: set[str] = set()
        self._away_since: float | None = None
        self._notice = ""
        self._written: tuple[str, tuple[JobState, ...]] | None = None

    def run(
        self,
        plan: Plan,
        stopping: Callable[[], bool] = lambda: False,
        observe: Callable[[RunState], None] = lambda state: None,
        pause: float = 0.2,
    ) -> RunState:
        """Work until every job is done, failed, stopped or blocked, or `stopping` says so; the run's lock must be held.

        `observe` is called with the state about every `pause` seconds. A job that failed, or that a user has stopped,
        blocks what needs it, and nothing else.

        Raises:
            StorageError: the run folder has gone from under it; its jobs are ended.
            EnvironmentError_: the engine has not answered for too long; the jobs may still live.
        """
        self._begin(plan)
        while any(job.stage in ("waiting", "running") for job in self._jobs.values()):
            if stopping():
                return self._stop()
            if not self.folder.path.is_dir():
                self._lose_folder("it has vanished")
            self._hear()
            self._follow()
            self._block()
            if self._away_since is None:
                self._start_ready()
            observe(self._write("running"))
            if any(job.stage == "running" for job in self._jobs.values()):
                time.sleep(pause)
        ends = {job.stage for job in self._jobs.values()}
        final = self._write("failed" if "failed" in ends else "stopped" if "stopped" in ends else "done")
        observe(final)
        return final

    def _begin(self, plan: Plan) -> None:
        self._plan = {job.id: job for job in plan.jobs}
        self._jobs = {
            j.id: JobState(j.id, j.title, kind_of(j.work), j.needs, j.keys, j.cost.seconds) for j in plan.jobs
        }
        self._wishes.take()  # what was wished of an earlier go is over
        total = len({cell.key for cell in plan.demand.wanted.cells})
        self._head = {"run": self.folder.name, "started": time.time(), "wanted": total, "stored": plan.stored}
        self._adopt()
        for job_id in self._jobs:
            self._collect(job_id)
        self._write("running")

    def _adopt(self) -> None:
        """Take over the jobs that an earlier scheduler of this run started and that still live."""
        folders = {job_id: self.folder.job(job_id) for job_id in self._jobs}
        started = {job_id: f for job_id, f in folders.items() if f.path.exists() and result_of(f) is None}
        for job_id, handle in zip(started, living(list(started.values()), self.executor), strict=True):
            if handle:
                self._take_over(job_id, handle)

    def _take_over(self, job_id: str, handle: Handle) -> None:
        self._handles[job_id] = handle
        self._adopted.add(job_id)
        slot = handle.slot or "adopted"
        self._set(job_id, stage="running", started=handle.started, attempts=1, slot=slot)

    def _collect(self, job_id: str) -> None:
        """Take in what an earlier go of a waiting job has finished; all of it may be there."""
        folder = self.folder.job(job_id)
        if self._jobs[job_id].stage != "waiting" or not folder.path.exists():
            return
        try:
            land(folder, self.store, self._finish)
        except (KitError, OSError, SpecError):
            return  # what cannot be taken in is made anew
        if ended_well(folder) and all(map(self._landed, self._plan[job_id].outputs)):
            self._set(job_id, stage="done", ended=time.time())

    def _hear(self) -> None:
        """Do what users wish of single jobs; a wish that does not fit how its job stands by now is dropped."""
        for wish in self._wishes.take():
            job = self._jobs.get(wish.job)
            if job and wish.act == "stop" and job.stage in ("waiting", "running"):
                self._stop_one(job)
            elif job and wish.act == "retry" and job.stage in ("failed", "stopped", "blocked"):
                self._retry(job)

    def _retry(self, job: JobState) -> None:
        """Let a job wait for its turn again, and with it what it needs and what it has blocked."""
        self._set(job.id, stage="waiting", failure=None, ended=None, slot=None, attempts=0)
        for other in list(self._jobs.values()):
            needed = other.id in job.needs and other.stage in ("failed", "stopped", "blocked")
            if needed or (other.stage == "blocked" and job.id in other.needs):
                self._retry(other)

    def _stop_one(self, job: JobState) -> None:
        if job.stage == "running":
            self._cancel(job.id)
        remedy = f"try it again: xlt-kit retry {self.folder.name} {job.id}"
        failure = Failure(FailureCode.STOPPED, "stopped by the user", remedy)
        self._set(job.id, stage="stopped", ended=time.time(), failure=failure)

    def _cancel(self, *job_ids: str) -> None:
        """End jobs that run, and take in what they have finished."""
        self.executor.cancel([self._handles[job_id] for job_id in job_ids], _STOP_GRACE)
        for job_id in job_ids:
            with contextlib.suppress(KitError, OSError, SpecError):
                land(self.folder.job(job_id), self.store, self._finish)  # else it lands when the run goes on

    def _follow(self) -> None:
        running = [job_id for job_id, job in self._jobs.items() if job.stage == "running"]
        results = {job_id: result_of(self.folder.job(job_id)) for job_id in running}
        states = self.executor.poll([self._handles[job_id] for job_id in running])
        self._note_absence("unknown" in states)
        for job_id, engine in zip(running, states, strict=True):
            folder = self.folder.job(job_id)
            if not folder.path.is_dir():
                self._lose_job(job_id)
                continue
            try:
                if land(folder, self.store, self._finish):
                    self._gained.add(job_id)
                # The result file speaks first; it was read before the engine was asked, so read it once more.
                result = results[job_id] or (result_of(folder) if engine == "gone" else None)
                if result is not None and (engine == "gone" or self._lingers(job_id)):
                    self._settle(job_id, result)
                elif result is None and engine == "gone":
                    self._vanished(job_id)
            except (KitError, OSError, SpecError) as problem:
                self.executor.cancel([self._handles[job_id]], _STOP_GRACE)
                self._end(job_id, landing_failure(problem))

    def _settle(self, job_id: str, result: Result) -> None:
        if result.state != "done":
            failure = result.failure or Failure(FailureCode.DEFECT, "the job failed without a reason")
            self._rule(job_id, judge_failure(failure, self._doing(job_id), self._starts(job_id)))
            return
        land(self.folder.job(job_id), self.store, self._finish)
        absent = [key for key in self._plan[job_id].outputs if not self._landed(key)]
        if absent and job_id in self._adopted:
            self._set(job_id, stage="waiting")  # it was started for an earlier, smaller plan
        elif absent:
            message = f"the job ended well but left out {len(absent)} of its outputs, first {absent[0]}"
            self._end(job_id, Failure(FailureCode.DEFECT, message))
        else:
            self._end(job_id, None)

    def _lingers(self, job_id: str) -> bool:
        """Whether a job that has said its last word was given time enough to leave its slot; it is ended then."""
        since = self._result_since.setdefault(job_id, time.monotonic())
        if time.monotonic() - since < _LEAVING:
            return False
        self.executor.cancel([self._handles[job_id]], _STOP_GRACE)
        return True

    def _vanished(self, job_id: str) -> None:
        since = self._gone_since.setdefault(job_id, time.monotonic())
        if time.monotonic() - since < self.executor.grace:
            return
        del self._gone_since[job_id]
        folder = self.folder.job(job_id)
        ended = self.executor.ended(self._handles[job_id])
        there = folder.path.is_dir()
        full = there and shutil.disk_usage(folder.path).free < _ROOM
        self._rule(
            job_id,
            judge_loss(ended, self._doing(job_id), self._starts(job_id), there, folder.log_tail(5), full),
        )

    def _lose_job(self, job_id: str) -> None:
        """End a job whose folder was removed under it: whatever it still does, nobody will find."""
        self.executor.cancel([self._handles[job_id]], _STOP_GRACE)
        job = self._jobs[job_id]
        self._rule(job_id, judge_loss(Ended("unknown"), job.kind, job.attempts, folder_there=False))

    def _rule(self, job_id: str, verdict: Verdict) -> None:
        """Start a job again, with smaller batches where that is the verdict, or let it fail."""
        job, reason = self._jobs[job_id], verdict.failure.message
        if not verdict.again:
            self._end(job_id, verdict.failure)
            return
        tokens = job.batch_tokens
        if verdict.smaller:
            tokens = max(_FEWEST_TOKENS, (tokens or self._batch_tokens(job_id)) // 4)
            reason += f"; again with batches of {tokens} tokens"
        self._set(job_id, stage="waiting", slot=None, batch_tokens=tokens, retries=(*job.retries, reason))

    def _batch_tokens(self, job_id: str) -> int:
        with contextlib.suppress(OSError, ValueError, SpecError):
            return self.folder.job(job_id).spec().batch_tokens or _BATCH_TOKENS
        return _BATCH_TOKENS

    def _note_absence(self, away: bool) -> None:
        """Remember since when the engine does not answer, and give up once its patience is over."""
        if not away:
            self._away_since, self._notice = None, ""
            return
        self._away_since = self._away_since or time.monotonic()
        self._notice = f"{self.executor.called} does not answer; waiting for it"
        if time.monotonic() - self._away_since > self.executor.patience:
            raise EnvironmentError_(
                f"{self.executor.called} has not answered for {self.executor.patience:.0f} s",
                remedy=f"start it, then go on with: xlt-kit resume {self.folder.name}; what is finished is kept",
            )

    def _block(self) -> None:
        for job_id, job in self._jobs.items():
            if job.stage != "waiting":
                continue
            ended = [
                n
                for n in job.needs
                if self._stage(n) in ("failed", "blocked", "stopped") and not self._met(job, n)
            ]
            if ended:
                first = self._jobs[ended[0]]
                why = "was stopped" if first.stage == "stopped" else "failed"
                self._set(
                    job_id, stage="blocked", failure=Failure("blocked", f"needs «{first.title}», which {why}")
                )

    def _start_ready(self) -> None:
        running = [job for job in self._jobs.values() if job.stage == "running"]
        names = {slot.name for slot in self.executor.slots}
        elsewhere = sum(job.slot not in names for job in running)  # adopted, on no slot that is known here
        busy = {job.slot for job in running}
        free = [slot for slot in self.executor.slots if slot.name not in busy]
        free = free[: max(0, len(free) - elsewhere)]
        for job_id, job in self._jobs.items():
            ready = job.stage == "waiting" and all(self._met(job, need) for need in job.needs)
            if ready and free and self._start(job_id, free[0]):
                free.pop(0)

    def _met(self, job: JobState, need: str) -> bool:
        """Whether a job has all that it takes from another: that one is done, or has failed in a thing that this one
        does not take (a series holds many).
        """
        if self._stage(need) not in ("failed", "stopped"):
            return self._stage(need) == "done"
        taken = set(self._plan[job.id].inputs) & set(self._plan[need].outputs)
        return bool(taken) and all(map(self._landed, taken))

    def _start(self, job_id: str, slot: Slot) -> bool:
        """Start a job; False where there is nothing left for it to do, or no room to start it."""
        folder = self.folder.job(job_id)
        try:
            spec = self._prepare(self._plan[job_id], slot)
            if self._jobs[job_id].batch_tokens:
                spec = replace(spec, batch_tokens=self._jobs[job_id].batch_tokens)
            if self._done_elsewhere(job_id, spec):
                self._end(job_id, None)
                return False
            folder.result_file.unlink(missing_ok=True)
            folder.write_spec(spec)
            self._handles[job_id] = self.executor.submit([Submission(folder.path, slot)])[0]
        except (OSError, EnvironmentError_) as problem:
            if isinstance(problem, EnvironmentError_) and "unknown" in self.executor.poll(
                list(self._handles.values())
            ):
                self._note_absence(True)  # the engine has just gone; the job waits for it
            else:
                self._end(job_id, landing_failure(problem))
            return False
        attempts = self._jobs[job_id].attempts + 1
        self._adopted.discard(job_id)
        self._gained.discard(job_id)
        self._result_since.pop(job_id, None)
        self._gone_since.pop(job_id, None)
        self._set(job_id, stage="running", slot=slot.name, started=time.time(), attempts=attempts)
        return True

    def _done_elsewhere(self, job_id: str, spec: JobSpec) -> bool:
        """Whether another run on the same store has finished all that the job would do, since it was planned."""
        if isinstance(spec.work, EvaluateSpec | SeriesSpec):
            return not spec.keys  # what is there is left out when a job is prepared
        return all(map(self._landed, self._plan[job_id].outputs))

    def _stop(self) -> RunState:
        running = [job_id for job_id, job in self._jobs.items() if job.stage == "running"]
        self._cancel(*running)
        for job_id in running:
            self._set(job_id, stage="stopped", ended=time.time())
        return self._write("stopped")

    def _end(self, job_id: str, failure: Failure | None) -> None:
        self._set(job_id, stage="failed" if failure else "done", ended=time.time(), failure=failure)

    def _starts(self, job_id: str) -> int:
        """How often a job was started for what it is at; a series that has got on since is at another."""
        job = self._jobs[job_id]
        return 1 if job.kind == "series" and job_id in self._gained else job.attempts

    def _doing(self, job_id: str) -> str:
        return doing_of(self.folder.job(job_id), self._jobs[job_id].kind)

    def _landed(self, key: str) -> bool:
        if "@" in key:
            tuning, step = key.split("@")
            return self.store.adapter(tuning, int(step)) is not None
        return self.store.cell(key) is not None or self.store.model(key) is not None

    def _stage(self, job_id: str) -> str:
        return self._jobs[job_id].stage if job_id in self._jobs else "done"

    def _set(self, job_id: str, **changes: Any) -> None:
        self._jobs[job_id] = replace(self._jobs[job_id], **changes)

    def _write(self, stage: Literal["running", "done", "failed", "stopped"]) -> RunState:
        """The state as it is now; it reaches the disk where something has changed."""
        state = RunState(
            stage=stage,
            jobs=tuple(self._jobs.values()),
            updated=time.time(),
            notice=self._notice,
            **self._head,
        )
        shape = (stage + self._notice, state.jobs)
        if shape != self._written:
            try:
                self.folder.write_state(state)
                self._written = shape
            except OSError as problem:
                if problem.errno not in FULL:
                    self._lose_folder(str(problem.strerror))
                # A full disk costs the display alone, and the next look tries again.
        return state

    def _lose_folder(self, reason: str) -> NoReturn:
        living = [self._handles[job.id] for job in self._jobs.values() if job.stage == "running"]
        self.executor.cancel(living, _STOP_GRACE)
        raise StorageError(
            f"the run's folder can no longer be written: {reason}",
            where=Where(str(self.folder.path)),
            remedy="its jobs are ended; run the recipe again: what is in the store is not repeated",
        )
