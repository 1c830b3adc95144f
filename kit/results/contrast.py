"""What a model prefers of a test to what the test could have said instead, read off `score` cells (O6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kit.jobdir import ScoreTask
from kit.results.items import ScoredItem
from kit.results.types import Floats

CONTEXT = "score:continuations=context"
CLOSED = "score:continuations=permuted,context=withheld"
SWAPPED = "score:continuations=permuted,context=swapped"
_COLUMNS = {
    ("context", "given"): ("context_nats", "context_above", "swap_nats"),
    ("permuted", "withheld"): ("closed_nats", "closed_above"),
    ("permuted", "swapped"): ("swapped_nats", "swapped_above"),
}
CONTRAST_COLUMNS = tuple(name for names in _COLUMNS.values() for name in names)
"""Columns that are a comparison in themselves."""


def is_contrast(task: ScoreTask) -> bool:
    """Whether a task contrasts a test with counterfactuals."""
    return (task.continuations, task.context) in _COLUMNS


def contrast_columns(items: Sequence[ScoredItem], task: ScoreTask) -> dict[str, Floats]:
    """The columns of such a task, (items,) each; NaN: not measured.

    The truth's log-likelihood minus the others' mean; the share of them that are less likely, where a tie is half of
    one; of contexts also the first for each answer that is swapped.
    """
    asked = [item.contrast for item in items]
    gains = [None if one is None else one.own - np.array(one.others) for one in asked]
    nats = _floats([None if g is None else float(g.mean()) for g in gains])
    above = _floats([None if g is None else float(np.mean((g > 0) + 0.5 * (g == 0))) for g in gains])
    each = nats / _floats([None if one is None else one.swaps for one in asked])
    return dict(zip(_COLUMNS[task.continuations, task.context], (nats, above, each), strict=False))


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)  # None becomes NaN
