"""Correction for many tests at once: Holm's step-down procedure.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6.
"""

from collections.abc import Sequence

import numpy as np

from kit.stats.estimate import Floats


def holm(p: Sequence[float]) -> Floats:
    """Adjusted p-values, in the order of `p` (tests,): below a level where Holm's procedure rejects at that level.

    The family-wise error is kept whatever the tests have to do with each other. Raises ValueError for a value that is
    no probability.
    """
    values = np.asarray(p, dtype=np.float64)
    if values.size and not ((values >= 0) & (values <= 1)).all():
        raise ValueError("p-values must lie between 0 and 1")
    order = np.argsort(values, kind="stable")
    scaled = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
