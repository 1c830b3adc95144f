"""The way from a bare machine to the report, as stages that can be gone through again."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kit import __version__
from kit.api.budget import Budget, Choice
from kit.api.workspace import Workspace
from kit.errors import StorageError, Where
from kit.jobdir import SpecError, atomic_write, decode, encode, read_json
from kit.report.units import duration

SCHEMA = 1
TIRES_SECONDS = 60.0
RECORD = "artifact.json"

State = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class Stage:
    """One stage. `expected`: seconds, as estimated; `seconds`: as it went; `says`: what came of it."""

    name: str
    does: str
    expected: float
    state: State = "waiting"
    seconds: float = 0.0
    says: str = ""


@dataclass(frozen=True)
class Record:
    """`artifact.json` in the home: the budget, what it buys, and how far it has come."""

    budget: Budget
    recipes: tuple[str, ...]
    stages: tuple[Stage, ...]
    kit: str = __version__
    schema: int = SCHEMA

    def changed(self, name: str, **fields: object) -> Record:
        """The same with one stage changed."""
        stages = tuple(
            replace(stage, **fields) if stage.name == name else stage  # type: ignore[arg-type]
            for stage in self.stages
        )
        return replace(self, stages=stages)

    @property
    def left(self) -> float:
        """Seconds that the stages to come are expected to take."""
        return sum(stage.expected for stage in self.stages if stage.state != "done")


def stages_of(choice: Choice, offline: bool) -> tuple[Stage, ...]:
    """The stages for what was chosen, with what each is expected to take."""
    names = [each.name for each in choice.chosen]
    fetch = "looks whether data and weights are here" if offline else "downloads data and weights"
    return (
        Stage("doctor", "looks at this machine", 30.0),
        Stage("fetch", f"{fetch} for {len(names)} recipes", 60.0),
        Stage("kick the tires", "checks that every part works", TIRES_SECONDS),
        *(Stage(f"run {each.name}", f"runs {each.path}", each.hours * 3600) for each in choice.chosen),
        Stage("claims", "judges the claims on all runs", 20.0),
        Stage("report", "writes the report", 10.0),
        Stage("bundle", "exports all runs as one archive", 30.0),
        Stage("verify", "makes every figure of the archive again", 30.0),
    )


def record_of(workspace: Workspace) -> Record | None:
    """How far an earlier go has come; None where there was none, or one of another kit."""
    path = workspace.home / RECORD
    if not path.is_file():
        return None
    try:
        found: Record = decode(Record, read_json(path))
    except (OSError, ValueError, SpecError):
        return None  # damaged or of another shape: the stages find again what is done
    return found if (found.schema, found.kit) == (SCHEMA, __version__) else None


def keep(workspace: Workspace, record: Record) -> None:
    """Write the record. Raises StorageError: it cannot be written."""
    path = workspace.home / RECORD
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(encode(record), ensure_ascii=False, indent=1) + "\n")
    except OSError as problem:
        raise StorageError(
            f"the record cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="free some space",
        ) from problem


def begun(workspace: Workspace, budget: Budget, choice: Choice, offline: bool) -> Record:
    """The record to go on with: that of an earlier go for the same recipes, else a new one.

    What was done stays done, but what stands at the end is made again whenever a run before it is.
    """
    fresh = Record(budget, tuple(str(each.path) for each in choice.chosen), stages_of(choice, offline))
    earlier = record_of(workspace)
    if earlier is None or earlier.recipes != fresh.recipes:
        return fresh
    kept = {stage.name: stage for stage in earlier.stages if stage.state == "done"}
    stages = [kept.get(stage.name, stage) for stage in fresh.stages]
    again = [at for at, stage in enumerate(stages) if stage.state != "done"]
    first = again[0] if again else len(stages)
    late = {"claims", "report", "bundle", "verify"}
    return replace(
        fresh,
        stages=tuple(
            fresh.stages[at] if at > first and stage.name in late else stage
            for at, stage in enumerate(stages)
        ),
    )


class Clock:
    """Tells of each stage as it begins and ends, and keeps the record."""

    def __init__(self, workspace: Workspace, record: Record) -> None:
        self.workspace, self.record = workspace, record
        self._began = time.monotonic()

    def begin(self, name: str) -> str:
        """Note that a stage begins; returns a line on it, how long it takes and what is left."""
        at = next(at for at, stage in enumerate(self.record.stages, 1) if stage.name == name)
        stage = self.record.stages[at - 1]
        self.record = self.record.changed(name, state="running")
        keep(self.workspace, self.record)
        self._began = time.monotonic()
        left = f"about {duration(stage.expected)}; {duration(self.record.left)} left in all"
        return f"[{at}/{len(self.record.stages)}] {name}: {stage.does} ({left})"

    def end(self, name: str, says: str, state: State = "done") -> None:
        """Note what came of it."""
        self.record = self.record.changed(
            name, state=state, says=says, seconds=round(time.monotonic() - self._began, 1)
        )
        keep(self.workspace, self.record)

    def is_done(self, name: str) -> bool:
        """Whether an earlier go has done a stage."""
        return any(stage.name == name and stage.state == "done" for stage in self.record.stages)


def timetable(stages: Sequence[Stage]) -> list[str]:
    """A line a stage: its state, what it does, its seconds."""
    signs = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✗"}
    lines = []
    for stage in stages:
        took = (
            duration(stage.seconds)
            if stage.state in ("done", "failed")
            else f"about {duration(stage.expected)}"
        )
        lines.append(f"{signs[stage.state]} {stage.name:28} {took:>14}  {stage.says or stage.does}")
    return lines
