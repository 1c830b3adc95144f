"""The arrays of a probe that the paper's authors published: probability by layer and language, a file a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.data.cursor import read_json
from kit.errors import DataError, Where

ITEMS, WEIGHT = 150, 1 / 30
"""The authors' script looks at 150 prompts; its inner loop overwrites the index that the running mean divides by, which
is then always that of the last of 30 blocks. Source: logit_lens in their repository, at the commit of the arrays.
"""
SLIPPED_SUM = 1 - (1 - WEIGHT) ** ITEMS
"""What a row of probabilities sums to under that slip: .9938. Under a mean it is 1."""
_NEAR = 1e-3


@dataclass(frozen=True, eq=False)
class Probe:
    """`arrays`: (evaluation language, optimizer step) → (layers, languages); layer 0 is the embedding.

    `languages` name the second axis: in the order in which the token map first names them.
    """

    languages: tuple[str, ...]
    arrays: Mapping[tuple[str, int], NDArray[np.float64]]

    @property
    def steps(self) -> tuple[int, ...]:
        """The checkpoints, ascending; 0 is the base."""
        return tuple(sorted({step for _, step in self.arrays}))

    @property
    def evaluated(self) -> tuple[str, ...]:
        """The languages of the prompts."""
        return tuple(dict.fromkeys(language for language, _ in self.arrays))

    def mass(self, evaluated: str, step: int, language: str) -> NDArray[np.float64]:
        """(layers,): probability of a language's tokens on prompts in `evaluated`, after so many steps."""
        mass: NDArray[np.float64] = self.arrays[evaluated, step][:, self.languages.index(language)]
        return mass

    def sums(self) -> tuple[float, float]:
        """The least and the largest sum of a row."""
        sums = np.concatenate([array.sum(axis=1) for array in self.arrays.values()])
        return float(sums.min()), float(sums.max())

    @property
    def slipped(self) -> bool:
        """Whether the rows sum to what the slip makes of probabilities, and not to 1."""
        low, high = self.sums()
        return abs(low - SLIPPED_SUM) < _NEAR and abs(high - SLIPPED_SUM) < _NEAR


def slipped_mean(mass: NDArray[np.float64], seed: int = 42) -> NDArray[np.float64]:
    """What the authors' script makes of (items, …): 150 of them, shuffled, in its exponential average.

    The order is that of `datasets.Dataset.shuffle(seed)`: numpy's default generator, one permutation.
    """
    order = np.random.default_rng(seed).permutation(len(mass))[:ITEMS]
    mean = np.zeros(mass.shape[1:])
    for item in order:
        mean += (mass[item] - mean) * WEIGHT
    return mean


def read_axis(path: Path) -> tuple[str, ...]:
    """The languages of a token map `{"token id": "language"}`, in the order in which the file first names them.

    Raises:
        MissingInputError, DataError: not such a file.
    """
    named = read_json(path).value
    if not isinstance(named, dict) or not named or not all(isinstance(one, str) for one in named.values()):
        raise DataError(
            "not a map of token ids to languages", where=Where(str(path)), remedy="fetch it again"
        )
    return tuple(dict.fromkeys(named.values()))


def read_array(path: Path, languages: int) -> NDArray[np.float64]:
    """(layers, languages) of a file.

    Raises:
        DataError: not an array of that shape, or not of probabilities.
    """
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as problem:
        raise DataError(f"the array cannot be read: {problem}", where=Where(str(path))) from problem
    if found.ndim != 2 or found.shape[1] != languages or not np.isfinite(found).all() or found.min() < 0:
        message = f"not probabilities of layers by {languages} languages, but of shape {found.shape}"
        raise DataError(message, where=Where(str(path)), remedy="fetch it again")
    mass: NDArray[np.float64] = found.astype(np.float64)
    return mass
