"""What the scheduler needs of an executor. The executors live elsewhere; `kit.api` hands one in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from kit.jobdir import Handle
from kit.schedule.endings import Ended

EngineState = Literal["running", "gone", "unknown"]
"""`unknown`: the engine does not answer; nothing follows from it."""


@dataclass(frozen=True)
class Slot:
    """One GPU (or a share of it), or one share of the CPU. `gpu` is its UUID, or its number."""

    name: str
    device: Literal["cpu", "cuda"]
    gpu: str | None = None
    threads: int = 1


@dataclass(frozen=True)
class Submission:
    """A written job folder, and the slot it may use."""

    folder: Path
    slot: Slot


class Executor(Protocol):
    """Starts, finds and ends jobs, in bulk. Knows nothing of what they do."""

    name: str
    called: str
    """What messages call that which starts its jobs."""
    slots: tuple[Slot, ...]
    details: dict[str, str]
    """What a manifest says of it beside its name: the image and its digest, say."""
    grace: float
    """Seconds to wait for `result.json` after the engine says that a job is gone."""
    patience: float
    """Seconds to wait for an engine that does not answer."""

    def submit(self, jobs: Sequence[Submission]) -> list[Handle]:
        """Start the jobs. A job outlives the kit."""

    def poll(self, handles: Sequence[Handle]) -> list[EngineState]:
        """What the engine says of each; `gone` says nothing of success."""

    def ended(self, handle: Handle) -> Ended:
        """What the engine knows of the end of a job that is gone."""

    def find(self, folders: Sequence[Path]) -> list[Handle | None]:
        """The living job of each folder, where there is one; for jobs whose handle was never written down."""

    def cancel(self, handles: Sequence[Handle], grace: float) -> None:
        """Ask the jobs to end, and after `grace` seconds make them. Returns when none is running."""

    def tidy(self, folders: Sequence[Path]) -> None:
        """Remove what the ended jobs of these folders have left with the engine."""
