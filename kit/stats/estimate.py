"""A value with its interval and the counts behind it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_UNDEFINED_SHARE = 0.05
_ROUNDING = 1e-12  # equal sides may differ by the order in which a matrix product adds


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value in the unit of the scores (a ratio has none), its interval, and what it stands on.

    NaN means undefined, never 0: `low` and `high` where there is one context alone (nothing to resample),
    all three for a ratio whose base scored 0 throughout. A ratio's `high` may be infinite. `n_items` counts
    items of one seed, `n_clusters` contexts, `n_seeds` the seeds of the tuned side: with 1 the interval
    speaks of contexts alone.
    """

    value: float
    low: float
    high: float
    n_items: int
    n_clusters: int
    n_seeds: int

    @property
    def defined(self) -> bool:
        """Whether the value and both ends of the interval exist."""
        return not (math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high))

    def excludes(self, point: float = 0.0) -> bool:
        """Whether the interval exists and `point` lies outside it; its ends belong to it."""
        return self.defined and not self.low - _ROUNDING <= point <= self.high + _ROUNDING


def as_scores(scores: ArrayLike) -> Floats:
    """Return scores as float64 of shape (seeds, items); a flat array is one seed.

    Raises ValueError for an empty array, more than two dimensions, or a value that is not finite.
    """
    array = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f"scores must be (items,) or (seeds, items) and not empty, not of shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(
            "scores hold NaN or infinity; an item without a score must be left out on both sides"
        )
    return array


def percentile_interval(draws: Floats, level: float) -> tuple[float, float]:
    """Return the ends of the central interval that holds `level` of the resampled values.

    Both are order statistics. Undefined (NaN) draws are passed over; where they are more than one in twenty,
    both ends are NaN. Infinite draws count as what they are, the largest, so an end may be infinite.
    """
    kept = draws[~np.isnan(draws)]
    if len(kept) < (1 - _UNDEFINED_SHARE) * len(draws):
        return math.nan, math.nan
    tail = (1 - level) / 2
    low = int(tail * len(kept) + 1e-9)
    high = len(kept) - 1 - low
    ends = np.partition(kept, (low, high))
    return float(ends[low]), float(ends[high])
