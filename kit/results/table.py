"""The transfer table: rows are what was tuned on, columns what was evaluated on."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from kit.results.choices import choice_notes
from kit.results.columns import Metric, metric_named
from kit.results.grid import Column, Grid, Pool, Subject, grids
from kit.results.noise import NoiseFloor, noise_floor
from kit.results.types import MissingCell, Results
from kit.score import MLQA_LANGUAGES, code
from kit.stats import Bootstrap, Cell, Comparison, Estimate, grouped_comparison, permutation_ps

Groups = Mapping[str, Mapping[str, str]]
"""Ways to group languages: name of the way (`script`) → language → group (`Deva`)."""


@dataclass(frozen=True)
class TableCell:
    """One row and column, or the average of a row over a group of columns.

    Estimates are in the metric's unit (0–100 for shares); `delta` is tuned − base in that unit, `ratio`
    tuned / base. The base row has `base` alone. None: cells are missing, or (`ratio`) the metric may be
    negative. `n` counts items of one seed; `seeds` are the seeds that are there, `replicates` how many of
    each. Not `complete`: a cell of it is missing, and what is shown stands on the others. `keys` and
    `base_keys` name the cells under it. `p_permutation` is that of the difference (two-sided, signs of contexts
    flipped, not corrected for the number of cells), `floor` the noise of the row's own cell.
    """

    base: Estimate | None = None
    tuned: Estimate | None = None
    delta: Estimate | None = None
    ratio: Estimate | None = None
    n: int = 0
    seeds: tuple[int, ...] = ()
    replicates: int = 0
    complete: bool = False
    self_language: bool = False
    keys: tuple[str, ...] = ()
    base_keys: tuple[str, ...] = ()
    p_permutation: float | None = None
    floor: NoiseFloor = field(default_factory=NoiseFloor)


@dataclass(frozen=True)
class Group:
    """Columns to average over, each with the same weight; in those `left_out` some cell is missing."""

    name: str
    columns: tuple[Column, ...]
    left_out: tuple[Column, ...]


@dataclass(frozen=True)
class Row:
    """A row: `cells` in the order of the table's columns, `averages` in that of its groups."""

    subject: Subject
    cells: tuple[TableCell, ...]
    averages: tuple[TableCell, ...]


@dataclass(frozen=True)
class TransferTable:
    """One model, one prompt, one task, one metric; the base row comes first. `rescored` as in `Results`."""

    recipe: str
    model: str
    prompt: str
    task: str
    metric: Metric
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    rows: tuple[Row, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    rescored: str
    bootstrap: Bootstrap


def transfer_table(
    results: Results,
    metric: str = "f1",
    task: str | None = None,
    groups: Groups | None = None,
    bootstrap: Bootstrap | None = None,
) -> list[TransferTable]:
    """One table for each model, prompt and variant of the task; the metric's own task where none is named.

    Intervals come from a paired bootstrap over contexts and, as a second level, seeds and replicates
    (`kit.stats.compare`). Averages over `all` columns, and over the groups of each way in `groups`, take
    only columns in which the base and every row that has begun are complete, so that the rows of a column
    of averages compare; a row without one complete column has no average. An item without a value (p(stop)
    of an item that was not scored, the length ratio where the gold has no words) is left out on both sides.

    Raises:
        UsageError: there is no such metric.
        DataError: cells of one column do not hold the same items.
    """
    asked = metric_named(metric)
    settings = bootstrap or Bootstrap()
    return [
        _table(results, grid, asked, groups or {}, settings) for grid in grids(results, task or asked.task)
    ]


def _table(
    results: Results, grid: Grid, metric: Metric, groups: Groups, settings: Bootstrap
) -> TransferTable:
    columns = [column for column in grid.columns if _applies(metric, column)]
    averaged = tuple(_groups(grid, columns, metric, groups))
    sources = _Sources(grid, metric, settings)
    rows = tuple(
        Row(
            subject,
            tuple(sources.cell(subject, column) for column in columns),
            tuple(sources.average(subject, group) for group in averaged),
        )
        for subject in grid.subjects
    )
    rows = sources.tested(rows)
    outside = [column.name for column in grid.columns if column not in columns]
    notes = [f"outside the metric's languages: {', '.join(outside)}"] if outside else []
    notes += choice_notes(metric.name, [cell for pool in grid.pools.values() for cell in pool.cells])
    return TransferTable(
        recipe=results.recipe,
        model=grid.model,
        prompt=grid.prompt,
        task=grid.task,
        metric=metric,
        columns=tuple(columns),
        groups=averaged,
        rows=rows,
        missing=grid.missing,
        notes=(*results.notes, *notes),
        rescored=results.rescored if metric.task == "generate" else "none",  # choices are kept as scored
        bootstrap=settings,
    )


def _applies(metric: Metric, column: Column) -> bool:
    return not metric.name.startswith("mlqa") or code(column.language) in MLQA_LANGUAGES


@dataclass
class _Sources:
    """Fills a table's cells, and remembers what each of them was compared from, as all are tested together."""

    grid: Grid
    metric: Metric
    settings: Bootstrap
    compared: dict[int, list[Cell]] = field(default_factory=dict)

    def cell(self, subject: Subject, column: Column) -> TableCell:
        grid, metric = self.grid, self.metric
        base, tuned = grid.pool(grid.base, column), grid.pool(subject, column)
        bare = _described([tuned], [base], metric, subject, column)
        if not tuned.having(metric.name):
            return bare
        bare = replace(bare, floor=noise_floor(tuned.cells, metric))
        pair = paired(base if base.having(metric.name) else tuned, tuned, metric)
        if pair is None:
            return bare
        compared = compare_cells([pair], metric, self.settings)
        return self._keep(_filled(bare, compared, subject, bool(base.having(metric.name))), [pair])

    def average(self, subject: Subject, group: Group) -> TableCell:
        grid, metric = self.grid, self.metric
        bases = [grid.pool(grid.base, column) for column in group.columns]
        pools = [grid.pool(subject, column) for column in group.columns]
        bare = replace(_described(pools, bases, metric, subject, None), complete=False)
        if not pools or not all(_complete(pool, metric) for pool in pools):
            return bare
        pairs = [paired(base, pool, metric) for base, pool in zip(bases, pools, strict=True)]
        cells = [pair for pair in pairs if pair is not None]
        if len(cells) < len(pools):
            return bare
        filled = _filled(bare, compare_cells(cells, metric, self.settings), subject, True)
        return self._keep(replace(filled, complete=True), cells)

    def tested(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """The rows with the p of every difference in them: one product for all that have as many contexts."""
        found = dict(
            zip(self.compared, permutation_ps(list(self.compared.values()), self.settings), strict=True)
        )

        def told(cells: tuple[TableCell, ...]) -> tuple[TableCell, ...]:
            return tuple(replace(cell, p_permutation=found.get(id(cell))) for cell in cells)

        return tuple(replace(row, cells=told(row.cells), averages=told(row.averages)) for row in rows)

    def _keep(self, cell: TableCell, pairs: list[Cell]) -> TableCell:
        if cell.delta is not None:
            self.compared[id(cell)] = pairs
        return cell


def _described(
    pools: Sequence[Pool], bases: Sequence[Pool], metric: Metric, subject: Subject, column: Column | None
) -> TableCell:
    """A table cell with all but its numbers."""
    cells = [cell for pool in pools for cell in pool.having(metric.name)]
    under = [cell for pool in bases for cell in pool.having(metric.name)]
    return TableCell(
        seeds=tuple(sorted({cell.at.seed for cell in cells if cell.at.seed is not None})),
        replicates=len({cell.at.replicate for cell in cells}),
        complete=all(_complete(pool, metric) for pool in (*pools, *bases)),
        self_language=column is not None and subject.speaks(column),
        keys=tuple(cell.key for cell in cells),
        base_keys=() if subject.is_base else tuple(cell.key for cell in under),
    )


def _filled(bare: TableCell, compared: Comparison, subject: Subject, based: bool) -> TableCell:
    if subject.is_base:
        return replace(bare, base=compared.base, n=compared.base.n_items)
    filled = replace(bare, tuned=compared.tuned, n=compared.tuned.n_items)
    if not based:
        return filled
    ratio = None if np.isnan(compared.ratio.value) else compared.ratio
    return replace(filled, base=compared.base, delta=compared.difference, ratio=ratio)


def _complete(pool: Pool, metric: Metric) -> bool:
    return 0 < pool.wanted == len(pool.having(metric.name))


def paired(base: Pool, tuned: Pool, metric: Metric) -> Cell | None:
    """Both sides in the metric's unit, (cells, items) on the items that have a value on both; None where no item has.

    Both pools must have a cell with the metric.
    """
    first = base.having(metric.name)[0]
    sides = [pool.scores(metric.name, first) * metric.scale for pool in (base, tuned)]
    kept = np.flatnonzero(np.isfinite(np.concatenate(sides)).all(axis=0))
    if not kept.size:
        return None
    clusters = [first.clusters[at] for at in kept]
    return Cell(sides[0][:, kept], sides[1][:, kept], clusters)


def compare_cells(
    cells: Sequence[Cell], metric: Metric, settings: Bootstrap, adapters: Sequence[Hashable] | None = None
) -> Comparison:
    """`grouped_comparison`; a metric that may be negative is moved up, compared, moved back: no ratio."""
    if not metric.signed:
        return grouped_comparison(cells, adapters, settings)
    floor = min(float(np.min(side)) for cell in cells for side in (cell.base, cell.tuned))
    lifted = [Cell(np.subtract(c.base, floor), np.subtract(c.tuned, floor), c.clusters) for c in cells]
    compared = grouped_comparison(lifted, adapters, settings)
    return Comparison(
        base=_moved(compared.base, floor),
        tuned=_moved(compared.tuned, floor),
        difference=compared.difference,
        ratio=replace(compared.ratio, value=np.nan, low=np.nan, high=np.nan),
    )


def _moved(estimate: Estimate, by: float) -> Estimate:
    return replace(estimate, value=estimate.value + by, low=estimate.low + by, high=estimate.high + by)


def _groups(grid: Grid, columns: Sequence[Column], metric: Metric, ways: Groups) -> Iterator[Group]:
    """`all`, then the groups of each way; of one column alone no average is made."""
    begun = [
        subject
        for subject in grid.subjects
        if any(_complete(grid.pool(subject, column), metric) for column in columns)
    ]
    usable = {
        column
        for column in columns
        if all(_complete(grid.pool(subject, column), metric) for subject in (grid.base, *begun))
    }
    members: dict[str, list[Column]] = {"all": list(columns)}
    for way, of_language in ways.items():
        for column in columns:
            if column.language in of_language:
                members.setdefault(f"{way} {of_language[column.language]}", []).append(column)
    for name, found in members.items():
        if len(found) > 1:
            kept = tuple(column for column in found if column in usable)
            yield Group(name, kept, tuple(column for column in found if column not in usable))
