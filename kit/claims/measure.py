"""The numbers of a pair, or of the mean over several: means, difference, ratio, a test of the predicate, its power."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kit.claims.model import Bounded, Claim, Ratio, Rules
from kit.claims.pairs import Pair
from kit.results import METRICS, Subject, compare_cells
from kit.results.types import Floats
from kit.stats import (
    Bootstrap,
    Cell,
    Comparison,
    Estimate,
    detectable,
    permutation_ps,
    standard_error,
    two_sided_p,
    units_needed,
)


@dataclass(frozen=True)
class Measured:
    """Numbers in the metric's unit.

    `p`: two-sided, of the test that tuned − threshold x base (of a ratio) or tuned − base − threshold is 0: normal,
    with the standard error of the bootstrap over contexts and seeds; None where that is undefined. `sees`: the
    smallest difference that a test at this level sees with a chance of .8. `contexts_needed`: how many contexts, with
    as many seeds as there are, would tell the effect from the threshold if it is as it looks (`kit.stats.power`);
    `seeds_needed`: how many seeds, with as many contexts. None where no number of them alone would.
    """

    compared: Comparison
    p: float | None
    sees: float | None
    contexts_needed: int | None
    seeds_needed: int | None

    def effect(self, bounded: Bounded) -> Estimate:
        """The quantity that a predicate bounds."""
        return self.compared.ratio if isinstance(bounded, Ratio) else self.compared.difference


def compared_with(claim: Claim, cell: Cell, level: float) -> Estimate:
    """Tuned − base of one cell, whose scores may have any sign."""
    metric = replace(METRICS[claim.metric], signed=True)
    return compare_cells([cell], metric, Bootstrap(level=level)).difference


def measure(claim: Claim, found: Sequence[Pair], bounded: Bounded, rules: Rules) -> Measured | None:
    """The numbers of one pair, or of the mean over several; None where none of them has scores."""
    scored = [(pair.subject, pair.scores) for pair in found if pair.scores is not None]
    if not scored:
        return None
    metric, settings = METRICS[claim.metric], Bootstrap(level=rules.level)
    cells, rows = [cell for _, cell in scored], [subject for subject, _ in scored]
    compared = compare_cells(cells, metric, settings, rows)
    contrast = compared.difference
    if isinstance(bounded, Ratio):
        scaled = [_at_threshold(cell, bounded) for cell in cells]
        contrast = compare_cells(scaled, metric, settings, rows).difference
    beyond = contrast.value - (0.0 if isinstance(bounded, Ratio) else bounded.threshold)
    error = standard_error(contrast, rules.level)
    seen = standard_error(compared.difference, rules.level)
    needed = _needed(beyond, error, contrast, _seed_error(scored, bounded), rules) if error else (None, None)
    return Measured(
        compared=compared,
        p=None if error is None else two_sided_p(beyond, error),
        sees=None if seen is None else detectable(seen, rules.level),
        contexts_needed=needed[0],
        seeds_needed=needed[1],
    )


def _needed(
    beyond: float, error: float, contrast: Estimate, of_seeds: float, rules: Rules
) -> tuple[int | None, int | None]:
    """The contexts, and the seeds, that would decide; of one seed nothing is known of how far seeds differ."""
    of_seeds = min(of_seeds, error)
    of_contexts = math.sqrt(error**2 - of_seeds**2)
    contexts = units_needed(beyond, error, contrast.n_clusters, rules.level, fixed=of_seeds)
    if contrast.n_seeds < 2:
        return contexts, None
    seeds = units_needed(beyond, error, contrast.n_seeds, rules.level, fixed=of_contexts)
    return contexts, None if seeds is None else max(2, seeds)


def _seed_error(scored: Sequence[tuple[Subject, Cell]], bounded: Bounded) -> float:
    """The part of the standard error that comes from seeds: s/√S of each row and of the base, over all pairs."""
    scale = bounded.threshold if isinstance(bounded, Ratio) else 1.0
    sides: dict[object, list[Floats]] = defaultdict(list)
    for subject, cell in scored:
        sides[subject].append(np.atleast_2d(cell.tuned).mean(axis=1))
        sides[None].append(scale * np.atleast_2d(cell.base).mean(axis=1))
    variance = 0.0
    for means in sides.values():
        if len(means[0]) > 1:
            seeds = np.mean(means, axis=0)
            variance += float(seeds.var(ddof=1)) / len(seeds) * (len(means) / len(scored)) ** 2
    return math.sqrt(variance)


def permutations(groups: Sequence[Sequence[Pair]], bounded: Bounded) -> list[float | None]:
    """The p of the same test by flipping the signs of contexts (`kit.stats.permutation_ps`), of the mean over the pairs
    of each group; None where none of them has scores.
    """
    cells = [
        [_at_threshold(pair.scores, bounded) for pair in group if pair.scores is not None] for group in groups
    ]
    found = iter(permutation_ps([group for group in cells if group]))
    return [next(found) if group else None for group in cells]


def _at_threshold(cell: Cell, bounded: Bounded) -> Cell:
    """A cell whose base is where the threshold puts it: its difference is what is tested."""
    move = np.multiply if isinstance(bounded, Ratio) else np.add
    return Cell(move(cell.base, bounded.threshold), cell.tuned, cell.clusters)
