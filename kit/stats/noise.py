"""The local noise floor: how far two evaluations of one cell differ that should be the same.

From replicates (sampled answers), or from the `exact` and `fast` twins of a cell, which differ by rounding alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kit.stats.estimate import as_scores


@dataclass(frozen=True, slots=True)
class Noise:
    """`differing`: share (0 to 1) of answers that differ between two copies, over all pairs of copies. `item`: mean
    absolute difference of an item's score, `mean` the standard deviation of the cell's mean over copies (n − 1), both
    in the unit of the scores. `copies` and `items` count.
    """

    differing: float
    item: float
    mean: float
    copies: int
    items: int


def noise(scores: ArrayLike, answers: Sequence[Sequence[str]]) -> Noise:
    """The noise floor of scores (copies, items) and their answers, item by item the same questions.

    Raises ValueError for fewer than two copies, shapes that do not fit, and scores not finite.
    """
    array = as_scores(scores)
    copies, items = array.shape
    if copies < 2 or [len(one) for one in answers] != [items] * copies:
        raise ValueError(f"{copies} copies of {items} scores, answers {[len(one) for one in answers]}")
    first, second = np.triu_indices(copies, 1)
    said = np.array(answers, dtype=object)
    return Noise(
        differing=float((said[first] != said[second]).mean()),
        item=float(np.abs(array[first] - array[second]).mean()),
        mean=float(array.mean(axis=1).std(ddof=1)),
        copies=copies,
        items=items,
    )


def pooled_noise(found: Sequence[Noise]) -> Noise:
    """The floor of several cells together: means of what differs, the root mean square of standard deviations; the
    fewest copies of a cell, the items of all. Raises ValueError for none.
    """
    if not found:
        raise ValueError("there is no noise to pool")
    return Noise(
        differing=float(np.mean([one.differing for one in found])),
        item=float(np.mean([one.item for one in found])),
        mean=float(np.sqrt(np.mean([one.mean**2 for one in found]))),
        copies=min(one.copies for one in found),
        items=sum(one.items for one in found),
    )
