"""The noise floor of cells as it was measured here: replicates of a cell, and its twin in the other mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.results.columns import Metric
from kit.results.types import CellData
from kit.score import cut
from kit.stats import Noise, noise, pooled_noise


@dataclass(frozen=True)
class NoiseFloor:
    """How far evaluations of one cell differ that should be the same, in the metric's unit; None: not measured.

    `replicates`: cells that differ in their number alone. `modes`: the cell one prompt at a time (`exact`) and in
    batches (`fast`).
    """

    replicates: Noise | None = None
    modes: Noise | None = None


def noise_floor(cells: Sequence[CellData], metric: Metric) -> NoiseFloor:
    """The floor of some cells of one metric, of which some may be replicates of others."""
    copies: dict[object, list[CellData]] = defaultdict(list)
    for cell in cells:
        copies[cell.at.trained_on, cell.at.step, cell.at.seed, cell.data].append(cell)
    twins = [[cell, other] for cell in cells if (other := cell.twin()) is not None]
    return NoiseFloor(_of(list(copies.values()), metric), _of(twins, metric))


def _of(groups: Sequence[Sequence[CellData]], metric: Metric) -> Noise | None:
    found = [one for cells in groups if (one := _noise(cells, metric)) is not None]
    return pooled_noise(found) if found else None


def _noise(cells: Sequence[CellData], metric: Metric) -> Noise | None:
    """The noise over copies of a cell; None where there is one alone, or none that both answers and has the metric."""
    there = [cell for cell in cells if cell.raw and metric.name in cell.metrics and cell.ids == cells[0].ids]
    if len(there) < 2:
        return None
    scores = np.stack([cell.metrics[metric.name] for cell in there]) * metric.scale
    kept = np.flatnonzero(np.isfinite(scores).all(axis=0))
    if not kept.size:
        return None
    return noise(scores[:, kept], [[cut(cell.raw[at]) for at in kept] for cell in there])
