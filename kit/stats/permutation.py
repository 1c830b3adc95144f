"""Paired permutation test over contexts: a check on the bootstrap that assumes less.

Under the hypothesis that tuning changes nothing, base and tuned scores of a context may be swapped. All items, seeds
and languages of a context are swapped together, as they are not independent. That seeds differ it does not see.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kit.stats.bootstrap import DEFAULT, Bootstrap, Cell
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
    return permutation_ps([[Cell(base, tuned, clusters)]], settings)[0]


def permutation_ps(groups: Sequence[Sequence[Cell]], settings: Bootstrap = DEFAULT) -> list[float]:
    """`permutation_p` of many tests: each of the mean over some cells, in which every cell weighs the same.

    Contexts of one name are swapped together in all cells of a group. Groups over as many contexts share their
    patterns of signs: all of them are one matrix product. Raises ValueError as `permutation_p`, and for an empty group.
    """
    sums = [_by_context(cells) for cells in groups]
    alike: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(sums):
        alike[len(each)].append(at)
    found = [math.nan] * len(sums)
    for members in alike.values():
        tails = _tails(np.stack([sums[at] for at in members], axis=1), settings)
        for at, p in zip(members, tails, strict=True):
            found[at] = float(p)
    return found


def _by_context(cells: Sequence[Cell]) -> Floats:
    """What each context adds to the mean over the cells of tuned − base: (contexts,)."""
    if not cells:
        raise ValueError("a test needs one cell at least")
    tied = tie([cell.clusters for cell in cells])
    starts: dict[int, int] = {}
    total = 0
    for component, size in {contexts.component: contexts.total for contexts in tied}.items():
        starts[component] = total
        total += size
    found = np.zeros(total)
    for cell, contexts in zip(cells, tied, strict=True):
        first, second = as_scores(cell.base), as_scores(cell.tuned)
        items = len(cell.clusters)
        if not first.shape[1] == second.shape[1] == items:
            raise ValueError(f"{first.shape[1]} and {second.shape[1]} items but {items} context names")
        differences = (second.mean(axis=0) - first.mean(axis=0)) / items
        start = starts[contexts.component]
        found[start : start + contexts.total] += np.bincount(
            contexts.index, differences, minlength=contexts.total
        )
    return found


def _tails(sums: Floats, settings: Bootstrap) -> Floats:
    """Share of the patterns of signs that are as extreme as what was seen: (groups,), of sums (contexts, groups)."""
    contexts = len(sums)
    observed = np.abs(sums.sum(axis=0)) * (1 - _SLACK)
    if contexts <= math.log2(settings.resamples):
        share: Floats = (_extremes(_all_signs(contexts), sums) >= observed).mean(axis=0)
        return share
    generator, extreme = np.random.default_rng([settings.seed, contexts]), np.zeros(sums.shape[1])
    for start in range(0, settings.resamples, _BLOCK):
        rows = min(_BLOCK, settings.resamples - start)
        signs = (1 - 2 * generator.integers(0, 2, size=(rows, contexts))).astype(np.float64)
        extreme += (_extremes(signs, sums) >= observed).sum(axis=0)
    tail: Floats = (extreme + 1) / (settings.resamples + 1)
    return tail


def _all_signs(contexts: int) -> Floats:
    """Every pattern of signs: (2^contexts, contexts)."""
    patterns = np.arange(1 << contexts)[:, None] >> np.arange(contexts) & 1
    return (1 - 2 * patterns).astype(np.float64)


def _extremes(signs: Floats, sums: Floats) -> Floats:
    return np.abs(signs @ sums, dtype=np.float64)
