"""What a lens saw: probability by layer and class of tokens, of each item of a `lens` cell, and tables of means."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kit.data.probe import ITEMS, slipped_mean
from kit.errors import DataError, Where
from kit.jobdir.cell import BROKEN, LENS_FILE, NEUTRAL, PADDING, SPECIAL, UNMAPPED, broken
from kit.results.grid import Column, Grid, Pool, Subject, grids
from kit.results.scripts import scripts_of
from kit.results.types import CellData, Floats, LensArrays, MissingCell, Results
from kit.score import code
from kit.stats import Bootstrap, Estimate, mean_intervals

APART = (NEUTRAL, SPECIAL, BROKEN, PADDING, UNMAPPED)
"""Classes of tokens that speak for no script and no language."""
Mean = Literal["items", "published"]
"""How items are brought to one figure: `lens_tables`."""
Items = Literal["all", "right-right", "right-wrong", "wrong-right", "base-right", "base-wrong"]
"""Example sets of the protocol: what base and then tuned model answered, by exact match."""
_SIDES: Mapping[str, tuple[bool, bool | None]] = {
    "right-right": (True, True),
    "right-wrong": (True, False),
    "wrong-right": (False, True),
    "base-right": (True, None),
    "base-wrong": (False, None),
}
_How = tuple[Sequence[str], Bootstrap, Mean]
MASS_COLUMNS = ("mass_own", "mass_other", "mass_none", "mass_own_inside", "mass_other_inside")
_SUM = 1e-3  # how far the mass of all classes may be from 1 by rounding


def read_lens(folder: Path, n: int) -> LensArrays:
    """The arrays of a finished `lens` cell of `n` items.

    Raises:
        DataError: absent, damaged, or of another shape.
    """
    path = folder / LENS_FILE
    try:
        with np.load(path, allow_pickle=False) as held:
            layers, classes = (tuple(map(str, held[name])) for name in ("layers", "classes"))
            mass = held["mass"]
            divergence = held.get("divergence")
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise _damaged(path, f"cannot be read ({problem})") from problem
    if mass.shape != (n, len(layers), len(classes)) or mass.dtype != np.float32:
        raise _damaged(path, f"holds {mass.dtype} of shape {mass.shape}")
    if mass.size and not np.allclose(mass.sum(axis=2), 1.0, atol=_SUM):
        raise _damaged(path, "holds probabilities that do not sum to 1")
    if divergence is not None and divergence.shape != (2, len(layers) - 1):
        raise _damaged(path, f"holds divergences of shape {divergence.shape}")
    return LensArrays(layers, classes, mass, divergence)


def mass_columns(arrays: LensArrays, matrix: str, language: str) -> Mapping[str, Floats]:
    """Name → (items,): mass on a language's own classes, on those of others, on those of none, at the last layer,
    which is the model's output; and the first two inside: a mean over the second half of the blocks but the last one.
    Both are NaN where the classes hold none of the language's, the inner ones also where there is no such block.
    """
    own = own_classes(arrays.classes, matrix, language)
    none = [name in APART for name in arrays.classes]
    mine = [name in own for name in arrays.classes]
    other = [not (a or b) for a, b in zip(none, mine, strict=True)]
    blocks = len(arrays.layers) - 1
    sides = [arrays.mass[:, -1], _inside(arrays.mass[:, 1 + blocks // 2 : blocks])]
    sums = [
        [side[:, np.flatnonzero(chosen)].sum(axis=1, dtype=np.float64) for chosen in (mine, other, none)]
        for side in sides
    ]
    found = dict(zip(MASS_COLUMNS, (*sums[0], *sums[1][:2]), strict=True))
    unknown = np.full(len(arrays.mass), np.nan)
    return found if own else {name: v if name == "mass_none" else unknown for name, v in found.items()}


def _inside(mass: NDArray[np.float32]) -> NDArray[np.float32]:
    """(items, layers, classes) → their mean, (items, classes); NaN without layers."""
    if not mass.shape[1]:
        return np.full((len(mass), mass.shape[2]), np.nan, dtype=np.float32)
    return np.asarray(mass.mean(axis=1), dtype=np.float32)


def own_classes(classes: Sequence[str], matrix: str, language: str) -> frozenset[str]:
    """The classes that are a language's own: its code, or under the matrix `script` what it is written with."""
    if matrix != "script":
        return frozenset({code(language)} & set(classes))
    found = scripts_of(language)
    return frozenset({*found, *map(broken, found)} & set(classes))


@dataclass(frozen=True)
class LensRow:
    """One subject: `mass` and, against the base, `change` in percentage points; layers × classes of the table.

    `change` is None for the base, and where the base or the row has no cell.
    """

    subject: Subject
    mass: tuple[tuple[Estimate, ...], ...]
    change: tuple[tuple[Estimate, ...], ...] | None
    keys: tuple[str, ...]


@dataclass(frozen=True)
class LensTable:
    """One model, prompt, variant of the lens and evaluation set. Classes: the largest first, then those of none.

    `own` are the classes of the column's language, `left_out` those that nowhere hold the share that was asked for.
    `divergence`, of a tuned lens, is how far each layer's prediction is from the output, in nats, without its map and
    through it, on contexts kept out of the fit; it is that of the base.
    """

    recipe: str
    model: str
    prompt: str
    task: str
    column: Column
    layers: tuple[str, ...]
    classes: tuple[str, ...]
    own: frozenset[str]
    left_out: tuple[str, ...]
    rows: tuple[LensRow, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    bootstrap: Bootstrap
    items: Items = "all"
    divergence: tuple[tuple[float, float], ...] = ()


def lens_tables(
    results: Results,
    least: float = 0.01,
    bootstrap: Bootstrap | None = None,
    language: str | None = None,
    mean: Mean = "items",
    items: Items = "all",
) -> list[LensTable]:
    """One table for each model, prompt, variant and evaluation set (of one `language`, if named).

    `mean` over all `items`; or as the authors' script made it (`published`): without the model's padded outputs, 150
    items, shuffled, an exponential average, which has no interval.

    `items` takes those alone that the base, and then the row's tuned model, answered rightly or wrongly by exact match
    (of several seeds or replicates, most of them), under the recipe's plain `generate` task. Such a set is another one
    in every row, so the base has a row of its own only where the set is one of its own answers; rows without answers,
    or with an empty set, are left out.

    Classes that in no layer of any row hold the share `least` of the probability, on average, are left out by name.
    Intervals as everywhere: contexts drawn with replacement, base and tuned alike, seeds as a second level.

    Raises:
        DataError: a cell is damaged, or cells of one table do not hold the same items or axes.
    """
    settings = bootstrap or Bootstrap()
    return [
        table
        for grid in grids(results, "lens")
        for column in grid.columns
        if language in (None, column.language, column.name)
        if (table := _table(results, grid, column, (least, mean, items, settings))) is not None
    ]


def _table(
    results: Results, grid: Grid, column: Column, how: tuple[float, Mean, Items, Bootstrap]
) -> LensTable | None:
    least, mean, items, settings = how
    pools = [(subject, pool) for subject in grid.subjects if (pool := grid.pool(subject, column)).cells]
    if not pools:
        return None
    first = pools[0][1].cells[0]
    looks = {cell.key: _look(cell, mean) for _, pool in pools for cell in pool.cells}
    axes = looks[first.key]
    for cell in (cell for _, pool in pools for cell in pool.cells):
        own = looks[cell.key]
        if (own.layers, own.classes, cell.ids) != (axes.layers, axes.classes, first.ids):
            raise DataError(
                f"cells {first.key} and {cell.key} do not hold the same items, layers and classes",
                remedy="remove the damaged one from the store and run the recipe again",
            )
    matrix = _matrix(results, first)
    kept = _kept(looks.values(), axes.classes, least)
    base = _stack(grid.pool(grid.base, column), looks, kept)
    chosen = {subject: _chosen(results, (grid, column), subject, first, items) for subject, _ in pools}
    rows = tuple(
        _row(
            subject,
            pool,
            (base, _stack(pool, looks, kept)),
            chosen[subject],
            (first.clusters, settings, mean),
        )
        for subject, pool in pools
        if chosen[subject].any()
    )
    if not rows:
        return None
    missing = tuple(cell for cell in grid.missing if cell.wanted.spec.data == column.data)
    return LensTable(
        results.recipe, grid.model, grid.prompt, grid.task, column, axes.layers,
        tuple(axes.classes[at] for at in kept),
        own_classes(axes.classes, matrix, column.language),
        tuple(name for at, name in enumerate(axes.classes) if at not in kept),
        rows, missing, results.notes, settings, items, _divergence(axes),
    )  # fmt: skip


def _divergence(look: LensArrays) -> tuple[tuple[float, float], ...]:
    if look.divergence is None:
        return ()
    return tuple((float(plain), float(mapped)) for plain, mapped in look.divergence.T)


def _chosen(
    results: Results, place: tuple[Grid, Column], subject: Subject, first: CellData, items: Items
) -> NDArray[np.bool_]:
    """(items,) which are in the set of a row, in the order of `first`; none where their answers are not known."""
    if items == "all":
        return np.ones(first.n, dtype=bool)
    grid, column = place
    before, after = _SIDES[items]
    found = np.ones(first.n, dtype=bool)
    for side, wanted in ((grid.base, before), (subject, after)):
        if wanted is None:
            continue
        if side.is_base and side is subject:  # what tuning did to them: the base alone does not know
            return np.zeros(first.n, dtype=bool)
        right = _right(results, (grid, column), side, first)
        if right is None:
            return np.zeros(first.n, dtype=bool)
        found &= right if wanted else ~right
    return found


def _right(
    results: Results, place: tuple[Grid, Column], subject: Subject, first: CellData
) -> NDArray[np.bool_] | None:
    """(items,) whether most of a row's answers match a gold one exactly."""
    grid, column = place
    plain = [one for one in grids(results) if (one.model, one.prompt) == (grid.model, grid.prompt)]
    answered = next((one for one in plain if one.task == "generate"), plain[0] if plain else None)
    pool = answered.pool(subject, column) if answered else Pool((), 0)
    if not pool.having("em"):
        return None
    return np.asarray(pool.scores("em", first).mean(axis=0) > 0.5)


def _row(
    subject: Subject,
    pool: Pool,
    sides: tuple[Floats | None, Floats | None],
    chosen: NDArray[np.bool_],
    how: _How,
) -> LensRow:
    base, own = (side if side is None else side[:, chosen] for side in sides)
    assert own is not None
    how = ([name for name, kept in zip(how[0], chosen.tolist(), strict=True) if kept], *how[1:])
    change = None
    if base is not None and not subject.is_base:
        change = _estimates(own - base.mean(axis=0), how)
    return LensRow(subject, _estimates(own, how), change, tuple(cell.key for cell in pool.cells))


def _estimates(values: Floats, how: _How) -> tuple[tuple[Estimate, ...], ...]:
    """Means of (cells, items, layers, classes) with their intervals, in percent: layers × classes."""
    clusters, settings, mean = how
    layers, classes = values.shape[2:]
    if mean == "published":
        cells = np.stack([slipped_mean(own) for own in values]).mean(axis=0) * 100.0
        counts = (min(ITEMS, values.shape[1]), len(set(clusters)), len(values))
        return tuple(tuple(Estimate(float(one), np.nan, np.nan, *counts) for one in layer) for layer in cells)
    flat = [values[:, :, layer, name] * 100.0 for layer in range(layers) for name in range(classes)]
    found = mean_intervals(flat, clusters, settings)
    return tuple(tuple(found[layer * classes : (layer + 1) * classes]) for layer in range(layers))


def _stack(pool: Pool, looks: Mapping[str, LensArrays], kept: Sequence[int]) -> Floats | None:
    """(cells, items, layers, classes) of a pool, or None where it has no cell."""
    if not pool.cells:
        return None
    return np.stack([looks[cell.key].mass[:, :, list(kept)].astype(np.float64) for cell in pool.cells])


def _kept(looks: Iterable[LensArrays], classes: Sequence[str], least: float) -> list[int]:
    """Places of the classes that somewhere hold enough, the largest at the output first, those of none last."""
    means = np.stack([look.mass.mean(axis=0) for look in looks])
    enough = np.flatnonzero(means.max(axis=(0, 1)) >= least)
    at_output = means[:, -1].max(axis=0)
    return sorted((int(at) for at in enough), key=lambda at: (classes[at] in APART, -at_output[at], at))


def _look(cell: CellData, mean: Mean) -> LensArrays:
    """The arrays of a cell; for the published mean without padding, which the authors' script cuts off the model."""
    assert cell.lens is not None
    found = cell.lens()
    if mean == "items" or PADDING not in found.classes:
        return found
    place = found.classes.index(PADDING)
    rest = np.delete(found.mass, place, axis=2)
    names = found.classes[:place] + found.classes[place + 1 :]
    return LensArrays(found.layers, names, rest / rest.sum(axis=2, keepdims=True), found.divergence)


def _matrix(results: Results, cell: CellData) -> str:
    spec = next(wanted.spec for wanted in results.wanted.cells if wanted.key == cell.key)
    return str(getattr(spec.task, "matrix", "script"))


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"the array of a lens {why}",
        where=Where(str(path)),
        remedy="take it out with: xlt-kit store verify --remove; then run the recipe again",
    )
