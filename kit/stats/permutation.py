"""Paired permutation test over contexts: a check on the bootstrap that assumes less.

Under the hypothesis that tuning changes nothing, base and tuned scores of a context may be swapped. All items and seeds
of a context are swapped together, as they are not independent.
"""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kit.stats.bootstrap import DEFAULT, Bootstrap
from kit.stats.estimate import Floats, as_scores
from kit.stats.resample import tie

_BLOCK = 2_000
_SLACK = 1e-9  # sums in another order must not make a permutation less extreme than itself


def permutation_p(
    base: ArrayLike, tuned: ArrayLike, clusters: Sequence[Hashable], settings: Bootstrap = DEFAULT
) -> float:
    """Two-sided p of the mean difference tuned − base, (items,) or (seeds, items) each, items clustered by context.

    Where there are no more sign patterns than `settings.resamples` all are gone through and p is exact; else p is
    (b + 1)/(m + 1) with b of m drawn patterns as extreme (Phipson and Smyth 2010, "Permutation p-values should never be
    zero"). Raises ValueError for shapes that do not fit and scores not finite.
    """
    first, second = as_scores(base), as_scores(tuned)
    if first.shape[1] != second.shape[1] or second.shape[1] != len(clusters):
        raise ValueError(f"{first.shape[1]} and {second.shape[1]} items but {len(clusters)} context names")
    (contexts,) = tie([clusters])
    items = np.subtract(second.mean(axis=0), first.mean(axis=0), dtype=np.float64)
    sums = np.bincount(contexts.index, items, minlength=contexts.total).astype(np.float64)
    observed = abs(float(sums.sum())) * (1 - _SLACK)
    if contexts.total <= math.log2(settings.resamples):
        return float(np.mean(_extremes(_all_signs(contexts.total), sums) >= observed))
    generator, extreme = np.random.default_rng([settings.seed, contexts.total]), 0
    for start in range(0, settings.resamples, _BLOCK):
        rows = min(_BLOCK, settings.resamples - start)
        signs = (1 - 2 * generator.integers(0, 2, size=(rows, contexts.total))).astype(np.float64)
        extreme += int((_extremes(signs, sums) >= observed).sum())
    return (extreme + 1) / (settings.resamples + 1)


def _all_signs(contexts: int) -> Floats:
    """Every pattern of signs: (2^contexts, contexts)."""
    patterns = np.arange(1 << contexts)[:, None] >> np.arange(contexts) & 1
    return (1 - 2 * patterns).astype(np.float64)


def _extremes(signs: Floats, sums: Floats) -> Floats:
    return np.abs(signs @ sums, dtype=np.float64)
