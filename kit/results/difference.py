"""Two runs cell by cell: which cells match, how far they differ and how sure that is, which questions flipped."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from kit.results.columns import METRICS, Metric, metric_named
from kit.results.grid import Pool
from kit.results.matching import Alone, Bridge, Pair, alone_of, bridges_of, pairs_of
from kit.results.noise import NoiseFloor, noise_floor
from kit.results.table import paired
from kit.results.types import CellData, Results
from kit.stats import (
    Bootstrap,
    Cell,
    Estimate,
    holm,
    mean_intervals,
    permutation_p,
    pooled_noise,
    standard_error,
    two_sided_p,
)

Standing = Literal["identical", "within noise", "beyond noise", "not comparable"]
RIGHT = ("aware_em", "acc")
"""What makes an answer right: the language-aware exact match, or the likeliest choice."""


@dataclass(frozen=True)
class MetricDifference:
    """One metric in its unit: the mean of each side, `difference` B - A, and its two-sided p (not corrected)."""

    metric: Metric
    a: float
    b: float
    difference: Estimate
    p: float


@dataclass(frozen=True)
class Flips:
    """Ids of the questions that B alone answers rightly, and of those that A alone does; `p` is McNemar's exact one."""

    to_right: tuple[str, ...]
    to_wrong: tuple[str, ...]
    p: float


@dataclass(frozen=True, eq=False)
class CellDifference:
    """What became of one cell. `outputs` counts raw outputs that differ, None where a cell keeps none.

    The first of `metrics` is the one that decides; `p_holm` is its p after Holm over all cells that moved, None of one
    that did not.
    """

    pair: Pair
    standing: Standing
    metrics: tuple[MetricDifference, ...]
    outputs: int | None
    flips: Flips | None
    p_holm: float | None = None

    @property
    def moved(self) -> bool:
        """Whether any item has another value of the deciding metric."""
        if not self.metrics:
            return False
        found = self.metrics[0].difference
        return (found.value, found.low, found.high) != (0, 0, 0)

    @property
    def size(self) -> float:
        """How far the deciding metric moved, as a share of what it can be at most, so that units compare."""
        return abs(self.metrics[0].difference.value) / self.metrics[0].metric.scale if self.metrics else 0.0


@dataclass(frozen=True, eq=False)
class RunDifference:
    """All of it; cells in the order of A. `floors` holds what noise was measured of a deciding metric."""

    cells: tuple[CellDifference, ...]
    alone: tuple[Alone, ...]
    bridges: tuple[Bridge, ...]
    floors: Mapping[str, NoiseFloor]
    bootstrap: Bootstrap

    def standing(self, *names: Standing) -> tuple[CellDifference, ...]:
        """The cells that stand so."""
        return tuple(cell for cell in self.cells if cell.standing in names)


def differences(
    a: Results,
    b: Results,
    metrics: Sequence[str],
    only: bool = False,
    bootstrap: Bootstrap | None = None,
) -> RunDifference:
    """Match the cells of two runs by their coordinates and compare each pair, B - A.

    Those of `metrics` that a pair has are compared, the first of them decides; a pair that has none of them is
    compared by all that it has, or (`only`) left out. Intervals come from a paired bootstrap over contexts.

    Raises:
        UsageError: there is no such metric.
    """
    settings = bootstrap or Bootstrap()
    bridges = bridges_of(a, b)
    borrowed = {
        name for side in (a, b) for cell in side.cells if cell.kind != "generate" for name in cell.metrics
    }
    asked = [metric_named(name).name for name in metrics]
    cells = []
    for pair in pairs_of(a, b, bridges):
        names = _names(pair, asked, borrowed, only)
        if names or not only:
            cells.append(_compared(pair, names, settings))
    floors = _floors((a, b), {cell.metrics[0].metric for cell in cells if cell.metrics})
    return RunDifference(
        cells=tuple(_judged(cells, floors, settings)),
        alone=tuple(alone_of(a, b, bridges)),
        bridges=bridges,
        floors=floors,
        bootstrap=settings,
    )


def mcnemar_p(first: int, second: int) -> float:
    """McNemar's exact two-sided p: as many and more of one kind of flip, were both as likely (binomial, 1/2)."""
    flips = first + second
    tail = sum(math.comb(flips, k) for k in range(min(first, second) + 1))
    return min(1.0, 2 * tail / (1 << flips))


def _names(pair: Pair, asked: Sequence[str], borrowed: set[str], only: bool) -> list[str]:
    """The metrics that a pair is compared by; what an answer borrows from a `score` cell is compared there."""
    lent = borrowed if pair.a.kind == "generate" else set()
    there = [
        name for name in METRICS if name in pair.a.metrics and name in pair.b.metrics and name not in lent
    ]
    chosen = [name for name in asked if name in there]
    return chosen if chosen or only else there


def _compared(pair: Pair, names: Sequence[str], settings: Bootstrap) -> CellDifference:
    found = _metrics(pair, names, settings)
    outputs = (
        sum(one != other for one, other in zip(pair.a.raw, pair.b.raw, strict=True)) if pair.a.raw else None
    )
    standing: Standing = "within noise"
    if not pair.n:
        standing = "not comparable"
    elif _same(pair, names):
        standing = "identical"
    return CellDifference(pair, standing, found, outputs, _flips(pair))


def _same(pair: Pair, names: Sequence[str]) -> bool:
    """Whether all that came out is the same to the bit: the outputs, or all columns of a cell without."""
    if (pair.a.raw, pair.a.stops) != (pair.b.raw, pair.b.stops):
        return False
    own = set(names)
    if pair.a.kind != "generate":
        own |= set(pair.a.metrics) & set(pair.b.metrics)
    alike = (np.array_equal(pair.a.metrics[name], pair.b.metrics[name], equal_nan=True) for name in own)
    return np.array_equal(pair.a.tokens, pair.b.tokens) and all(alike)


def _metrics(pair: Pair, names: Sequence[str], settings: Bootstrap) -> tuple[MetricDifference, ...]:
    """The metrics of which an item has a value on both sides. Of one evaluation a side, the paired bootstrap is that of
    the items' differences, and all metrics of the same items are one product.
    """
    if not pair.n:
        return ()
    pools = Pool((pair.a,), 1), Pool((pair.b,), 1)
    found = {name: cell for name in names if (cell := paired(*pools, METRICS[name])) is not None}
    alike: dict[object, list[str]] = defaultdict(list)
    for name, cell in found.items():
        alike[tuple(cell.clusters)].append(name)
    moves = {name: np.subtract(cell.tuned, cell.base) for name, cell in found.items()}
    told: dict[str, Estimate] = {}
    for together in alike.values():
        clusters = found[together[0]].clusters
        still = Estimate(0.0, 0.0, 0.0, len(clusters), len(set(clusters)), 1)
        told |= dict.fromkeys(together, still)
        if moved := [name for name in together if moves[name].any()]:
            estimates = mean_intervals([moves[name] for name in moved], clusters, settings)
            told |= dict(zip(moved, estimates, strict=True))
    return tuple(
        MetricDifference(
            METRICS[name],
            float(np.asarray(cell.base).mean()),
            float(np.asarray(cell.tuned).mean()),
            told[name],
            _p(cell, told[name], settings),
        )
        for name, cell in found.items()
    )


def _p(cell: Cell, difference: Estimate, settings: Bootstrap) -> float:
    """By the signs of contexts where all patterns of them can be gone through; else normal, by the standard error, as
    drawn patterns have a smallest p that no correction for many cells would let pass.
    """
    error = standard_error(difference, settings.level)
    if error is None or difference.n_clusters <= math.log2(settings.resamples):
        return permutation_p(cell.base, cell.tuned, cell.clusters, settings)
    return two_sided_p(difference.value, error)


def _flips(pair: Pair) -> Flips | None:
    """None of cells without answers."""
    name = next((one for one in RIGHT if one in pair.a.metrics and one in pair.b.metrics), None)
    if not pair.a.raw or name is None:
        return None
    before, after = pair.a.metrics[name] > 0, pair.b.metrics[name] > 0
    to_right = tuple(pair.a.ids[at] for at in np.flatnonzero(~before & after))
    to_wrong = tuple(pair.a.ids[at] for at in np.flatnonzero(before & ~after))
    return Flips(to_right, to_wrong, mcnemar_p(len(to_right), len(to_wrong)))


def _floors(sides: Sequence[Results], metrics: set[Metric]) -> dict[str, NoiseFloor]:
    """The noise of each deciding metric, over replicates and modes of the cells of both sides."""
    copies: dict[object, list[CellData]] = defaultdict(list)
    for number, side in enumerate(sides):
        for cell in side.cells:
            if cell.raw:
                copies[number, replace(cell.at, replicate=0)].append(cell)
    floors = {}
    for metric in metrics:
        found = [noise_floor(cells, metric) for cells in copies.values()]
        replicates = [one.replicates for one in found if one.replicates]
        modes = [one.modes for one in found if one.modes]
        if replicates or modes:
            floors[metric.name] = NoiseFloor(
                pooled_noise(replicates) if replicates else None, pooled_noise(modes) if modes else None
            )
    return floors


def _judged(
    cells: Sequence[CellDifference], floors: Mapping[str, NoiseFloor], settings: Bootstrap
) -> Iterator[CellDifference]:
    """Each cell with its p after Holm; beyond noise is what that tells from 0 and no noise that was measured reaches:
    two evaluations with the standard deviation s differ by less than z x sqrt(2) x s, as often as the level says.

    Cells in which nothing moved are no tests, as their p could have been nothing but 1 (Tarone 1990, "A modified
    Bonferroni method for discrete data").
    """
    corrected = iter(holm([cell.metrics[0].p for cell in cells if cell.moved]).tolist())
    z = NormalDist().inv_cdf((1 + settings.level) / 2)
    for cell in cells:
        if not cell.moved:
            yield cell
            continue
        p, decides = next(corrected), cell.metrics[0]
        floor = floors.get(decides.metric.name, NoiseFloor())
        reach = (
            max((one.mean for one in (floor.replicates, floor.modes) if one), default=0.0) * z * math.sqrt(2)
        )
        beyond = p < 1 - settings.level and abs(decides.difference.value) > reach
        yield replace(cell, p_holm=p, standing="beyond noise" if beyond else cell.standing)
