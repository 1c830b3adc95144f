"""The over-generation table: does a model say more than the answer, and how does it come to a stop?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from kit.results.columns import METRICS
from kit.results.grid import Column, Grid, Pool, Subject, grids
from kit.results.items import Stop
from kit.results.types import CellData, MissingCell, Results
from kit.stats import Bootstrap, Estimate, mean_interval, mean_intervals_and_ratio

_COUNTED = ("answer_words", "gold_words", "raw_words", "contains_gold", "overran", "at_limit")
"""Whole numbers that every item of a `generate` cell has."""
_MEASURED = ("p_stop", "gold_logprob")
OVER_METRICS = (*_COUNTED, *_MEASURED)
"""The columns of `METRICS` that speak of over-generation."""


@dataclass(frozen=True)
class OverCell:
    """One row and column. `n` counts items of one seed; not `complete`: a cell of it is missing.

    `metrics` maps a name of `OVER_METRICS` to its mean (0–100 for shares), without those that the cells do
    not have. `length_ratio` is mean answer length over mean gold length: a ratio of means, for a mean of
    ratios is ruled by the shortest gold answers; None where it is undefined. `stops` maps `end`, `newline`,
    `limit` to the share (0–100) of outputs that ended so, over all seeds and replicates.
    """

    metrics: Mapping[str, Estimate]
    length_ratio: Estimate | None
    stops: Mapping[str, float]
    n: int
    seeds: tuple[int, ...]
    complete: bool
    self_language: bool
    keys: tuple[str, ...]


@dataclass(frozen=True)
class OverRow:
    """A row, the base first; `cells` in the order of the table's columns, None where no cell is there."""

    subject: Subject
    cells: tuple[OverCell | None, ...]


@dataclass(frozen=True)
class OverGenerationTable:
    """One model, one prompt, one task."""

    recipe: str
    model: str
    prompt: str
    task: str
    columns: tuple[Column, ...]
    rows: tuple[OverRow, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    bootstrap: Bootstrap


def over_generation_table(
    results: Results, task: str = "generate", bootstrap: Bootstrap | None = None
) -> list[OverGenerationTable]:
    """One table for each model, prompt and variant of a `generate` task.

    Where cells stop at the newline, all that is counted lies before it; where they run to the end token,
    `raw_words` and the stop reasons speak of what comes after as well.

    Raises:
        DataError: cells of one column do not hold the same items.
    """
    settings = bootstrap or Bootstrap()
    return [_table(results, grid, settings) for grid in grids(results, task)]


def _table(results: Results, grid: Grid, settings: Bootstrap) -> OverGenerationTable:
    rows = tuple(
        OverRow(subject, tuple(_cell(grid, subject, column, settings) for column in grid.columns))
        for subject in grid.subjects
    )
    return OverGenerationTable(
        recipe=results.recipe,
        model=grid.model,
        prompt=grid.prompt,
        task=grid.task,
        columns=grid.columns,
        rows=rows,
        missing=grid.missing,
        notes=results.notes,
        bootstrap=settings,
    )


def _cell(grid: Grid, subject: Subject, column: Column, settings: Bootstrap) -> OverCell | None:
    pool = grid.pool(subject, column)
    if not pool.cells:
        return None
    counted, length_ratio = _counted(pool, settings)
    measured = {name: _mean(pool, name, settings) for name in _MEASURED}
    return OverCell(
        metrics=counted | {name: mean for name, mean in measured.items() if mean is not None},
        length_ratio=length_ratio,
        stops=_stops(pool.cells),
        n=pool.cells[0].n,
        seeds=tuple(sorted({cell.at.seed for cell in pool.cells if cell.at.seed is not None})),
        complete=len(pool.cells) == pool.wanted,
        self_language=subject.speaks(column),
        keys=tuple(cell.key for cell in pool.cells),
    )


def _counted(pool: Pool, settings: Bootstrap) -> tuple[dict[str, Estimate], Estimate | None]:
    """The means of `_COUNTED`, and the ratio of lengths."""
    cells = pool.having(_COUNTED[0])
    if not cells:
        return {}, None
    scores = [pool.scores(name, cells[0]) * METRICS[name].scale for name in _COUNTED]
    lengths = _COUNTED.index("gold_words"), _COUNTED.index("answer_words")
    means, length_ratio = mean_intervals_and_ratio(scores, cells[0].clusters, lengths, settings)
    named = dict(zip(_COUNTED, means, strict=True))
    return named, None if np.isnan(length_ratio.value) else length_ratio


def _mean(pool: Pool, name: str, settings: Bootstrap) -> Estimate | None:
    cells = pool.having(name)
    if not cells:
        return None
    scores = pool.scores(name, cells[0]) * METRICS[name].scale
    kept = np.flatnonzero(np.isfinite(scores).all(axis=0))
    if not kept.size:
        return None
    return mean_interval(scores[:, kept], [cells[0].clusters[at] for at in kept], settings)


def _stops(cells: Sequence[CellData]) -> dict[str, float]:
    counted = Counter(stop for cell in cells for stop in cell.stops)
    total = counted.total()
    return {stop: 100 * counted[stop] / total for stop in get_args(Stop)} if total else {}
