"""The base in memory: kept from one piece of work to the next while it is the very same, else loaded anew."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from kit.job.model import Base
from kit.jobdir.spec import Weights


class Emit(Protocol):
    """How a job tells of its progress: a kind of event, and its fields."""

    def __call__(self, kind: str, /, **data: object) -> None: ...


class Bases:
    """Holds at most one base, for memory may hold no more."""

    def __init__(self, device: str, emit: Emit) -> None:
        self._device = device
        self._emit = emit
        self._held: Base | None = None
        self._is: tuple[Path, Weights, tuple[Path, ...]] | None = None
        self._spoilt = ""

    def get(self, folder: Path, weights: Weights, parents: Sequence[Path] = ()) -> Base:
        """The base in `folder` with these weights and `parents` merged in; tells of it where it has to be loaded, and
        why once more.

        Raises:
            BadInput: it cannot be loaded.
        """
        wanted = (folder, weights, tuple(parents))
        why = self._spoilt
        if not why and self._is is not None and self._is != wanted:
            if self._is[:2] != wanted[:2]:
                why = f"with weights {weights}"
            else:
                why = "parents are merged into it" if parents else "other adapters had been merged into it"
        if self._held is not None and not why:
            _free()  # what a tuning held: batches are made as large as the free memory
            return self._held
        self._emit("phase", name=f"load anew: {why}" if why else "load")
        self._held = None
        _free()
        self._held, self._is = Base(folder, weights, self._device, parents), wanted
        self._spoilt = ""
        return self._held

    def spoil(self, why: str) -> None:
        """Let the base be loaded anew next time: it is no longer the one in its folder."""
        self._spoilt = why


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
