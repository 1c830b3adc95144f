"""Spearman's rank correlation with a bootstrap interval."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from kit.stats.bootstrap import DEFAULT, Bootstrap
from kit.stats.estimate import Estimate, Floats, percentile_interval


def spearman(x: Sequence[float], y: Sequence[float], settings: Bootstrap = DEFAULT) -> Estimate:
    """Spearman's rho of pairs (x, y), ties by their mean rank, with a percentile interval over resampled pairs.

    NaN where one side is constant; resamples in which one is are passed over, and the ends are NaN where they are more
    than one in twenty. `n_items` and `n_clusters` count pairs. Raises ValueError for sides of different lengths, fewer
    than three pairs, or values that are not finite.
    """
    sides = np.asarray([x, y], dtype=np.float64) if len(x) == len(y) else np.empty((0, 0))
    if sides.ndim != 2 or sides.shape[0] != 2 or sides.shape[1] < 3:
        raise ValueError(f"a rank correlation needs three pairs: {len(x)} and {len(y)} values")
    if not np.isfinite(sides).all():
        raise ValueError("a rank correlation needs finite values")
    pairs = sides.shape[1]
    drawn = np.random.default_rng(settings.seed).integers(0, pairs, size=(settings.resamples, pairs))
    draws = _rho(sides[0][drawn], sides[1][drawn])
    value = float(_rho(sides[:1], sides[1:])[0])
    low, high = (math.nan, math.nan) if math.isnan(value) else percentile_interval(draws, settings.level)
    return Estimate(value, low, high, pairs, pairs, 1)


def _rho(x: Floats, y: Floats) -> Floats:
    """Pearson's correlation of the ranks in every row: (rows,)."""
    first, second = rankdata(x, axis=1), rankdata(y, axis=1)
    first -= first.mean(axis=1, keepdims=True)
    second -= second.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((first * first).sum(axis=1) * (second * second).sum(axis=1))
        rho: Floats = np.clip((first * second).sum(axis=1) / scale, -1.0, 1.0)
    return rho
