"""The job folder: its paths, and the small files in it that host and job exchange."""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from kit.jobdir.codec import SpecError, decode, encode
from kit.jobdir.files import append_line, atomic_write, read_json
from kit.jobdir.spec import SCHEMA, JobSpec

T = TypeVar("T")


class FailureCode(StrEnum):
    """Why a job ended without finishing its work."""

    OUT_OF_MEMORY = "out-of-memory"
    DISK_FULL = "disk-full"
    BAD_INPUT = "bad-input"
    STOPPED = "stopped"
    LOST = "lost"
    ENGINE = "engine"
    DEFECT = "defect"


@dataclass(frozen=True)
class Failure:
    """A failure in words: what happened and, where known, the remedy."""

    code: str
    message: str
    remedy: str | None = None


@dataclass(frozen=True)
class Event:
    """One line of `events.jsonl`. `time` is in seconds since the epoch.

    Kinds: `started`, `phase` (name), `progress` (done, total, unit, cell), `train` (step, steps, loss, tokens_per_s),
    `batch` (step, ids of its examples), `truncation` (examples, cut, answers_cut), `adapter` (step, digest), `cell`
    (key, name, seconds, n, digest), `usage` (cpu, memory, limit, gpu, gpu_memory, gpu_total), `warning` (message),
    `piece` (number, of, name, work, keys, before and share of the series' time), `finished`.
    """

    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Handle:
    """How a job is found again: the executor's name, its id there, and `mark`, which guards against a reused id.

    `started` is in seconds since the epoch, for people; `slot` is the one that the job occupies.
    """

    executor: str
    id: str
    started: float
    mark: str = ""
    slot: str = ""
    schema: int = SCHEMA


@dataclass(frozen=True)
class Result:
    """The last file that a job writes. `produced` maps what landed (cell key, checkpoint step, `model`) to a digest."""

    state: str
    produced: dict[str, str]
    environment: dict[str, Any]
    seconds: float
    failure: Failure | None = None
    schema: int = SCHEMA


class JobFolder:
    """Paths and typed access to one job's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def cells(self) -> Path:
        """Finished cells, one folder a key."""
        return self.path / "cells"

    @property
    def adapters(self) -> Path:
        """Finished adapters, one folder an optimizer step; of a series one folder a tuning, its steps in it."""
        return self.path / "adapters"

    @property
    def kept(self) -> Path:
        """A series' own copy of the adapters that it made, for its later pieces: the host moves the others away."""
        return self.path / "kept"

    @property
    def model(self) -> Path:
        """The finished model of a pre-training."""
        return self.path / "model"

    @property
    def scratch(self) -> Path:
        """Unfinished work; never read by the host, removed when the job starts."""
        return self.path / "scratch"

    @property
    def log(self) -> Path:
        """What the job printed."""
        return self.path / "log.txt"

    @property
    def events(self) -> Path:
        """The job's events, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def result_file(self) -> Path:
        """Present once the job has ended by itself."""
        return self.path / "result.json"

    def write_spec(self, spec: JobSpec) -> None:
        """Create the folder and write `job.json`."""
        self.path.mkdir(parents=True, exist_ok=True)
        atomic_write(self.path / "job.json", json.dumps(encode(spec), ensure_ascii=False, indent=1))

    def spec(self) -> JobSpec:
        """Read `job.json`.

        Raises:
            SpecError: of a newer schema, or not a job.
        """
        return _read(JobSpec, self.path / "job.json")

    def write_handle(self, handle: Handle) -> None:
        """Remember how to find the job again."""
        atomic_write(self.path / "handle.json", json.dumps(encode(handle)))

    def handle(self) -> Handle | None:
        """The handle, or None where the job was never submitted."""
        return _read(Handle, self.path / "handle.json") if (self.path / "handle.json").exists() else None

    def write_result(self, result: Result) -> None:
        """The job's last act."""
        atomic_write(self.result_file, json.dumps(encode(result), ensure_ascii=False, indent=1))

    def result(self) -> Result | None:
        """The result, or None while there is none."""
        return _read(Result, self.result_file) if self.result_file.exists() else None

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Held by the job while it works, so that two of them never work in one folder; the second waits.

        Yields whether there is still something to do: not, where the one that was waited for has left a result.
        """
        with contextlib.ExitStack() as stack:
            needed = True
            with contextlib.suppress(OSError):  # a file system without locks: the handle alone must do
                stream = stack.enter_context((self.path / "lock").open("a"))
                try:
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    fcntl.flock(stream, fcntl.LOCK_EX)
                    needed = not self.result_file.exists()
            yield needed

    def emit(self, kind: str, /, **data: Any) -> None:
        """Append an event."""
        append_line(self.events, encode(Event(kind, data)))

    def read_events(self, offset: int = 0) -> tuple[list[Event], int]:
        """Whole events from byte `offset` on, and the offset to go on from. A half-written last line waits."""
        try:
            with self.events.open("rb") as stream:
                stream.seek(offset)
                data = stream.read()
        except FileNotFoundError:
            return [], offset
        end = data.rfind(b"\n") + 1
        return list(_events(data[:end])), offset + end

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the log."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(0, 2)
                stream.seek(max(0, stream.tell() - 65536))
                return stream.read().decode("utf-8", "replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []


def _events(data: bytes) -> Iterator[Event]:
    for line in data.splitlines():
        try:
            yield decode(Event, json.loads(line))
        except (ValueError, SpecError):
            continue  # a line cut by a crash: the next ones are still good


def _read(cls: type[T], path: Path) -> T:
    value = read_json(path)
    schema = value.get("schema") if isinstance(value, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise SpecError(
            f"{path}: schema {schema} is newer than this kit's ({SCHEMA}); upgrade xlt-kit to read it"
        )
    return decode(cls, value, str(path))
