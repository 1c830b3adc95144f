"""Paired bootstrap over contexts and seeds, vectorised.

Questions on one context are not independent (about five share a passage), so contexts are drawn with
replacement, and with them all their items, for base and tuned alike: that is the pairing. Seeds are drawn at
a second level, crossed with the contexts, as every seed answers every item. Crossing counts the seed ×
context part up to three times (Owen 2007, "The pigeonhole bootstrap"), so the interval errs on the wide
side. Resampled sums are weights × sums per context: one matrix product a cell, over weights that all cells of
the same contexts share.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kit.stats.estimate import Estimate, Floats, as_scores, percentile_interval
from kit.stats.resample import (
    BASE_SEEDS,
    CONTEXTS,
    TUNED_SEEDS,
    Contexts,
    seed_weights,
    tie,
    weighted_sums,
)


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Settings: `level` of the interval, number of `resamples`, `seed` that decides the draws."""

    level: float = 0.95
    resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1 or self.resamples < 1 or self.seed < 0:
            raise ValueError(
                f"level must lie between 0 and 1, resamples be 1 or more, seed 0 or more: {self}"
            )


DEFAULT = Bootstrap()


class Cell(NamedTuple):
    """One cell against its base: scores (items,) or (seeds, items) each, one context name an item."""

    base: ArrayLike
    tuned: ArrayLike
    clusters: Sequence[Hashable]


class Comparison(NamedTuple):
    """Base mean, tuned mean, tuned − base, tuned / base, all on the same resamples."""

    base: Estimate
    tuned: Estimate
    difference: Estimate
    ratio: Estimate


class _Side(NamedTuple):
    """Scores (seeds, items) and the share of each seed in each resample (resamples, seeds)."""

    scores: Floats
    seeds: Floats


_Drawn = tuple[float, Floats, int]
"""A value, what came of it in each resample, and its number of seeds."""


def _resampled_means(sides: Sequence[_Side], contexts: Contexts, settings: Bootstrap) -> list[Floats]:
    """Mean of each side in every resample: (resamples,); NaN where one holds none of the cell's contexts."""
    total, stream = contexts.total, (CONTEXTS, contexts.component)
    rows = [row for side in sides for row in side.scores]
    columns = [np.bincount(contexts.index, row, minlength=total) for row in rows]
    columns.append(np.bincount(contexts.index, minlength=total).astype(np.float64))
    sums = weighted_sums(np.stack(columns, axis=1), settings.resamples, settings.seed, stream)
    with np.errstate(invalid="ignore"):
        by_row = sums[:, :-1] / sums[:, -1:]
    means, start = [], 0
    for side in sides:
        stop = start + len(side.scores)
        means.append((by_row[:, start:stop] * side.seeds).sum(axis=1))
        start = stop
    return means


def _check(scores: Floats, clusters: Sequence[Hashable]) -> None:
    if scores.shape[1] != len(clusters):
        raise ValueError(f"{scores.shape[1]} items but {len(clusters)} context names")


def _ratio(base: float, tuned: float) -> float:
    if base == 0:
        return math.nan
    return tuned / base


def mean_interval(scores: ArrayLike, clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT) -> Estimate:
    """Mean of (seeds, items) or (items,) scores over seeds and items, with its percentile interval.

    `clusters` names the context of each item. Raises ValueError for shapes that do not fit and scores not
    finite.
    """
    return mean_intervals([scores], clusters, settings)[0]


def mean_intervals(
    scores: Sequence[ArrayLike], clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT
) -> list[Estimate]:
    """`mean_interval` of several scores of the same items, in one product: its cost is hardly more than that of one.

    Of whole numbers (lengths, shares of 100) all is equal to the last bit, as their sums are exact. Of others that
    bit may differ, for a product of another width may add in another order.
    """
    return _means(scores, clusters, settings, None)[0]


def mean_intervals_and_ratio(
    scores: Sequence[ArrayLike],
    clusters: Sequence[Hashable],
    pair: tuple[int, int],
    settings: Bootstrap = DEFAULT,
) -> tuple[list[Estimate], Estimate]:
    """`mean_intervals` of several scores, and `ratio` of two of them (the base's place in `scores`, the other's), in
    the same product: a product of its own takes as long again. Of whole numbers all is equal to the last bit.
    """
    means, quotient = _means(scores, clusters, settings, pair)
    assert quotient is not None
    return means, quotient


def _means(
    scores: Sequence[ArrayLike],
    clusters: Sequence[Hashable],
    settings: Bootstrap,
    pair: tuple[int, int] | None,
) -> tuple[list[Estimate], Estimate | None]:
    arrays = [as_scores(one) for one in scores]
    for array in arrays:
        _check(array, clusters)
    (contexts,) = tie([clusters])
    draws = settings.resamples, settings.seed
    sides = [_Side(array, seed_weights(len(array), *draws, (TUNED_SEEDS, 0))) for array in arrays]
    if pair is not None:  # the seeds of a base are drawn by themselves
        base = arrays[pair[0]]
        sides.append(_Side(base, seed_weights(len(base), *draws, (BASE_SEEDS, 0))))
    resampled = _resampled_means(sides, contexts, settings)
    level = settings.level if contexts.total > 1 else None
    counts = len(contexts.index), contexts.total
    means = [
        _estimate((float(array.mean()), found, len(array)), counts, level)
        for array, found in zip(arrays, resampled, strict=False)
    ]
    if pair is None:
        return means, None
    under, over = arrays[pair[0]], arrays[pair[1]]
    return means, _quotient(
        (float(under.mean()), resampled[-1], len(under)),
        (float(over.mean()), resampled[pair[1]], len(over)),
        counts,
        level,
    )


def paired_difference(
    base: ArrayLike, tuned: ArrayLike, clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT
) -> Estimate:
    """Tuned − base: `compare(...).difference`."""
    return compare(base, tuned, clusters, settings).difference


def ratio(
    base: ArrayLike, tuned: ArrayLike, clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT
) -> Estimate:
    """Tuned / base: `compare(...).ratio`."""
    return compare(base, tuned, clusters, settings).ratio


def compare(
    base: ArrayLike, tuned: ArrayLike, clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT
) -> Comparison:
    """Compare a tuned cell with its base on the same items, with percentile intervals.

    `base` and `tuned`: (items,) or (seeds, items), the same items in the same order; seeds of the two sides
    are drawn independently. A base of 0 makes the ratio NaN; a resample in which the base is 0 counts as
    infinite where the tuned mean is above 0, is passed over where that is 0 too, and makes the interval NaN
    where more than one resample in twenty is passed over. Raises ValueError for shapes that do not fit and
    scores that are negative or not finite.
    """
    return grouped_comparison([Cell(base, tuned, clusters)], settings=settings)


def grouped_difference(
    cells: Sequence[Cell], adapters: Sequence[Hashable] | None = None, settings: Bootstrap = DEFAULT
) -> Estimate:
    """Mean over cells of tuned − base: `grouped_comparison(...).difference`."""
    return grouped_comparison(cells, adapters, settings).difference


def grouped_comparison(
    cells: Sequence[Cell], adapters: Sequence[Hashable] | None = None, settings: Bootstrap = DEFAULT
) -> Comparison:
    """Compare the macro-averages of several cells (each cell weighs the same), as `compare` does one cell.

    Contexts of the same name are drawn together in all cells (XQuAD-IN is parallel: one context, 13
    languages); data sets that share none are drawn independently, so names must tell data sets apart.
    `adapters` names the tuned model of each cell: cells of one name share their seeds; None: all are one
    adapter, a row of the transfer table. The base is taken to be one model throughout. The ratio is that of
    the two averages, not the average ratio. `n_items` adds the items of all cells, `n_seeds` is the fewest
    seeds of a cell. The interval is NaN where contexts drawn together are one alone. Raises ValueError for
    no cells, shapes that do not fit, scores that are negative or not finite, and cells of one adapter (or of
    the base) with different numbers of seeds.
    """
    names = list(adapters) if adapters is not None else [0] * len(cells)
    if not cells or len(names) != len(cells):
        raise ValueError(
            f"{len(cells)} cells and {len(names)} adapter names: one name a cell, one cell at least"
        )
    bases, tuneds = [as_scores(cell.base) for cell in cells], [as_scores(cell.tuned) for cell in cells]
    for cell, base, tuned in zip(cells, bases, tuneds, strict=True):
        _check(base, cell.clusters)
        _check(tuned, cell.clusters)
        if base.min() < 0 or tuned.min() < 0:
            raise ValueError("scores to compare must not be negative: a ratio of theirs would mean nothing")
    tied = tie([cell.clusters for cell in cells])
    base_seeds = _seeds_by_name(bases, [0] * len(cells), BASE_SEEDS, settings)
    tuned_seeds = _seeds_by_name(tuneds, names, TUNED_SEEDS, settings)
    draws = [
        _resampled_means(
            [_Side(bases[at], base_seeds[at]), _Side(tuneds[at], tuned_seeds[at])], contexts, settings
        )
        for at, contexts in enumerate(tied)
    ]
    base_draws, tuned_draws = np.mean(draws, axis=0)
    counts = (
        sum(len(contexts.index) for contexts in tied),
        sum({contexts.component: contexts.total for contexts in tied}.values()),
    )
    return _summarise(
        (_macro(bases), base_draws, min(map(len, bases))),
        (_macro(tuneds), tuned_draws, min(map(len, tuneds))),
        counts,
        settings.level if min(contexts.total for contexts in tied) > 1 else None,
    )


def _macro(cells: Sequence[Floats]) -> float:
    return float(np.mean([scores.mean() for scores in cells]))


def _seeds_by_name(
    scores: Sequence[Floats], names: Sequence[Hashable], kind: int, settings: Bootstrap
) -> list[Floats]:
    """Seed shares (resamples, seeds) of each cell, the same for cells of one name."""
    streams: dict[Hashable, tuple[int, int]] = {}
    shares = []
    for array, name in zip(scores, names, strict=True):
        stream, seeds = streams.setdefault(name, (len(streams), len(array)))
        if seeds != len(array):
            raise ValueError(
                f"cells of one model have {seeds} and {len(array)} seeds: they must have the same"
            )
        shares.append(seed_weights(seeds, settings.resamples, settings.seed, (kind, stream)))
    return shares


def _summarise(base: _Drawn, tuned: _Drawn, counts: tuple[int, int], level: float | None) -> Comparison:
    """Turn both sides into four estimates; without a level, no intervals."""
    difference = tuned[0] - base[0], tuned[1] - base[1], tuned[2]
    return Comparison(
        base=_estimate(base, counts, level),
        tuned=_estimate(tuned, counts, level),
        difference=_estimate(difference, counts, level),
        ratio=_quotient(base, tuned, counts, level),
    )


def _estimate(drawn: _Drawn, counts: tuple[int, int], level: float | None) -> Estimate:
    value, draws, seeds = drawn
    low, high = (math.nan, math.nan) if level is None else percentile_interval(draws, level)
    return Estimate(value, low, high, *counts, seeds)


def _quotient(base: _Drawn, tuned: _Drawn, counts: tuple[int, int], level: float | None) -> Estimate:
    quotient = _ratio(base[0], tuned[0])
    if math.isnan(quotient):
        return Estimate(quotient, math.nan, math.nan, *counts, tuned[2])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratios = tuned[1] / base[1]
    return _estimate((quotient, ratios, tuned[2]), counts, level)
