"""Reads: arrays of item scores, seeds × items, and the context (cluster) that each item stands on.
Writes: `Estimate`s, a value with its interval and the counts behind it.

The bootstrap resamples contexts and seeds; the clustered formula is its closed-form check.
"""

from kit.stats.bootstrap import (
    Bootstrap,
    Cell,
    Comparison,
    compare,
    grouped_comparison,
    grouped_difference,
    mean_interval,
    mean_intervals,
    paired_difference,
    ratio,
)
from kit.stats.clustered import clustered_difference, clustered_mean, clustered_se
from kit.stats.estimate import Estimate

__all__ = [
    "Bootstrap",
    "Cell",
    "Comparison",
    "Estimate",
    "clustered_difference",
    "clustered_mean",
    "clustered_se",
    "compare",
    "grouped_comparison",
    "grouped_difference",
    "mean_interval",
    "mean_intervals",
    "paired_difference",
    "ratio",
]
