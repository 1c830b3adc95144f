"""Jobs in the queue of a Slurm cluster, whose one channel is the shared folder.

A job is a batch script beside its `job.json`, submitted with `sbatch`. Not through submitit, which pickles functions: a
job folder says all that a job needs. Not through PSI/J either: one `sbatch`, one `squeue` for all jobs and one
`scancel` are all that the protocol of executors asks for. Accounting (`sacct`) may be off.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kit.errors import EnvironmentError_
from kit.executors.batch import FORMAT, ended_as, name_of, queue, script
from kit.executors.site import Site
from kit.executors.slots import environment
from kit.jobdir import Handle, JobFolder
from kit.schedule.endings import Ended
from kit.schedule.executor import EngineState, Slot, Submission

_SOONEST, _LATEST = 1.0, 20.0
"""Seconds between two looks at the queue: soon after something has changed, later while nothing does."""
_PATIENCE_OF_A_COMMAND = 60.0
_COMPLETES = 10.0
"""Seconds for a job to leave its node, until it is known how it ended."""
_SCRIPT = "batch.sh"


class SlurmExecutor:
    """Runs `python -m kit.job FOLDER` as a batch job. Implements `kit.schedule.Executor`."""

    name = "slurm"
    called = "Slurm's controller"
    grace = 15.0
    patience = 3600.0

    def __init__(self, slots: tuple[Slot, ...], site: Site, python: str = "") -> None:
        """Use the given slots: so many jobs are in the queue at a time.

        Raises:
            EnvironmentError_: Slurm's commands are not there.
        """
        absent = [name for name in ("sbatch", "squeue", "scancel", "scontrol") if shutil.which(name) is None]
        if absent:
            raise EnvironmentError_(
                f"there is no {', '.join(absent)} on this machine",
                remedy="run it on a login node of the cluster, or choose another executor",
            )
        self.slots = slots
        self.details = {"site": site.name} if site.name else {}
        self._site = site
        self._python = python or site.python or sys.executable
        self._seen: dict[str, tuple[str, str]] | None = {}
        self._looked, self._wait = 0.0, _SOONEST

    def submit(self, jobs: Sequence[Submission]) -> list[Handle]:
        """Put each job into the queue."""
        return [self._submit(job) for job in jobs]

    def poll(self, handles: Sequence[Handle]) -> list[EngineState]:
        """`running` while a job waits or runs; `unknown` while the controller does not answer."""
        return self._states(handles, self._queue())

    def ended(self, handle: Handle) -> Ended:
        """What the controller remembers: some minutes, by default. While a job completes it says no more than that."""
        end = time.monotonic() + _COMPLETES
        while True:
            told = _slurm("scontrol", "show", "job", "--oneliner", handle.id)
            if told is None or "JobState=COMPLETING" not in told or time.monotonic() > end:
                return Ended("unknown") if told is None else ended_as(told)
            time.sleep(0.5)

    def find(self, folders: Sequence[Path]) -> list[Handle | None]:
        """By the names that jobs have in the queue.

        Raises:
            EnvironmentError_: the controller does not answer: what lives there would be started a second time.
        """
        listed = self._queue(now=True) if folders else {}
        if listed is None:
            raise EnvironmentError_(
                f"{self.called} does not answer", remedy="see scontrol ping, then go on with: xlt-kit resume"
            )
        by_name = {name: id_ for id_, (name, _) in listed.items()}
        return [
            Handle(self.name, by_name[name], time.time(), name)
            if (name := name_of(folder)) in by_name
            else None
            for folder in folders
        ]

    def cancel(self, handles: Sequence[Handle], grace: float) -> None:
        """What waits is taken out of the queue; what runs gets SIGTERM, and after the grace SIGKILL."""
        ids = [handle.id for handle in handles]
        if not ids:
            return
        _slurm("scancel", "--state=PENDING", *ids)
        _slurm("scancel", "--full", "--signal=TERM", *ids)
        end = time.monotonic() + grace
        while self._any_left(handles) and time.monotonic() < end:
            time.sleep(0.2)
        if self._any_left(handles):
            _slurm("scancel", "--full", "--signal=KILL", *ids)
            _slurm("scancel", *ids)
        while self._any_left(handles):
            time.sleep(0.2)

    def tidy(self, folders: Sequence[Path]) -> None:
        """The queue forgets by itself."""

    def _any_left(self, handles: Sequence[Handle]) -> bool:
        return "running" in self._states(handles, self._queue(now=True))

    def _states(
        self, handles: Sequence[Handle], listed: dict[str, tuple[str, str]] | None
    ) -> list[EngineState]:
        if listed is None:
            return ["unknown"] * len(handles)
        return ["running" if listed.get(handle.id, ("",))[0] == handle.mark else "gone" for handle in handles]

    def _queue(self, now: bool = False) -> dict[str, tuple[str, str]] | None:
        """This user's jobs by id; None where the controller does not answer. Asked for all jobs at once, and rarely."""
        if now or time.monotonic() - self._looked >= self._wait:
            told = _slurm("squeue", "--noheader", f"--user={getpass.getuser()}", f"--format={FORMAT}")
            seen = None if told is None else queue(told)
            changed = seen != self._seen
            self._wait = _SOONEST if changed else min(_LATEST, self._wait * 1.5)
            self._seen, self._looked = seen, time.monotonic()
        return self._seen

    def _submit(self, job: Submission) -> Handle:
        folder = JobFolder(job.folder)
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        told = {**environment(job.slot), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        text = script(
            job.folder,
            folder.log,
            self._site.directives(job.slot.threads, job.slot.device == "cuda"),
            self._site.setup,
            self._python,
            told,
        )
        place = job.folder / _SCRIPT
        place.write_text(text, encoding="utf-8")
        id_ = _sbatch(place)
        handle = Handle(self.name, id_, time.time(), name_of(job.folder), job.slot.name)
        self._looked = 0.0
        try:
            folder.write_handle(handle)
        except OSError:
            _slurm("scancel", id_)  # nobody would find it again
            raise
        return handle


def _sbatch(place: Path) -> str:
    """The id of a job that was put into the queue.

    Raises:
        EnvironmentError_: Slurm refuses it, in its own words.
    """
    done = _run(["sbatch", "--parsable", str(place)])
    id_ = done.stdout.strip().partition(";")[0] if done else ""
    if done is None or done.returncode or not id_:
        said = " ".join((done.stderr if done else "it does not answer").split())[:300]
        raise EnvironmentError_(
            f"Slurm does not take the job: {said}",
            remedy="compare the site's file (partition, account, limits) with what sinfo and sacctmgr say",
        )
    return id_


def _slurm(*words: str) -> str | None:
    """What a command prints; None where it fails or does not answer."""
    done = _run(list(words))
    return done.stdout if done and done.returncode == 0 else None


def _run(words: list[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=_PATIENCE_OF_A_COMMAND
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
