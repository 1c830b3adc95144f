"""Finished work leaves the job's folder for the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kit.jobdir import CellSpec, EvaluateSpec, JobFolder, PretrainSpec, SpecError, TuneSpec
from kit.store import Store

Finish = Callable[[Path, CellSpec], None]
"""Completes a cell's folder (scores its answers) before it lands."""


def land(folder: JobFolder, store: Store, finish: Finish) -> list[str]:
    """Move every finished cell, adapter or model of a job into the store; returns what landed, by key.

    May be called at any time, again and again: what a job has not renamed into place is not looked at. Adapters
    land together, once their tuning has ended well: a tuning that was cut short starts again, and on a GPU its
    second go is another one, so the checkpoints of two must not mix.

    Raises:
        StorageError: the store is full or not writable; what did not land stays in the job's folder.
    """
    try:
        spec = folder.spec()
    except FileNotFoundError:
        return []
    work = spec.work
    landed = []
    if isinstance(work, EvaluateSpec):
        cells = dict(zip(spec.keys, work.cells, strict=True))
        for key in sorted(path.name for path in folder.cells.glob("*") if path.name in cells):
            finish(folder.cells / key, cells[key])
            store.put_cell(folder.cells / key, key)
            landed.append(key)
    elif isinstance(work, TuneSpec) and ended_well(folder):
        steps = [path for path in folder.adapters.glob("*") if path.name.isdigit()]
        for path in sorted(steps, key=lambda p: int(p.name)):
            store.put_adapter(path, spec.keys[0], int(path.name))
            landed.append(f"{spec.keys[0]}@{path.name}")
    elif isinstance(work, PretrainSpec) and folder.model.is_dir():
        store.put_model(folder.model, spec.keys[0])
        landed.append(spec.keys[0])
    return landed


def ended_well(folder: JobFolder) -> bool:
    """Whether the job has written its result, and it says `done`."""
    try:
        result = folder.result()
    except (ValueError, SpecError):
        return False
    return result is not None and result.state == "done"
