"""From finished cells to the pairs that a claim compares: a tuned row and its reference on one evaluation column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit.claims.model import Claim, Sets
from kit.recipe.sources import CONTROL_MARK
from kit.results import METRICS, CellData, Column, Grid, Pool, Results, Subject, grids, paired
from kit.score import code
from kit.stats import Cell

Groups = Mapping[str, frozenset[str]]
"""Groups of languages by name (`indic`), as short codes."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A tuned row, its reference, one column; `scores` in the metric's unit, on the items that both sides have.

    `scores` is None where cells are `missing`, and where none of their items has a value.
    """

    name: str
    subject: Subject
    reference: Subject
    column: Column
    tuned: Pool
    other: Pool
    scores: Cell | None

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
            other = _other_grid(claim, model, runs)
            return list(_pairs(claim, grid, other if other is not None else grid, groups))
    return []


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
        and _among(_dataset(row), row.train_language, claim.trained_on, groups)
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
    metric = METRICS[claim.metric]
    complete = tuned.having(metric.name) and other.having(metric.name)
    against = "" if reference.is_base else f" against {reference.name}"
    return Pair(
        name=f"{subject.name} → {column.name}{against}",
        subject=subject,
        reference=reference,
        column=column,
        tuned=tuned,
        other=other,
        scores=paired(other, tuned, metric) if complete else None,
    )


def _related(claim: Claim, subject: Subject, column: Column) -> bool:
    return claim.pairs == "both" or subject.speaks(column) == (claim.pairs == "self")


def _dataset(subject: Subject) -> str:
    return subject.trained_on.partition("/")[0]


def _among(dataset: str, language: str, sets: Sets, groups: Groups) -> bool:
    if dataset not in sets.datasets if sets.datasets is not None else CONTROL_MARK in dataset:
        return False
    short = code(language)
    if short in map(code, sets.without):
        return False
    if sets.languages is None:
        return True
    return any(short in groups.get(name, frozenset({code(name)})) for name in sets.languages)
