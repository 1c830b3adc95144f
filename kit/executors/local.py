"""Jobs as subprocesses of this machine, each in a session of its own, found again by pid and what guards it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from kit.errors import EnvironmentError_
from kit.executors.slots import environment
from kit.jobdir import Handle, JobFolder
from kit.processes import identity
from kit.schedule.endings import Ended
from kit.schedule.executor import EngineState, Slot, Submission


class LocalExecutor:
    """Runs `python -m kit.job FOLDER` with this interpreter. Implements `kit.schedule.Executor`."""

    name = "local"
    called = "this machine"
    grace = 2.0
    patience = 0.0

    def __init__(self, slots: tuple[Slot, ...], python: str = sys.executable) -> None:
        """Use the given slots.

        Raises:
            EnvironmentError_: torch, transformers or peft are not installed beside the kit.
        """
        absent = [
            name for name in ("torch", "transformers", "peft") if importlib.util.find_spec(name) is None
        ]
        if absent:
            raise EnvironmentError_(
                f"the local executor needs {', '.join(absent)}",
                remedy="pip install 'xlt-kit[job]', or choose another executor",
            )
        self.slots = slots
        self.details: dict[str, str] = {}
        self._python = python
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def submit(self, jobs: Sequence[Submission]) -> list[Handle]:
        """Start each job detached from this process and its terminal."""
        return [self._start(job) for job in jobs]

    def poll(self, handles: Sequence[Handle]) -> list[EngineState]:
        """`running` while the very process that was started lives and is no zombie."""
        for child in self._children.values():
            child.poll()
        return ["running" if _lives(handle) else "gone" for handle in handles]

    def ended(self, handle: Handle) -> Ended:
        """What a parent learns of its child; of a job that another kit started nothing is known."""
        child = self._children.get(int(handle.id))
        code = child.poll() if child else None
        if code is None:
            return Ended("unknown")
        return Ended("signal", -code) if code < 0 else Ended("exited", code)

    def find(self, folders: Sequence[Path]) -> list[Handle | None]:
        """Looks through the command lines of all processes of this machine."""
        found: dict[str, Handle] = {}
        for process in psutil.process_iter(["cmdline", "create_time"]) if folders else ():
            words = process.info["cmdline"] or []
            mark = identity(process.pid) if words[-3:-1] == ["-m", "kit.job"] else None
            if mark:
                started = float(process.info["create_time"] or 0.0)
                found[words[-1]] = Handle(self.name, str(process.pid), started, mark)
        return [found.get(str(folder)) for folder in folders]

    def cancel(self, handles: Sequence[Handle], grace: float) -> None:
        """SIGTERM to each job's session, then SIGKILL to what is left."""
        _signal(handles, signal.SIGTERM)
        end = time.monotonic() + grace
        while time.monotonic() < end and "running" in self.poll(handles):
            time.sleep(0.05)
        _signal(handles, signal.SIGKILL)
        while "running" in self.poll(handles):
            time.sleep(0.02)

    def tidy(self, folders: Sequence[Path]) -> None:
        """Processes leave nothing behind."""

    def _start(self, job: Submission) -> Handle:
        folder = JobFolder(job.folder)
        with folder.log.open("ab") as log:
            child = subprocess.Popen(
                [self._python, "-m", "kit.job", str(job.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=job.folder,
                env=_environment(job.slot),
            )
        self._children[child.pid] = child
        handle = Handle(self.name, str(child.pid), time.time(), identity(child.pid) or "gone", job.slot.name)
        try:
            folder.write_handle(handle)
        except OSError:
            _signal([handle], signal.SIGKILL)  # nobody would find it again
            raise
        return handle


def _environment(slot: Slot) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    own = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    gpu = {} if slot.gpu is None else {"CUDA_VISIBLE_DEVICES": slot.gpu}
    return {**os.environ, **own, **environment(slot), **gpu}


def _lives(handle: Handle) -> bool:
    return identity(int(handle.id)) == handle.mark


def _signal(handles: Sequence[Handle], number: signal.Signals) -> None:
    for handle in handles:
        if _lives(handle):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(int(handle.id), number)
