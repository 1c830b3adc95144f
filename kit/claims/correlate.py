"""A rank correlation over training sets: of their translation quality with the change that tuning on them brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

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

    `quality` is by `dataset/language`; the change of a set is the mean over its columns of tuned minus base. None where
    fewer than three sets have both.
    """
    changes: dict[str, list[float]] = defaultdict(list)
    for pair in found:
        if pair.scores is not None and pair.subject.trained_on in quality:
            changes[pair.subject.trained_on].append(
                float(np.asarray(pair.scores.tuned).mean() - np.asarray(pair.scores.base).mean())
            )
    if len(changes) < _LEAST:
        return None
    sets = sorted(changes)
    x = [quality[name] for name in sets]
    y = [float(np.mean(changes[name])) for name in sets]
    settings = Bootstrap(level=rules.level)
    return spearman(x, y, settings), spearman_p(x, y, settings)
