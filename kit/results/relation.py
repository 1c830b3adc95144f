"""Over a grid of sources and targets: does one change go with another, and is it the source's or the target's?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kit.catalog import Catalog
from kit.errors import CatalogError, UsageError
from kit.recipe.sources import CONTROL_MARK
from kit.results.grid import Column
from kit.results.table import Row, TransferTable, transfer_table
from kit.results.types import Floats, Results
from kit.stats import (
    Bootstrap,
    Decomposition,
    Estimate,
    crossed_p,
    crossed_spearman,
    decompose,
    standard_error,
)

Pairs = Literal["cross", "self", "both"]
_NONE = 1e-7
"""The share of a language that the pre-training does not name; ROOTS' smallest has about this much."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rho of a `change` with another quantity over the cells, at equal `given`; `p` is two-sided."""

    change: str
    given: tuple[str, ...]
    rho: Estimate
    p: float


@dataclass(frozen=True)
class Relation:
    """One model, prompt and task: `sources` down the side, `targets` along the top, at each source's last step.

    `parts` of the change of `metric`; None where there are fewer than two sources or targets. `dropped` are covariates
    that are the same in all cells. `cells` counts those that have a change.
    """

    recipe: str
    model: str
    prompt: str
    task: str
    metric: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    cells: int
    correlations: tuple[Correlation, ...]
    parts: Decomposition | None
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    bootstrap: Bootstrap


def relations(
    results: Results,
    metric: str = "f1",
    beside: Sequence[str] = (),
    given: Sequence[str] = (),
    pairs: Pairs = "cross",
    bootstrap: Bootstrap | None = None,
) -> list[Relation]:
    """One relation for each model, prompt and task of a finished grid.

    The change (tuned - base) of `metric` is set beside that of each metric of `beside` and beside every covariate of
    `COVARIATES`, then beside the former at equal `given` covariates. `cross` leaves out x -> x, `self` all others.
    Controls of a training set are no sources.

    Raises:
        UsageError: no such metric or covariate.
        DataError: cells of one column do not hold the same items.
    """
    if unknown := [name for name in given if name not in COVARIATES]:
        raise UsageError(
            f"no covariate is called {unknown[0]!r}", remedy=f"choose among {', '.join(COVARIATES)}"
        )
    settings = bootstrap or Bootstrap()
    others = {
        name: {_place(t): t for t in transfer_table(results, name, bootstrap=settings)} for name in beside
    }
    found = []
    for table in transfer_table(results, metric, bootstrap=settings):
        rows = _sources(table)
        changes = {metric: _grid(rows, pairs, table.columns)}
        for name in beside:
            other = others[name].get(_place(table))
            changes[name] = _beside(rows, other, table.columns, pairs)
        if np.isfinite(changes[metric]).sum():
            found.append(_relation(table, rows, changes, tuple(given), settings))
    return found


def _relation(
    table: TransferTable,
    rows: Sequence[Row],
    changes: Mapping[str, Floats],
    given: tuple[str, ...],
    settings: Bootstrap,
) -> Relation:
    metric = table.metric.name
    known = {name: make(rows, table.columns) for name, make in COVARIATES.items()}
    there = np.isfinite(changes[metric])
    constant = {name for name, grid in known.items() if len(set(grid[there & np.isfinite(grid)])) < 2}
    kept = tuple(name for name in given if name not in constant)
    asked: list[tuple[str, Floats, tuple[str, ...]]] = []
    for name, grid in changes.items():
        if name != metric:
            asked += [(name, grid, ())] + ([(name, grid, kept)] if kept else [])
    asked += [(name, grid, ()) for name, grid in known.items() if name not in constant]
    correlations = []
    for name, grid, equal in asked:
        covariates = [known[one] for one in equal]
        try:
            rho = crossed_spearman(grid, changes[metric], covariates, settings)
            p = crossed_p(grid, changes[metric], covariates, settings)
        except ValueError:  # too few cells
            continue
        correlations.append(Correlation(name, equal, rho, p))
    return Relation(
        recipe=table.recipe,
        model=table.model,
        prompt=table.prompt,
        task=table.task,
        metric=metric,
        sources=tuple(row.subject.trained_on for row in rows),
        targets=tuple(column.name for column in table.columns),
        cells=int(there.sum()),
        correlations=tuple(correlations),
        parts=_parts(rows, changes[metric], settings.level),
        dropped=tuple(sorted(constant)),
        notes=table.notes,
        bootstrap=settings,
    )


def _parts(rows: Sequence[Row], change: Floats, level: float) -> Decomposition | None:
    errors = np.array(
        [[_error(cell.delta, level) if cell.delta else math.nan for cell in row.cells] for row in rows],
        dtype=np.float64,
    )
    keep_rows, keep_columns = np.isfinite(change).any(axis=1), np.isfinite(change).any(axis=0)
    kept, own = change[keep_rows][:, keep_columns], errors[keep_rows][:, keep_columns]
    if min(kept.shape, default=0) < 2:
        return None
    try:
        return decompose(kept, np.nan_to_num(own))
    except ValueError:
        return None


def _error(delta: Estimate, level: float) -> float:
    found = standard_error(delta, level)
    return math.nan if found is None else found


def _sources(table: TransferTable) -> list[Row]:
    """The tuned rows at their last step, none that is a control."""
    tuned = [
        row for row in table.rows if not row.subject.is_base and CONTROL_MARK not in row.subject.trained_on
    ]
    last: dict[str, Row] = {}
    for row in tuned:
        known = last.get(row.subject.trained_on)
        if known is None or row.subject.step > known.subject.step:
            last[row.subject.trained_on] = row
    return list(last.values())


def _grid(rows: Sequence[Row], pairs: Pairs, columns: Sequence[Column]) -> Floats:
    """(sources, targets) of changes; NaN where there is none, or the pair is not asked for."""
    found = np.full((len(rows), len(columns)), np.nan)
    for at, row in enumerate(rows):
        for place, cell in enumerate(row.cells):
            if cell.delta is not None and pairs in ("both", "self" if cell.self_language else "cross"):
                found[at, place] = cell.delta.value
    return found


def _beside(
    rows: Sequence[Row], other: TransferTable | None, columns: Sequence[Column], pairs: Pairs
) -> Floats:
    """The changes of another metric in the order of `rows` and `columns`."""
    if other is None:
        return np.full((len(rows), len(columns)), np.nan)
    by_subject = {row.subject: row for row in other.rows}
    grid = _grid([by_subject[row.subject] for row in rows], pairs, other.columns)
    places = {column: at for at, column in enumerate(other.columns)}
    wanted = [places.get(column) for column in columns]
    empty = np.full(len(rows), np.nan)
    return np.stack([empty if at is None else grid[:, at] for at in wanted], axis=1)


def _place(table: TransferTable) -> tuple[str, str, str]:
    return table.model, table.prompt, table.task


Covariate = Callable[[Sequence[Row], Sequence[Column]], Floats]


def _of_pairs(same: Callable[[str, str], float]) -> Covariate:
    def make(rows: Sequence[Row], columns: Sequence[Column]) -> Floats:
        return np.array(
            [[same(row.subject.train_language, column.language) for column in columns] for row in rows]
        )

    return make


def _same(attribute: Literal["script", "family"]) -> Callable[[str, str], float]:
    def same(source: str, target: str) -> float:
        one, other = _language(source), _language(target)
        return math.nan if one is None or other is None else float(one[attribute] == other[attribute])

    return same


def _language(code: str) -> dict[str, str | float] | None:
    try:
        entry = Catalog.load().language(code)
    except CatalogError:
        return None
    share = entry.bloom.share if entry.bloom else math.nan
    return {"script": entry.script, "family": entry.family, "share": math.log10(max(share, _NONE))}


def _share(code: str) -> float:
    known = _language(code)
    return float(known["share"]) if known else math.nan


def _base(rows: Sequence[Row], columns: Sequence[Column]) -> Floats:
    """The base's own score in the target."""
    return np.array([[cell.base.value if cell.base else math.nan for cell in row.cells] for row in rows])


COVARIATES: Mapping[str, Covariate] = {
    "same-script": _of_pairs(_same("script")),
    "same-family": _of_pairs(_same("family")),
    "source-share": _of_pairs(lambda source, target: _share(source)),
    "target-share": _of_pairs(lambda source, target: _share(target)),
    "base": _base,
}
"""What is known of a pair: whether both languages share script or family, how much of BLOOM's pre-training text is in
each (log10 of the share of ROOTS, as the catalog has it), and the base's score in the target.
"""
