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
    mean_intervals_and_ratio,
    paired_difference,
    ratio,
)
from kit.stats.clustered import clustered_difference, clustered_mean, clustered_se
from kit.stats.crossed import Decomposition, crossed_p, crossed_spearman, decompose
from kit.stats.estimate import Estimate
from kit.stats.multiple import holm
from kit.stats.noise import Noise, noise, pooled_noise
from kit.stats.partial import adjusted_mean, partial_spearman, partial_spearman_p
from kit.stats.permutation import permutation_p, permutation_ps
from kit.stats.power import (
    POWER,
    detectable,
    pairs_needed,
    standard_error,
    two_sided_p,
    units_needed,
)
from kit.stats.rank import spearman, spearman_p

__all__ = [
    "POWER",
    "Bootstrap",
    "Cell",
    "Comparison",
    "Decomposition",
    "Estimate",
    "Noise",
    "adjusted_mean",
    "clustered_difference",
    "clustered_mean",
    "clustered_se",
    "compare",
    "crossed_p",
    "crossed_spearman",
    "decompose",
    "detectable",
    "grouped_comparison",
    "grouped_difference",
    "holm",
    "mean_interval",
    "mean_intervals",
    "mean_intervals_and_ratio",
    "noise",
    "paired_difference",
    "pairs_needed",
    "partial_spearman",
    "partial_spearman_p",
    "permutation_p",
    "permutation_ps",
    "pooled_noise",
    "ratio",
    "spearman",
    "spearman_p",
    "standard_error",
    "two_sided_p",
    "units_needed",
]
