"""A rank correlation over training sets: of their translation quality with the change that tuning on them brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from kit.claims.model import Rules
from kit.claims.pairs import Pair
from kit.stats import Bootstrap, Estimate, spearman, spearman_p

_LEAST = 3
"""Training sets that a correlation needs."""


def correlation(
    found: Sequence[Pair], quality: Mapping[str, float], rules: Rules
) -> tuple[Estimate, float] | None:
    """Spearman's rank correlation with a bootstrap interval over training sets, and its two-sided p by permutation.

    `quality` is by `dataset/language`. None where fewer than three sets have both a change and a quality.
    """
    gains = changes([pair for pair in found if pair.subject.trained_on in quality])
    if len(gains) < _LEAST:
        return None
    x, y = [quality[name] for name, _ in gains], list(gains.values())
    settings = Bootstrap(level=rules.level)
    return spearman(x, y, settings), spearman_p(x, y, settings)


def changes(found: Collection[Pair]) -> dict[tuple[str, str], float]:
    """The mean over columns of tuned minus reference, in the metric's unit, by the training sets of both (that of a
    base is empty); in their order. Pairs without scores are passed over.
    """
    each: dict[tuple[str, str], list[float]] = defaultdict(list)
    for pair in found:
        if pair.scores is not None:
            sides = np.asarray(pair.scores.tuned), np.asarray(pair.scores.base)
            each[pair.subject.trained_on, pair.reference.trained_on].append(
                float(sides[0].mean() - sides[1].mean())
            )
    return {name: float(np.mean(each[name])) for name in sorted(each)}
