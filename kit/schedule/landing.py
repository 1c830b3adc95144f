"""Finished work leaves the job's folder for the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kit.jobdir import AdapterSpec, CellSpec, EvaluateSpec, JobFolder, PretrainSpec, SeriesSpec, SpecError
from kit.store import Store

Finish = Callable[[Path, CellSpec], None]
"""Completes a cell's folder (scores its answers) before it lands."""


def land(folder: JobFolder, store: Store, finish: Finish) -> list[str]:
    """Move every finished cell, adapter or model of a job into the store; returns what landed, by key.

    May be called at any time, again and again: what a job has not renamed into place is not looked at. Adapters
    land together, once their tuning has ended well: a tuning that was cut short starts again, and on a GPU its
    second go is another one, so the checkpoints of two must not mix. A series puts those of a tuning in place
    only then, and they land before the cells that come from them.

    Raises:
        StorageError: the store is full or not writable; what did not land stays in the job's folder.
    """
    try:
        spec = folder.spec()
    except FileNotFoundError:
        return []
    work = spec.work
    if isinstance(work, EvaluateSpec):
        return _land_cells(folder, store, finish, dict(zip(spec.keys, work.cells, strict=True)))
    if isinstance(work, SeriesSpec):
        tunings = [piece.keys[0] for piece in work.pieces if isinstance(piece.work, AdapterSpec)]
        landed = [name for key in tunings for name in _land_adapters(folder.adapters / key, store, key)]
        return landed + _land_cells(folder, store, finish, _cells_of(work))
    if isinstance(work, AdapterSpec) and ended_well(folder):
        return _land_adapters(folder.adapters, store, spec.keys[0])
    if isinstance(work, PretrainSpec) and folder.model.is_dir():
        store.put_model(folder.model, spec.keys[0])
        return [spec.keys[0]]
    return []


def _land_cells(folder: JobFolder, store: Store, finish: Finish, cells: dict[str, CellSpec]) -> list[str]:
    landed = sorted(path.name for path in folder.cells.glob("*") if path.name in cells)
    for key in landed:
        finish(folder.cells / key, cells[key])
        store.put_cell(folder.cells / key, key)
    return landed


def _land_adapters(folder: Path, store: Store, tuning: str) -> list[str]:
    steps = sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())
    for step in steps:
        store.put_adapter(folder / str(step), tuning, step)
    return [f"{tuning}@{step}" for step in steps]


def _cells_of(series: SeriesSpec) -> dict[str, CellSpec]:
    return {
        key: cell
        for piece in series.pieces
        if isinstance(piece.work, EvaluateSpec)
        for key, cell in zip(piece.keys, piece.work.cells, strict=True)
    }


def ended_well(folder: JobFolder) -> bool:
    """Whether the job has written its result, and it says `done`."""
    try:
        result = folder.result()
    except (ValueError, SpecError):
        return False
    return result is not None and result.state == "done"
