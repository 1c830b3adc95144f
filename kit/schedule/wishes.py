"""What a user wishes of single jobs while a kit works on their run: small files that its scheduler takes up."""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.jobdir import SpecError, atomic_write, decode, encode, read_json


@dataclass(frozen=True)
class Wish:
    """End a job, or try one again that was stopped, has failed or was blocked; `job` is its id."""

    act: Literal["stop", "retry"]
    job: str


class Wishes:
    """The folder `wishes/` of a run. A wish that nobody takes up is of no effect once the run has ended."""

    def __init__(self, run: Path) -> None:
        self._folder = run / "wishes"

    def leave(self, wish: Wish) -> Path:
        """Leave a wish; its file is gone once it was taken up."""
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{uuid.uuid4().hex}.json"
        atomic_write(path, json.dumps(encode(wish)))
        return path

    def take(self) -> list[Wish]:
        """All wishes, the oldest first; they are gone then. What is no wish is dropped."""
        found: list[tuple[float, Path]] = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime, path))
        wishes: list[Wish] = []
        for _, path in sorted(found):
            with contextlib.suppress(OSError, ValueError, SpecError):
                wishes.append(decode(Wish, read_json(path)))
            with contextlib.suppress(OSError):
                path.unlink()
        return wishes
