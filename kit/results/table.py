"""The transfer table: rows are what was tuned on, columns where it was evaluated, cells what changed and how surely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kit.results.columns import Metric, metric_named
from kit.results.types import CellData, Floats, Results
from kit.stats import Bootstrap, Cell, Comparison, Estimate, grouped_comparison, mean_interval

DEFAULT = Bootstrap()


@dataclass(frozen=True)
class Row:
    """A subject: what was tuned on (empty: the base), in which language, up to which optimizer step."""

    trained_on: str
    train_language: str
    step: int


@dataclass(frozen=True)
class Column:
    """An evaluation set in a language. `seen`: the model family had these very texts in its own tuning."""

    dataset: str
    language: str
    split: str
    seen: bool


@dataclass(frozen=True)
class TableCell:
    """Estimates in the metric's unit (EM, F1 and shares: 0 to 100). A base cell has `base` alone.

    `keys` are the stored cells behind it. `self_language`: tuned and evaluated in one language.
    """

    base: Estimate
    tuned: Estimate | None
    delta: Estimate | None
    ratio: Estimate | None
    keys: tuple[str, ...]
    self_language: bool = False


@dataclass(frozen=True)
class TransferTable:
    """One model, prompt and task. `cells` may lack a (row, column) where nothing is finished.

    `groups` hold macro-averages over the columns of a group, for rows that have all of them.
    """

    recipe: str
    model: str
    prompt: str
    task: str
    metric: Metric
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    cells: Mapping[tuple[Row, Column], TableCell]
    groups: Mapping[tuple[Row, str], TableCell]
    rescored: str
    missing: int

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups that at least one row has."""
        return tuple(dict.fromkeys(name for _, name in self.groups))


def transfer_tables(
    results: Results,
    metric: str = "f1",
    groups: Mapping[str, Sequence[str]] | None = None,
    settings: Bootstrap = DEFAULT,
) -> list[TransferTable]:
    """A table for each model, prompt and generating task, in the recipe's order.

    `groups` maps a name to languages; columns of those languages are averaged, with `all` always among them. Seeds of
    the tuning are the second level of the bootstrap; replicates of a seed are averaged first.

    Raises:
        UsageError: there is no such metric.
    """
    column = metric_named(metric)
    cells = [cell for cell in results.cells if cell.kind == "generate"]
    places = dict.fromkeys((cell.at.model, cell.at.prompt, cell.at.task) for cell in cells)
    return [
        _table(results, column, place, [c for c in cells if (c.at.model, c.at.prompt, c.at.task) == place], groups, settings)
        for place in places
    ]


def _table(
    results: Results,
    metric: Metric,
    place: tuple[str, str, str],
    cells: Sequence[CellData],
    groups: Mapping[str, Sequence[str]] | None,
    settings: Bootstrap,
) -> TransferTable:
    grid: dict[tuple[Row, Column], list[CellData]] = {}
    for cell in cells:
        if metric.name in cell.metrics:
            grid.setdefault((_row(cell), _column(cell)), []).append(cell)
    rows = sorted(dict.fromkeys(row for row, _ in grid), key=lambda row: row.trained_on != "")
    columns = list(dict.fromkeys(column for _, column in grid))
    pairs = {place: _pair(grid, *place, metric) for place in grid}
    shown = {
        (row, column): _compared([pair], metric, settings, _keys(grid, row, column), row.train_language == column.language)
        for (row, column), pair in pairs.items()
        if pair is not None
    }
    averaged = _averages(rows, columns, grid, pairs, metric, groups, settings)
    model, prompt, task = place
    missing = sum(w.wanted.at.model == model and w.wanted.at.task == task for w in results.missing)
    return TransferTable(
        results.recipe, model, prompt, task, metric, tuple(rows), tuple(columns), shown, averaged,
        results.rescored, missing,
    )


@dataclass(frozen=True)
class _Pair:
    """Scores of base and tuned on the same items: (seeds, items) each; `tuned` None for a base row."""

    base: Floats
    tuned: Floats | None
    clusters: tuple[str, ...]


def _row(cell: CellData) -> Row:
    return Row(cell.at.trained_on, cell.at.train_language, cell.at.step)


def _column(cell: CellData) -> Column:
    return Column(cell.at.dataset, cell.at.language, cell.at.split, cell.seen)


def _keys(grid: Mapping[tuple[Row, Column], Sequence[CellData]], row: Row, column: Column) -> tuple[str, ...]:
    return tuple(cell.key for cell in grid[row, column])


def _pair(
    grid: Mapping[tuple[Row, Column], Sequence[CellData]], row: Row, column: Column, metric: Metric
) -> _Pair | None:
    base_cells = grid.get((Row("", "", 0), column))
    if not base_cells:
        return None
    base = _scores(base_cells, metric)
    tuned = _scores(grid[row, column], metric) if row.trained_on else None
    whole = ~np.isnan(base).any(axis=0)
    if tuned is not None:
        whole &= ~np.isnan(tuned).any(axis=0)
    if not whole.any():
        return None
    clusters = tuple(f"{column.dataset}:{c}" for c, keep in zip(base_cells[0].clusters, whole, strict=True) if keep)
    return _Pair(base[:, whole], None if tuned is None else tuned[:, whole], clusters)


def _scores(cells: Sequence[CellData], metric: Metric) -> Floats:
    """(seeds, items) in the unit of the table; the mean over the replicates of a seed."""
    seeds: dict[int | None, list[Floats]] = {}
    for cell in cells:
        seeds.setdefault(cell.at.seed, []).append(cell.metrics[metric.name])
    return np.array([np.mean(copies, axis=0) for copies in seeds.values()]) * metric.scale


def _compared(
    pairs: Sequence[_Pair], metric: Metric, settings: Bootstrap, keys: tuple[str, ...], self_language: bool = False
) -> TableCell:
    # The bootstrap takes scores that are not negative; a difference does not mind a shift of both sides.
    lowest = min(float(side.min()) for pair in pairs for side in (pair.base, pair.tuned) if side is not None)
    shift = min(0.0, lowest)
    if pairs[0].tuned is None:
        if len(pairs) == 1:
            base = mean_interval(pairs[0].base - shift, pairs[0].clusters, settings)
        else:
            same = [Cell(p.base - shift, p.base - shift, p.clusters) for p in pairs]
            base = grouped_comparison(same, settings=settings).base
        return TableCell(_shifted(base, shift), None, None, None, keys)
    found: Comparison = grouped_comparison(
        [Cell(p.base - shift, p.tuned - shift, p.clusters) for p in pairs if p.tuned is not None], settings=settings
    )
    ratio = None if metric.signed else found.ratio
    return TableCell(
        _shifted(found.base, shift), _shifted(found.tuned, shift), found.difference, ratio, keys, self_language
    )


def _shifted(value: Estimate, by: float) -> Estimate:
    return Estimate(
        value.value + by, value.low + by, value.high + by, value.n_items, value.n_clusters, value.n_seeds
    )


def _averages(
    rows: Sequence[Row],
    columns: Sequence[Column],
    grid: Mapping[tuple[Row, Column], Sequence[CellData]],
    pairs: Mapping[tuple[Row, Column], _Pair | None],
    metric: Metric,
    groups: Mapping[str, Sequence[str]] | None,
    settings: Bootstrap,
) -> dict[tuple[Row, str], TableCell]:
    named = {"all": [c.language for c in columns], **(groups or {})}
    found = {}
    for row in rows:
        for name, languages in named.items():
            members = [column for column in columns if column.language in languages]
            own = [pairs.get((row, column)) for column in members]
            if len(members) > 1 and all(pair is not None for pair in own):
                keys = tuple(key for column in members for key in _keys(grid, row, column))
                whole = [pair for pair in own if pair is not None]
                if len({0 if p.tuned is None else len(p.tuned) for p in whole}) == 1:
                    found[row, name] = _compared(whole, metric, settings, keys)
    return found
