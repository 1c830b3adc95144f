"""One kit a run: the lock, and a note beside it that says who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import filelock

from kit.errors import LockedError, StorageError, Where
from kit.jobdir import SpecError, atomic_write, decode, encode, read_json
from kit.processes import host, identity, own_identity


@dataclass(frozen=True)
class Holder:
    """The process that works on a run. `since` is in seconds since the epoch."""

    pid: int
    mark: str
    host: str
    since: float

    @property
    def here(self) -> bool:
        """Whether it is a process of this machine."""
        return self.host == host()

    def __str__(self) -> str:
        place = "" if self.here else f" on {self.host}"
        return f"process {self.pid}{place}, since {datetime.fromtimestamp(self.since):%Y-%m-%d %H:%M}"


def holder(run: Path) -> Holder | None:
    """The living process that holds a run; one of another machine is taken for living."""
    try:
        noted = decode(Holder, read_json(run / "holder.json"))
    except (OSError, ValueError, SpecError):
        return None
    return noted if not noted.here or identity(noted.pid) == noted.mark else None


@contextlib.contextmanager
def held(run: Path) -> Iterator[None]:
    """Hold a run alone; the lock goes with the process, however that ends.

    Raises:
        LockedError: another process holds it; the error says which.
        StorageError: the folder cannot be written.
    """
    lock = filelock.FileLock(run / "lock")
    try:
        lock.acquire(timeout=0)
        note = Holder(os.getpid(), own_identity(), host(), time.time())
        atomic_write(run / "holder.json", json.dumps(encode(note)))
    except filelock.Timeout:
        raise LockedError(
            f"another kit works on this run: {holder(run) or 'it has only just begun'}",
            where=Where(str(run)),
            remedy=f"watch it: xlt-kit attach {run.name}; or end it: xlt-kit stop {run.name}",
        ) from None
    except OSError as problem:
        lock.release()
        raise StorageError(
            f"the run cannot be locked: {problem.strerror}", where=Where(str(run)), remedy="free some space"
        ) from problem
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (run / "holder.json").unlink(missing_ok=True)
        lock.release()
