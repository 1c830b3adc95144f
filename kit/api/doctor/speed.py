"""How fast this machine is against what estimates assume: measured once in some seconds, and kept in the home."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass

from kit.api.doctor.finding import Finding, Surroundings, of_error
from kit.api.measuring import Trial, measure
from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.errors import KitError, StorageError, Where
from kit.jobdir import SpecError, atomic_write, decode, encode, read_json
from kit.manifest import hardware
from kit.plan.estimate import assumed_seconds
from kit.processes import host
from kit.store.store import writable_folder

SCHEMA = 1
_FILE = "speed.json"
_TRIAL = Trial("tiny-bloom", "tiny-qa", "hi", questions=120, limit=32, alone=1, threads=1)
"""The embedded model, as the smoke recipe evaluates it, on one thread: what one slot has if a recipe says no more."""


@dataclass(frozen=True)
class Speed:
    """Answering some questions with the embedded model on one thread: seconds measured, and seconds assumed.

    `measured_at` is in seconds since the epoch; `machine` and `processors` say whose figures these are.
    """

    schema: int
    measured_at: float
    host: str
    machine: str
    processors: int
    model: str
    questions: int
    prompt_tokens: int
    seconds: float
    assumed: float

    @property
    def factor(self) -> float:
        """Above 1 this machine is slower than estimates assume."""
        return self.seconds / self.assumed

    @property
    def here(self) -> bool:
        """Whether it was measured on this machine, with as many processors as there are now."""
        now = hardware()
        return (self.host, self.machine, self.processors) == (host(), now["machine"], now["processors"])


def measure_speed(workspace: Workspace) -> Speed:
    """Measure this machine, some seconds long, and keep the figures in the home.

    Raises:
        EnvironmentError_: it could not be measured. StorageError: the home cannot be written.
    """
    found = measure(workspace, _TRIAL)
    tokens, now = int(found["prompt_tokens"]), hardware()
    size = Catalog.load().models[_TRIAL.model].parameters or 0
    speed = Speed(
        schema=SCHEMA,
        measured_at=time.time(),
        host=host(),
        machine=now["machine"],
        processors=now["processors"],
        model=_TRIAL.model,
        questions=int(found["questions"]),
        prompt_tokens=tokens,
        seconds=float(found["seconds"]),
        assumed=assumed_seconds(size, tokens),
    )
    path = writable_folder(workspace.home, "the kit's home") / _FILE
    try:
        atomic_write(path, json.dumps(encode(speed), indent=1))
    except OSError as problem:
        raise StorageError(
            f"the speed of this machine cannot be kept: {problem.strerror}",
            where=Where(str(path)),
            remedy="free some space, or choose another place with --home",
        ) from problem
    return speed


def kept_speed(workspace: Workspace) -> Speed | None:
    """What was measured before on this machine; None where nothing was, or where it cannot be read."""
    try:
        value = read_json(workspace.home / _FILE)
        speed = decode(Speed, value)
    except (OSError, ValueError, SpecError):
        return None
    return (
        speed if speed.schema == SCHEMA and speed.assumed > 0 and speed.seconds > 0 and speed.here else None
    )


def machine_factor(workspace: Workspace) -> float | None:
    """By how much to multiply seconds on this machine's CPU that rest on assumed operations; None: not measured.

    Seconds that rest on stored cells are measured already, and those on a GPU are not what was measured.
    """
    speed = kept_speed(workspace)
    return speed.factor if speed else None


def speed_finding(here: Surroundings, bench: bool = True) -> Finding:
    """Measure where jobs can run in this Python, else take what was measured before."""
    if bench and here.local:
        try:
            return _told(measure_speed(here.workspace), _busy())
        except KitError as problem:
            return of_error("speed", problem, "warning")
    kept = kept_speed(here.workspace)
    if kept:
        return _told(kept, time.strftime(" (measured %Y-%m-%d)", time.localtime(kept.measured_at)))
    why = "not asked for" if here.local else "torch is not installed beside the kit"
    return Finding("speed", "skipped", f"not measured: {why}; times are as assumed")


def _busy() -> str:
    load, processors = os.getloadavg()[0], len(os.sched_getaffinity(0))
    return f" (the machine is busy, load {load:.0f}: alone it is faster)" if load > processors else ""


def _told(speed: Speed, when: str = "") -> Finding:
    factor = speed.factor
    way = f"{factor:.1f} times slower" if factor >= 1 else f"{1 / factor:.1f} times faster"
    says = (
        f"one thread answers {speed.questions / speed.seconds:,.0f} questions a second with the embedded model, "
        f"{way} than estimates assume: times on the CPU are multiplied by {factor:.2f}{when}"
    )
    return Finding("speed", "fine", says)
