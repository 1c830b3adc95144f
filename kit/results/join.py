"""Cells of one place put together: what was generated gets the columns of what was scored and looked into there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from kit.results.choices import TASK as CHOICES
from kit.results.columns import LENGTH, STOP_OR_LANGUAGE, Columns, Make, stop_or_language
from kit.results.contrast import CLOSED, CONTEXT, SWAPPED
from kit.results.types import CellData, Floats, of_task, parted_window

_MASKED = "only=own-script"


def joined(cells: Sequence[CellData]) -> Iterable[CellData]:
    """The cells; those that were generated with the columns of their `score` and `lens` cells, and of S3."""
    by_place: dict[object, list[CellData]] = defaultdict(list)
    masked: dict[object, CellData] = {}
    for cell in cells:
        if any(of_task(cell.at, task) for task in (CHOICES, CONTEXT, CLOSED, SWAPPED)):
            continue  # they have tables of their own
        if cell.kind != "generate":
            by_place[_place(cell)].append(cell)
        elif cell.at.task.endswith(_MASKED):
            masked[_place(cell), cell.at.task, cell.at.replicate] = cell
    for cell in cells:
        partners = _partners(cell, by_place[_place(cell)]) if cell.kind == "generate" else []
        columns: dict[str, Make] = {}
        for partner in reversed(partners):  # the nearest has the last word
            columns |= {name: _aligned(partner, name, cell.ids) for name in partner.metrics}
        other = masked.get((_place(cell), _under_mask(cell.at.task), cell.at.replicate))
        if other is not None and LENGTH in cell.metrics and LENGTH in other.metrics and cell.ids == other.ids:
            columns |= dict.fromkeys(STOP_OR_LANGUAGE, partial(stop_or_language, cell.metrics, other.metrics))
        if not columns:
            yield cell
            continue
        scored = next((partner.key for partner in partners if partner.kind == "score"), None)
        ready = cell.metrics if isinstance(cell.metrics, Columns) else Columns(cell.metrics)
        yield replace(cell, metrics=ready.joined(columns), score_key=scored)


def _under_mask(task: str) -> str:
    """The name of a task under the mask of the language's own script."""
    return f"{task}{',' if ':' in task else ':'}{_MASKED}"


def _place(cell: CellData) -> object:
    """What a `generate` cell and those without outputs share, the window of layers with them. They are not random: any
    replicate will do.
    """
    at = replace(cell.at, task=parted_window(cell.at.task)[1], replicate=0)
    return at, cell.data, tuple(sorted(cell.adapter_digests.items()))


def _partners(cell: CellData, found: Sequence[CellData]) -> list[CellData]:
    """The cells in the same place, one a variant: that of the same variant first, then the plain one."""
    variant = _variant(cell)

    def nearness(other: CellData) -> tuple[bool, bool, bool]:
        own, replicate = _variant(other), other.at.replicate
        return own == variant, not own, replicate == cell.at.replicate

    nearest: dict[str, CellData] = {}
    for other in sorted(found, key=nearness, reverse=True):
        nearest.setdefault(other.at.task, other)
    return list(nearest.values())


def _variant(cell: CellData) -> str:
    return parted_window(cell.at.task)[0].partition(":")[2]


def _aligned(partner: CellData, name: str, ids: Sequence[str]) -> Make:
    """A partner's column in the order of `ids`, worked out when it is asked for."""

    def make() -> Mapping[str, Floats]:
        column = partner.metrics[name]
        if tuple(ids) == partner.ids:
            return {name: column}
        place = {item: at for at, item in enumerate(partner.ids)}
        values = [column[place[item]] if item in place else np.nan for item in ids]
        return {name: np.array(values, dtype=np.float64)}

    return make
