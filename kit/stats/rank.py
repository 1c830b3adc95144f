"""Spearman's rank correlation with a bootstrap interval and a permutation test.

numpy alone: scipy.stats takes longer to import than all else that a table needs. Tests hold it against scipy's.
"""

import math
from collections.abc import Sequence

import numpy as np

from kit.stats.bootstrap import DEFAULT, Bootstrap
from kit.stats.estimate import Estimate, Floats, percentile_interval

_BLOCK = 500  # resamples at a time: every pair of values is compared, in each


def spearman(x: Sequence[float], y: Sequence[float], settings: Bootstrap = DEFAULT) -> Estimate:
    """Spearman's rho of pairs (x, y), ties by their mean rank, with a percentile interval over resampled pairs.

    NaN where one side is constant; resamples in which one is are passed over, and the ends are NaN where they are more
    than one in twenty. `n_items` and `n_clusters` count pairs. Raises ValueError for sides of different lengths, fewer
    than three pairs, or values that are not finite.
    """
    sides = _sides(x, y)
    pairs = sides.shape[1]
    drawn = np.random.default_rng(settings.seed).integers(0, pairs, size=(settings.resamples, pairs))
    value = float(_rho(sides[:1], sides[1:])[0])
    ends = (math.nan, math.nan)
    if not math.isnan(value):
        ends = percentile_interval(_rho(sides[0][drawn], sides[1][drawn]), settings.level)
    return Estimate(value, *ends, pairs, pairs, 1)


def spearman_p(x: Sequence[float], y: Sequence[float], settings: Bootstrap = DEFAULT) -> float:
    """Two-sided p of the hypothesis that the order of y has nothing to do with that of x: (b + 1)/(m + 1) with b of m
    random orders as extreme (Phipson and Smyth 2010). 1 where one side is constant. Raises as `spearman`.
    """
    sides = _sides(x, y)
    observed = abs(float(_rho(sides[:1], sides[1:])[0]))
    if math.isnan(observed):
        return 1.0
    generator = np.random.default_rng([settings.seed, 1])
    mixed = generator.permuted(np.tile(sides[1], (settings.resamples, 1)), axis=1)
    extreme = np.abs(_rho(np.broadcast_to(sides[0], mixed.shape), mixed)) >= observed - 1e-12
    return (int(extreme.sum()) + 1) / (settings.resamples + 1)


def _sides(x: Sequence[float], y: Sequence[float]) -> Floats:
    """Both sides as rows: (2, pairs)."""
    if len(x) != len(y) or len(x) < 3:
        raise ValueError(f"a rank correlation needs three pairs: {len(x)} and {len(y)} values")
    sides = np.asarray([x, y], dtype=np.float64)
    if not np.isfinite(sides).all():
        raise ValueError("a rank correlation needs finite values")
    return sides


def _rho(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation of the ranks in every row: (rows,)."""
    return correlate(ranks(x), ranks(y))


def correlate(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation in every row: (rows,); NaN where a side is constant."""
    first, second = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((first * first).sum(axis=1) * (second * second).sum(axis=1))
        rho: Floats = np.clip((first * second).sum(axis=1) / scale, -1.0, 1.0)
    return rho


def ranks(rows: Floats) -> Floats:
    """Ranks within every row from 1, the mean rank for ties."""
    found = np.empty(rows.shape)
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        below = (part[:, :, None] > part[:, None, :]).sum(axis=2)
        same = (part[:, :, None] == part[:, None, :]).sum(axis=2)
        found[start : start + _BLOCK] = below + (same + 1) / 2
    return found
