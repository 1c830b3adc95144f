"""A transfer table as a heat map: what each cell says, how warm it is, and in which order. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from kit.report.text import SIGNIFICANT, Values, row_names, shown
from kit.results import Metric, TableCell, TransferTable

_HIDDEN = "·"


@dataclass(frozen=True)
class HeatCell:
    """One cell. `warmth`: from -1 (much worse) to 1 (much better), or 0 to 1 on a `level` scale; None: no colour.

    `sure`: its interval excludes no effect (always, where a level is shown). `detail` is a sentence about it.
    """

    text: str
    marks: str
    warmth: float | None
    sure: bool
    detail: str
    row: int
    column: int


@dataclass(frozen=True)
class Heat:
    """Rows and columns by name. `level`: colours mean a level, not a difference. `corner` names the two sides."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[HeatCell, ...], ...]
    level: bool
    corner: str = "tuned on ╲ evaluated on"

    def transposed(self) -> Heat:
        """Rows and columns swapped."""
        corner = " ╲ ".join(reversed(self.corner.split(" ╲ ")))
        return replace(
            self,
            rows=self.columns,
            columns=self.rows,
            cells=tuple(zip(*self.cells, strict=True)),
            corner=corner,
        )

    def sorted_by(self, column: int) -> Heat:
        """Rows by their warmth in a column, the warmest first; the first row (the base) stays where it is."""

        def warmth(row: int) -> tuple[bool, float]:
            value = self.cells[row][column].warmth
            return (value is None, -(value or 0.0))

        order = [0, *sorted(range(1, len(self.rows)), key=warmth)] if len(self.rows) > 1 else [0]
        return replace(
            self, rows=tuple(self.rows[i] for i in order), cells=tuple(self.cells[i] for i in order)
        )

    def in_order(self, order: Sequence[int]) -> Heat:
        """Columns in another order."""
        cells = tuple(tuple(row[i] for i in order) for row in self.cells)
        return replace(self, columns=tuple(self.columns[i] for i in order), cells=cells)

    def without_unsure(self) -> Heat:
        """What is not sure as a dot, without a colour."""
        cells = tuple(
            tuple(c if c.sure else replace(c, text=_HIDDEN, marks="", warmth=None) for c in row)
            for row in self.cells
        )
        return replace(self, cells=cells)


def heat_of(table: TransferTable, values: Values) -> Heat:
    """The heat map of a table under a choice of values."""
    level = values in ("base", "tuned") or len(table.rows) == 1
    plain = [[_cell(table, values, r, c) for c in range(len(table.columns))] for r in range(len(table.rows))]
    sizes = [abs(w) for w in (cell.warmth for cell in chain(*plain)) if w is not None and math.isfinite(w)]
    top = max(sizes, default=0.0) or 1.0
    if level and table.metric.unit == "percent":
        top = 100.0
    cells = tuple(tuple(replace(cell, warmth=_scaled(cell.warmth, top)) for cell in row) for row in plain)
    heads = [column.language for column in table.columns]
    if len({column.dataset for column in table.columns}) > 1:
        heads = [column.name for column in table.columns]
    names = tuple(
        f"{head}†" if column.seen else head for head, column in zip(heads, table.columns, strict=True)
    )
    return Heat(tuple(row_names(table)), names, cells, level)


def column_order(table: TransferTable, groups: Mapping[str, str]) -> list[int]:
    """The columns by the group of their language, groups in the order of their first column."""
    first: dict[str, int] = {}
    for at, column in enumerate(table.columns):
        first.setdefault(groups.get(column.language, ""), at)
    return sorted(
        range(len(table.columns)), key=lambda at: (first[groups.get(table.columns[at].language, "")], at)
    )


def _cell(table: TransferTable, values: Values, row: int, column: int) -> HeatCell:
    subject, cell = table.rows[row].subject, table.rows[row].cells[column]
    said = shown(cell, table.metric, values, subject.is_base)
    compares = not subject.is_base and values in ("delta", "ratio")
    sure = not compares or SIGNIFICANT in said.marks
    warmth: float | None = None
    if said.value:
        if compares:
            warmth = said.size if table.metric.better != "lower" else -said.size
        elif values in ("base", "tuned") or len(table.rows) == 1:
            warmth = _level(cell, values, subject.is_base)
    return HeatCell(
        said.value, said.marks if said.value else "", warmth, sure, _detail(table, row, column), row, column
    )


def _level(cell: TableCell, values: Values, base: bool) -> float | None:
    chosen = cell.base if base or values == "base" else cell.tuned
    return chosen.value if chosen else None


def _scaled(warmth: float | None, top: float) -> float | None:
    return None if warmth is None or math.isnan(warmth) else max(-1.0, min(1.0, warmth / top))


def _detail(table: TransferTable, row: int, column: int) -> str:
    """What stands behind a cell: base, tuned, difference with its interval, counts."""
    cell, subject, at = table.rows[row].cells[column], table.rows[row].subject, table.columns[column]
    name = f"{subject.trained_on or 'base'} → {at.name} ({at.split})"
    parts = [f"{word} {_estimate(table.metric, found)}" for word, found in _found(cell) if found]
    if not parts:
        return f"{name}: not finished yet" if cell.keys or not cell.complete else f"{name}: nothing"
    seeds = f", seeds {', '.join(map(str, cell.seeds))}" if cell.seeds else ""
    return f"{name}: {'  '.join(parts)}  n = {cell.n}{seeds}"


def _found(cell: TableCell) -> list[tuple[str, object]]:
    return [("base", cell.base), ("tuned", cell.tuned), ("Δ", cell.delta), ("×", cell.ratio)]


def _estimate(metric: Metric, estimate: object) -> str:
    value, low, high = (getattr(estimate, name) for name in ("value", "low", "high"))
    if math.isnan(low) or math.isnan(high):
        return f"{value:.2f}"
    return f"{value:.2f} [{low:.2f}…{high:.2f}]"
