"""Wanted cells as grids: what was tuned on down the side, what was evaluated on along the top."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from kit.errors import DataError
from kit.plan.types import THEN, Coordinates, WantedCell
from kit.results.types import CellData, Floats, MissingCell, Results, of_task
from kit.score import code

T = TypeVar("T")


@dataclass(frozen=True)
class Subject:
    """A row: a base, or what it was tuned on for how many steps. Seeds and replicates are pooled."""

    model: str
    trained_on: str = ""
    train_language: str = ""
    step: int = 0

    @property
    def is_base(self) -> bool:
        """Whether this is the untuned model."""
        return not self.trained_on

    @property
    def name(self) -> str:
        """`base`, `dataset/language@step`, or a ready-made adapter's name."""
        return f"{self.trained_on}@{self.step}" if self.step else self.trained_on or "base"

    def speaks(self, column: Column) -> bool:
        """Whether it was tuned on the column's language (x → x), however the two data sets write its code."""
        return bool(self.train_language) and code(self.train_language) == code(column.language)


@dataclass(frozen=True)
class Column:
    """A column: an evaluation set in one language, and its slice. `seen`: the model had met it before.

    `seen` is told of a column, it does not tell columns apart.
    """

    dataset: str
    language: str
    split: str
    data: str
    seen: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        """`dataset/language`."""
        return f"{self.dataset}/{self.language}"


@dataclass(frozen=True, eq=False)
class Pool:
    """The cells of one row and column, by seed and replicate. `wanted` counts them, finished or not."""

    cells: tuple[CellData, ...]
    wanted: int

    def having(self, metric: str) -> tuple[CellData, ...]:
        """The cells that have this metric."""
        return tuple(cell for cell in self.cells if metric in cell.metrics)

    def scores(self, metric: str, like: CellData) -> Floats:
        """(cells, items) of the cells that have this metric, items in the order of `like`; NaN: no value.

        Raises:
            DataError: a cell does not hold the same items.
        """
        return np.stack([_in_order(cell, metric, like) for cell in self.having(metric)])


@dataclass(frozen=True, eq=False)
class Grid:
    """One model, one prompt, one task. `subjects` begin with the base; `pools` holds what was asked for."""

    model: str
    prompt: str
    task: str
    subjects: tuple[Subject, ...]
    columns: tuple[Column, ...]
    pools: Mapping[tuple[Subject, Column], Pool]
    missing: tuple[MissingCell, ...]

    def pool(self, subject: Subject, column: Column) -> Pool:
        """The cells of a row and column; an empty pool where none was asked for."""
        return self.pools.get((subject, column), Pool((), 0))

    @property
    def base(self) -> Subject:
        """The row of the untuned model."""
        return Subject(self.model)


def row_name(words: str) -> str:
    """What a row was tuned on, as tables have it; `->` is as good as its arrow, which few keyboards have."""
    return re.sub(r"\s*(->|→)\s*", THEN, words.strip())


def grids(results: Results, task: str = "generate") -> list[Grid]:
    """One grid for each model, prompt and variant of a task, in the recipe's order.

    `task` is a kind (`generate`, `score`: all its variants) or the name of a variant, in all its windows of layers.
    """
    wanted: dict[tuple[str, str, str], list[WantedCell]] = defaultdict(list)
    for cell in results.wanted.cells:
        if of_task(cell.at, task):
            wanted[cell.at.model, cell.at.prompt, cell.at.task].append(cell)
    found = {(cell.key, cell.at): cell for cell in results.cells}
    missing = {(cell.wanted.key, cell.wanted.at): cell for cell in results.missing}
    return [_grid(name, cells, found, missing) for name, cells in wanted.items()]


def _grid(
    name: tuple[str, str, str],
    wanted: Sequence[WantedCell],
    found: Mapping[tuple[str, Coordinates], CellData],
    missing: Mapping[tuple[str, Coordinates], MissingCell],
) -> Grid:
    pooled: dict[tuple[Subject, Column], list[WantedCell]] = defaultdict(list)
    for cell in wanted:
        pooled[_subject(cell), _column(cell)].append(cell)
    subjects = _distinct(subject for subject, _ in pooled)
    pools = {}
    for pair, cells in pooled.items():
        places = [(cell.key, cell.at) for cell in cells]
        pools[pair] = Pool(tuple(found[place] for place in places if place in found), len(cells))
    return Grid(
        *name,
        subjects=tuple(sorted(subjects, key=lambda subject: not subject.is_base)),
        columns=_distinct(column for _, column in pooled),
        pools=pools,
        missing=tuple(missing[cell.key, cell.at] for cell in wanted if (cell.key, cell.at) in missing),
    )


def _subject(cell: WantedCell) -> Subject:
    return Subject(cell.at.model, cell.at.trained_on, cell.at.train_language, cell.at.step)


def _column(cell: WantedCell) -> Column:
    return Column(cell.at.dataset, cell.at.language, cell.at.split, cell.spec.data, cell.seen_by_model)


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))


def _in_order(cell: CellData, metric: str, first: CellData) -> Floats:
    if cell.ids == first.ids:
        return cell.metrics[metric]
    place = {item: at for at, item in enumerate(cell.ids)}
    if set(place) != set(first.ids):
        raise DataError(
            f"cells {first.key} and {cell.key} do not hold the same items",
            remedy="remove the damaged one from the store and run the recipe again",
        )
    return cell.metrics[metric][[place[item] for item in first.ids]]
