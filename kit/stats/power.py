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


def units_needed(
    value: float, error: float, units: int, level: float, power: float = POWER, fixed: float = 0.0
) -> int | None:
    """How many contexts (or seeds) would let a test see `value`, if it is as it looks; None where no number would.

    `error` is that of so many `units`; `fixed` is the part of it, as a standard error, that more of them do not lower:
    that of seeds for contexts, and the other way round.
    """
    within = (abs(value) / detectable(1.0, level, power)) ** 2 - fixed**2
    if not value or within <= 0:
        return None
    return max(1, math.ceil(units * max(0.0, error**2 - fixed**2) / within))


def pairs_needed(rho: float, level: float, power: float = POWER) -> int | None:
    """How many pairs of values would let a test see a correlation, if it is as it looks; None where it is 0.

    Fisher's z (Fisher 1921, "On the probable error of a coefficient of correlation"): atanh of a correlation has the
    standard error 1/sqrt(n - 3); of ranks a little more.
    """
    if not rho or math.isnan(rho):
        return None
    turned = math.atanh(min(abs(rho), 1 - 1e-9))
    return math.ceil((detectable(1.0, level, power) / turned) ** 2 + 3)


def _quantile(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
