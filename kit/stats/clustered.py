"""Closed-form standard errors for scores that come in clusters (Miller 2024, arXiv 2411.00640).

Fast, needs no draws, and the check on the bootstrap: where both apply they must agree.
"""

import math
from collections.abc import Hashable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from kit.stats.estimate import Estimate, Floats, as_scores
from kit.stats.resample import tie


def _context_variance(items: Floats, clusters: Sequence[Hashable]) -> float:
    """Miller's clustered variance of the mean of (items,) scores; NaN where there is one cluster alone.

    The variance of independent items, Σ(s − s̄)²/n(n − 1), plus 1/n² times the products of deviations of
    different items of one cluster.
    """
    if len(items) != len(clusters):
        raise ValueError(f"{len(items)} items but {len(clusters)} context names")
    (contexts,) = tie([clusters])
    if contexts.total < 2:
        return math.nan
    count = len(items)
    deviations = items - items.mean()
    squares = float(deviations @ deviations)
    sums = np.bincount(contexts.index, deviations, minlength=contexts.total)
    return max(0.0, squares / (count * (count - 1)) + (float(sums @ sums) - squares) / count**2)


def _seed_variance(scores: Floats) -> float:
    """Variance of the mean over seeds, s²/S; 0 for one seed, of whose spread nothing is known."""
    seeds = len(scores)
    return float(scores.mean(axis=1).var(ddof=1)) / seeds if seeds > 1 else 0.0


def clustered_se(scores: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """Standard error of the mean of (items,) or (seeds, items) scores, items clustered by context.

    With several seeds the variance between seeds is added to that between contexts of the scores averaged
    over seeds; both hold a part of the seed × item noise, so the sum errs on the wide side, as the bootstrap
    does. NaN for a single context. Raises ValueError for shapes that do not fit and scores not finite.
    """
    array = as_scores(scores)
    return math.sqrt(_context_variance(array.mean(axis=0), clusters) + _seed_variance(array))


def clustered_mean(scores: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95) -> Estimate:
    """Mean of the scores with its normal interval; ends are NaN for one context. Raises as `clustered_se`."""
    array = as_scores(scores)
    return _normal(float(array.mean()), clustered_se(array, clusters), array, clusters, level)


def clustered_difference(
    base: ArrayLike, tuned: ArrayLike, clusters: Sequence[Hashable], level: float = 0.95
) -> Estimate:
    """Paired difference tuned − base with its normal interval: the clustered error of the items' differences.

    Shapes as in `bootstrap.compare`; the seeds of both sides count as independent. Raises ValueError for
    shapes that do not fit and scores not finite.
    """
    first, second = as_scores(base), as_scores(tuned)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"base has {first.shape[1]} items, tuned {second.shape[1]}: they must be the same items"
        )
    contexts = _context_variance(second.mean(axis=0) - first.mean(axis=0), clusters)
    error = math.sqrt(contexts + _seed_variance(first) + _seed_variance(second))
    return _normal(float(second.mean() - first.mean()), error, second, clusters, level)


def _normal(
    value: float, error: float, scores: Floats, clusters: Sequence[Hashable], level: float
) -> Estimate:
    reach = NormalDist().inv_cdf((1 + level) / 2) * error
    seeds, items = scores.shape
    return Estimate(value, value - reach, value + reach, items, len(set(map(str, clusters))), seeds)
