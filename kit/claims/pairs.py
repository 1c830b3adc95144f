"""From finished cells to the pairs that a claim compares: a tuned row and its reference on one evaluation column, or
the untuned model on one column, with nothing or with itself on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kit.claims.model import Claim, Sets
from kit.recipe.sources import CONTROL_MARK
from kit.results import (
    METRICS,
    CellData,
    Column,
    Grid,
    NoiseFloor,
    Pool,
    Results,
    Subject,
    grids,
    noise_floor,
    paired,
)
from kit.score import code
from kit.stats import Cell

Groups = Mapping[str, frozenset[str]]
"""Groups of languages by name (`indic`), as short codes."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A tuned row, its reference, one column; `scores` in the metric's unit, on the items that both sides have.

    `scores` is None where cells are `missing`, and where none of their items has a value. `floor` is the noise of its
    cells, of both sides.
    """

    name: str
    subject: Subject
    reference: Subject
    column: Column
    tuned: Pool
    other: Pool
    scores: Cell | None
    floor: NoiseFloor = field(default_factory=NoiseFloor)

    @property
    def cells(self) -> tuple[CellData, ...]:
        """All finished cells of both sides."""
        return (*self.tuned.cells, *self.other.cells)

    @property
    def missing(self) -> int:
        """How many of its cells are not there."""
        return self.tuned.wanted + self.other.wanted - len(self.cells)


def models_in(found: Sequence[Results]) -> tuple[str, ...]:
    """The models of some results, in their order."""
    return tuple(dict.fromkeys(cell.at.model for results in found for cell in results.wanted.cells))


def pairs(claim: Claim, model: str, runs: Mapping[str, Results], groups: Groups) -> list[Pair]:
    """All pairs of a claim in one model, from the first of its recipes that a run of `runs` (by recipe) asks for.

    Pairs that the recipe asks for but that are not finished are there too, without scores.
    """
    for recipe in claim.recipes:
        if recipe in runs and (grid := _grid(runs[recipe], model, claim)):
            if claim.subject == "base":
                return _of_base(claim, grid, groups)
            other = _other_grid(claim, model, runs)
            return list(_pairs(claim, grid, other if other is not None else grid, groups))
    return []


def _of_base(claim: Claim, grid: Grid, groups: Groups) -> list[Pair]:
    """The untuned model on each column, by itself or against each column of the same items that it is compared with."""
    columns = [one for one in grid.columns if grid.pool(grid.base, one).wanted]
    found = []
    for column in columns:
        if not _among(column.dataset, column.language, claim.evaluated_on, groups):
            continue
        if claim.evaluated_on.split not in (None, column.split):
            continue
        if claim.against is None:
            found.append(_alone(claim, grid, column))
            continue
        other = Sets(
            datasets=claim.against.datasets or (column.dataset,),
            languages=claim.against.languages or (column.language,),
        )
        for control in columns:
            same = control.split == column.split and control != column
            if same and _among(control.dataset, control.language, other, groups):
                name = f"{column.name} against {control.name}"
                pools = grid.pool(grid.base, column), grid.pool(grid.base, control)
                scores = _scores(claim, *pools)
                found.append(Pair(name, grid.base, grid.base, column, *pools, scores))
    return found


def _alone(claim: Claim, grid: Grid, column: Column) -> Pair:
    """A column whose metric is a comparison in itself, with nothing: 0 in every item."""
    pool = grid.pool(grid.base, column)
    scores = _scores(claim, pool, pool)
    if scores is not None:
        scores = Cell(np.zeros_like(scores.tuned), scores.tuned, scores.clusters)
    return Pair(column.name, grid.base, grid.base, column, pool, Pool((), 0), scores)


def _other_grid(claim: Claim, model: str, runs: Mapping[str, Results]) -> Grid | None:
    """Where the reference stands, if in another recipe; an empty grid if that was not run."""
    if claim.against is None or claim.against.recipe is None:
        return None
    run = runs.get(claim.against.recipe)
    return (_grid(run, model, claim) if run else None) or Grid(model, "", "", (), (), {}, ())


def _grid(results: Results, model: str, claim: Claim) -> Grid | None:
    """The grid of a model, and of the claim's metric and prompt; that of the plain task, where there are several."""
    task = METRICS[claim.metric].task
    found = [grid for grid in grids(results, task) if (grid.model, grid.prompt) == (model, claim.prompt)]
    return min(found, key=lambda grid: grid.task != task, default=None)


def _pairs(claim: Claim, grid: Grid, other: Grid, groups: Groups) -> Iterator[Pair]:
    for subject in _rows(claim, grid, groups):
        for column in grid.columns:
            if not _among(column.dataset, column.language, claim.evaluated_on, groups):
                continue
            if claim.evaluated_on.split not in (None, column.split):
                continue
            if not _related(claim, subject, column):
                continue
            tuned = grid.pool(subject, column)
            if not tuned.wanted:
                continue
            for reference in _references(claim, subject, other):
                yield _pair(claim, subject, reference, column, tuned, other.pool(reference, column))


def _rows(claim: Claim, grid: Grid, groups: Groups) -> list[Subject]:
    """The tuned rows at the claim's step; `last` is the largest of each training set."""
    rows = [row for row in grid.subjects if row.step and claim.step in ("last", row.step)]
    last = {row.trained_on: max(o.step for o in rows if o.trained_on == row.trained_on) for row in rows}
    return [
        row
        for row in rows
        if row.step == last[row.trained_on]
        and _among(_dataset(row), row.train_language, claim.trained_on or Sets(), groups)
    ]


def _references(claim: Claim, subject: Subject, other: Grid) -> list[Subject]:
    """What a tuned row is compared with."""
    if claim.against is None:
        return [other.base]
    datasets = claim.against.datasets or (_dataset(subject),)
    same = claim.model_copy(
        update={"trained_on": Sets(datasets=datasets, languages=(subject.train_language,))}
    )
    return _rows(same, other, {})


def _pair(
    claim: Claim, subject: Subject, reference: Subject, column: Column, tuned: Pool, other: Pool
) -> Pair:
    against = "" if reference.is_base else f" against {reference.name}"
    return Pair(
        name=f"{subject.name} → {column.name}{against}",
        subject=subject,
        reference=reference,
        column=column,
        tuned=tuned,
        other=other,
        scores=_scores(claim, tuned, other),
        floor=noise_floor((*other.cells, *tuned.cells), METRICS[claim.metric]),
    )


def _scores(claim: Claim, tuned: Pool, other: Pool) -> Cell | None:
    metric = METRICS[claim.metric]
    complete = tuned.having(metric.name) and other.having(metric.name)
    return paired(other, tuned, metric) if complete else None


def _related(claim: Claim, subject: Subject, column: Column) -> bool:
    return claim.pairs == "both" or subject.speaks(column) == (claim.pairs == "self")


def _dataset(subject: Subject) -> str:
    """Of a tuning that goes on from others: their sets and languages before its own set."""
    return subject.trained_on.rpartition("/")[0] or subject.trained_on


def _among(dataset: str, language: str, sets: Sets, groups: Groups) -> bool:
    if dataset not in sets.datasets if sets.datasets is not None else CONTROL_MARK in dataset:
        return False
    short = code(language)
    if short in map(code, sets.without):
        return False
    if sets.languages is None:
        return True
    return any(short in groups.get(name, frozenset({code(name)})) for name in sets.languages)
