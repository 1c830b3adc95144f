"""What a test can see, and how much more would decide.

Source: Miller 2024, "Adding error bars to evals", arXiv 2411.00640, section on power: the minimum detectable effect is
(z of the level + z of the power) standard errors, and these shrink with the root of the number of contexts.
"""

import math
from statistics import NormalDist

from kit.stats.estimate import Estimate

POWER = 0.8
"""The chance of seeing what is there that statements about power speak of."""


def standard_error(estimate: Estimate, level: float) -> float | None:
    """Half the width of an interval of that level over its quantile: of a mean over many contexts, nearly the standard
    error. None where the interval is undefined.
    """
    width = estimate.high - estimate.low
    return width / (2 * _quantile(level)) if math.isfinite(width) else None


def two_sided_p(value: float, error: float) -> float:
    """Normal p of the hypothesis that a value of this standard error is 0."""
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(value) / error)


def detectable(error: float, level: float, power: float = POWER) -> float:
    """The smallest difference that a two-sided test at `level` sees with the chance `power`."""
    return (_quantile(level) + NormalDist().inv_cdf(power)) * error


def contexts_needed(
    value: float, error: float, contexts: int, level: float, power: float = POWER
) -> int | None:
    """How many contexts would let a test see `value`, if it is as it looks; None where it is 0.

    `error` is that of `contexts` contexts. Seeds stay as many as they are: where they differ much, more of them help
    and more contexts do not.
    """
    if not value:
        return None
    return math.ceil(contexts * (detectable(error, level, power) / abs(value)) ** 2)


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
