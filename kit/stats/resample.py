"""Which contexts and seeds each resample holds: weights that every cell over the same contexts shares."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kit.stats.estimate import Floats

Counts = NDArray[np.uint16]
Indices = NDArray[np.intp]

CONTEXTS, TUNED_SEEDS, BASE_SEEDS = range(3)
_BLOCK = 1_000  # resamples at a time: bounds the memory of draws and keeps products in the cache


@lru_cache(maxsize=32)
def weights(units: int, draws: int, resamples: int, seed: int, stream: tuple[int, int]) -> Counts:
    """How often each of `units` comes up in `draws` draws with replacement: (resamples, units), read-only.

    Kept as small integers, 5 MB for 240 contexts, as a table walks over data sets and comes back to each.
    `stream` keeps independent draws apart: what is drawn (contexts or seeds) and which group of it.
    """
    generator = np.random.default_rng([seed, *stream])
    counts = np.empty((resamples, units), dtype=np.uint16)
    for start in range(0, resamples, _BLOCK):
        rows = min(_BLOCK, resamples - start)
        drawn = generator.integers(0, units, size=(rows, draws)) + np.arange(rows)[:, None] * units
        counts[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
    counts.setflags(write=False)
    return counts


@lru_cache(maxsize=2)
def _factors(units: int, draws: int, resamples: int, seed: int, stream: tuple[int, int]) -> Floats:
    """`weights` as factors of a product. Of the last two alone, 20 MB each for 240 contexts: cells of a table that
    follow each other share theirs, and to make them anew takes longer than the product.
    """
    return weights(units, draws, resamples, seed, stream).astype(np.float64)


def weighted_sums(columns: Floats, resamples: int, seed: int, stream: tuple[int, int]) -> Floats:
    """Sums of `columns` (units, columns) over as many draws with replacement as there are units, in each resample:
    (resamples, columns), in double precision.
    """
    units = len(columns)
    return _factors(units, units, resamples, seed, stream) @ columns


@lru_cache(maxsize=32)
def seed_weights(seeds: int, resamples: int, seed: int, stream: tuple[int, int]) -> Floats:
    """Share of each seed in each resample: (resamples, seeds), rows sum to 1.

    S − 1 of S seeds are drawn, not S: drawing S would make the spread between seeds too small by (S − 1)/S,
    a half for two seeds (Rao and Wu 1988, "Resampling inference with complex survey data"). One seed is
    taken as it is. Remembered, as the columns of a table ask for the same; read-only.
    """
    if seeds == 1:
        shares = np.ones((resamples, 1))
    else:
        shares = weights(seeds, seeds - 1, resamples, seed, stream).astype(np.float64) / (seeds - 1)
    shares.setflags(write=False)
    return shares


@dataclass(frozen=True, slots=True)
class Contexts:
    """Where each item of a cell stands: `index` (items,) into the component's contexts, `total` of them, and
    which `component` (a set of cells tied together by shared contexts) that is.
    """

    index: Indices
    total: int
    component: int


def tie(ids: Sequence[Sequence[Hashable]]) -> list[Contexts]:
    """Number the contexts of several cells, so that those with a common name are drawn together.

    `ids` holds one context name an item for each cell. Names are compared as text, and numbered in its
    order: the order of items and cells makes no difference. Cells that share a context, directly or through
    another cell, form one component; components are resampled independently.
    """
    return list(_tie(tuple(tuple(map(str, cell)) for cell in ids)))


@lru_cache(maxsize=32)
def _tie(named: tuple[tuple[str, ...], ...]) -> tuple[Contexts, ...]:
    """Remembered, as every row of a table has the same contexts; its arrays are read-only."""
    components: list[set[str]] = []
    for cell in named:
        merged = set(cell)
        apart = []
        for other in components:
            if merged.isdisjoint(other):
                apart.append(other)
            else:
                merged |= other
        components = [*apart, merged]
    components.sort(key=min)
    place = {
        name: (number, position)
        for number, component in enumerate(components)
        for position, name in enumerate(sorted(component))
    }
    tied = []
    for cell in named:
        number = place[cell[0]][0]
        index = np.array([place[name][1] for name in cell], dtype=np.intp)
        index.setflags(write=False)
        tied.append(Contexts(index, len(components[number]), number))
    return tuple(tied)
