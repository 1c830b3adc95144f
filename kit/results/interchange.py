"""What an interchange found (experiment S5): effects both ways, against the whole state and against its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from kit.results.grid import Column, Grid, Pool, Subject, grids
from kit.results.items import SwappedItem
from kit.results.types import Floats, MissingCell, Results
from kit.stats import Bootstrap, Estimate, mean_intervals

WAYS = ("into", "out")
"""The tuned model's part into the base: does it suffice? The base's into the tuned model: is it necessary?"""
LEAST = 10.0
"""Percentage points that the whole state must do for its part to be judged (.1 in the protocol)."""
_MASSES = ("base_interferer", "base_target", "tuned_interferer", "tuned_target")
_LAYER = "layer"

BOTH_WAYS, UNDECIDED = "works both ways", "undecided"

Stands = Literal["works", "does not work", "undecided"]


def swap_columns(items: Sequence[SwappedItem], interferer: str) -> dict[str, Floats]:
    """Columns of an `interchange` cell, (items,) each, named `swap:<interferer>:<what>`; NaN for items that served to
    find direction and layer.
    """
    tested = [not item.searched for item in items]
    columns = {_LAYER: np.array([item.layer for item in items], dtype=np.float64)}
    for at, name in enumerate(_MASSES):
        columns[name] = np.array([(*item.base, *item.tuned)[at] for item in items], dtype=np.float64)
    names = dict.fromkeys(name for item in items for name in item.effects)
    for name in names:
        for place, way in enumerate(WAYS):
            values = [item.effects[name][place] if name in item.effects else np.nan for item in items]
            columns[f"{way}_{name}"] = np.array(values, dtype=np.float64)
    kept = {name: np.where(tested, column, np.nan) for name, column in columns.items()}
    return {f"swap:{interferer}:{name}": column for name, column in (kept | _by_layer(items)).items()}


def _by_layer(items: Sequence[SwappedItem]) -> dict[str, Floats]:
    """Columns of every block, `at<block>_<way>_<what>`; NaN for items that did not serve the search."""
    first: Mapping[str, object] = next((item.by_layer for item in items if item.searched), {})
    columns: dict[str, Floats] = {}
    for name in first:
        for place, way in enumerate(WAYS):
            curves = [item.by_layer[name][place] if item.searched else () for item in items]
            for block in range(max(map(len, curves))):
                values = [curve[block] if curve else np.nan for curve in curves]
                columns[f"at{block + 1}_{way}_{name}"] = np.array(values, dtype=np.float64)
    return columns


@dataclass(frozen=True)
class Way:
    """One way of an interchange, in percentage points of mass(interferer) - mass(target).

    `effect` of the direction, `whole` of the whole hidden state; `over_random` and `over_control` are the effect less
    that of a random direction and of the script that does not interfere (None where none was named).
    """

    effect: Estimate
    whole: Estimate
    over_random: Estimate
    over_control: Estimate | None

    @property
    def share(self) -> float:
        """The effect as a share of the whole state's; NaN where that is nothing."""
        return self.effect.value / self.whole.value if self.whole.value else float("nan")

    @property
    def stands(self) -> Stands:
        """`works` where the effect and its lead over each control are above 0 by their intervals; undecided where even
        the whole state does less than `LEAST`.
        """
        if self.whole.value < LEAST:
            return "undecided"
        leads = [one for one in (self.effect, self.over_random, self.over_control) if one is not None]
        return "works" if all(one.defined and one.low > 0 for one in leads) else "does not work"


@dataclass(frozen=True)
class Swaps:
    """Of one tuned row, evaluation set and interferer. `masses` in percent, of `base_interferer`, `base_target` and so
    on; `layers` as each seed's search found them.
    """

    interferer: str
    into: Way
    out: Way
    masses: Mapping[str, Estimate]
    layers: tuple[int, ...]

    @cached_property
    def stands(self) -> str:
        """Both ways in a word."""
        both = {self.into.stands, self.out.stands}
        if "undecided" in both:
            return UNDECIDED
        if len(both) == 1:
            return BOTH_WAYS if both == {"works"} else "does not work"
        return (
            "suffices, is not necessary" if self.into.stands == "works" else "is necessary, does not suffice"
        )


def swaps_of(pool: Pool, settings: Bootstrap | None = None) -> list[Swaps]:
    """What is known of a row and column, one an interferer; of cells that hold the same items."""
    if not pool.cells:
        return []
    names = [name for name in pool.cells[0].metrics if name.startswith("swap:") and name.endswith(_LAYER)]
    return [_swaps(pool, name.split(":")[1], settings or Bootstrap()) for name in names]


def _swaps(pool: Pool, interferer: str, settings: Bootstrap) -> Swaps:
    first = pool.cells[0]
    prefix = f"swap:{interferer}:"
    layers = pool.scores(f"{prefix}{_LAYER}", first)
    tested = np.logical_and.reduce(np.isfinite(layers), axis=0)
    clusters = [name for name, kept in zip(first.clusters, tested, strict=True) if kept]
    controlled = f"{prefix}into_control" in first.metrics

    def column(name: str) -> Floats:
        return 100.0 * pool.scores(f"{prefix}{name}", first)[:, tested]

    wanted: list[Floats] = [column(name) for name in _MASSES]
    for way in WAYS:
        effect = column(f"{way}_direction")
        controls = ["random", *(["control"] if controlled else [])]
        wanted += [effect, column(f"{way}_whole"), *(effect - column(f"{way}_{name}") for name in controls)]
    found = mean_intervals(wanted, clusters, settings)
    masses, rest = dict(zip(_MASSES, found, strict=False)), found[len(_MASSES) :]
    half = len(rest) // 2
    into, out = (
        Way(own[0], own[1], own[2], own[3] if controlled else None) for own in (rest[:half], rest[half:])
    )
    return Swaps(interferer, into, out, masses, tuple(int(layer) for layer in layers[:, tested][:, 0]))


@dataclass(frozen=True)
class LayerSwaps:
    """Effects in one block, on the contexts that served the search: of the direction and of the whole hidden state
    (which is activation patching at that token), each into the base and out of the tuned model, in percentage points.
    """

    block: int
    direction: tuple[Estimate, Estimate]
    whole: tuple[Estimate, Estimate]


def layer_swaps(pool: Pool, interferer: str, settings: Bootstrap | None = None) -> list[LayerSwaps]:
    """Every block but the last, in order; of cells that hold the same items."""
    first = pool.cells[0]
    prefix = f"swap:{interferer}:at"
    blocks = sorted(
        {int(name[len(prefix) :].split("_")[0]) for name in first.metrics if name.startswith(prefix)}
    )
    if not blocks:
        return []
    whats = [f"{way}_{what}" for what in ("direction", "whole") for way in WAYS]
    columns = [pool.scores(f"{prefix}{block}_{what}", first) for block in blocks for what in whats]
    searched = np.logical_and.reduce(np.isfinite(columns[0]), axis=0)
    clusters = [name for name, kept in zip(first.clusters, searched, strict=True) if kept]
    kept_ = [100.0 * column[:, searched] for column in columns]
    found = iter(mean_intervals(kept_, clusters, settings or Bootstrap()))
    return [LayerSwaps(block, (next(found), next(found)), (next(found), next(found))) for block in blocks]


@dataclass(frozen=True)
class SwapRow:
    """A tuned row in one evaluation set."""

    subject: Subject
    column: Column
    swaps: Swaps
    keys: tuple[str, ...]
    by_layer: tuple[LayerSwaps, ...] = ()


@dataclass(frozen=True)
class SwapTable:
    """One model, prompt and interferer."""

    recipe: str
    model: str
    prompt: str
    task: str
    rows: tuple[SwapRow, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    bootstrap: Bootstrap


def swap_tables(results: Results, bootstrap: Bootstrap | None = None) -> list[SwapTable]:
    """One table for each model, prompt and `interchange` task that has a finished cell.

    Raises:
        DataError: cells of one row do not hold the same items.
    """
    settings = bootstrap or Bootstrap()
    return [
        table for grid in grids(results, "interchange") if (table := _table(results, grid, settings)).rows
    ]


def _table(results: Results, grid: Grid, settings: Bootstrap) -> SwapTable:
    rows = [
        SwapRow(
            subject,
            column,
            swaps,
            tuple(cell.key for cell in pool.cells),
            tuple(layer_swaps(pool, swaps.interferer, settings)),
        )
        for subject in grid.subjects
        for column in grid.columns
        if (pool := grid.pool(subject, column)).cells
        for swaps in swaps_of(pool, settings)
    ]
    return SwapTable(
        results.recipe, grid.model, grid.prompt, grid.task, tuple(rows), grid.missing, results.notes, settings
    )
