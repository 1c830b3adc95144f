"""A transfer table as a heat map: what each cell says, how warm it is, and in which order. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from kit.report.text import SEEN, SIGNIFICANT, Shown, Values, row_names, shown
from kit.results import Metric, TableCell, TransferTable
from kit.stats import Estimate

_HIDDEN = "·"


@dataclass(frozen=True)
class HeatCell:
    """One cell. `warmth`: from -1 (much worse) to 1 (much better), or 0 to 1 on a `level` scale; None: no colour.

    `sure`: its interval excludes no effect (always, where a level is shown). `row` and `column` are those of the
    table (`detail_of` says a sentence on what stands there). `opens`: there are examples under it.
    """

    text: str
    marks: str
    interval: str
    warmth: float | None
    sure: bool
    row: int
    column: int
    opens: bool = True


@dataclass(frozen=True)
class Heat:
    """Rows and columns by name. `level`: colours mean a level, not a difference. `corner` names the two sides.

    `bands` name what neighbouring columns (or, swapped, rows) have in common; empty where they are not grouped.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[HeatCell, ...], ...]
    level: bool
    corner: str = "tuned on ╲ evaluated on"
    bands: tuple[str, ...] = ()
    across: bool = True
    """Whether the bands are those of the columns."""
    top: float = 1.0
    """The size, in the table's unit, that is as warm as can be."""

    def transposed(self) -> Heat:
        """Rows and columns swapped."""
        corner = " ╲ ".join(reversed(self.corner.split(" ╲ ")))
        cells = tuple(zip(*self.cells, strict=True))
        return replace(
            self, rows=self.columns, columns=self.rows, cells=cells, corner=corner, across=not self.across
        )

    def sorted_by(self, column: str) -> Heat:
        """Rows by their warmth in a column, the warmest first; the base stays at the top, what is not there last.

        Bands of rows go: a sorted row may stand anywhere.
        """
        if column not in self.columns:
            return self
        at = self.columns.index(column)

        def warmth(row: int) -> tuple[bool, bool, float]:
            value = self.cells[row][at].warmth
            return (self.rows[row] != "base", value is None, -(value or 0.0))

        order = sorted(range(len(self.rows)), key=warmth)
        rows, cells = tuple(self.rows[i] for i in order), tuple(self.cells[i] for i in order)
        return replace(self, rows=rows, cells=cells, bands=self.bands if self.across else ())

    def in_order(self, order: Sequence[int], bands: Sequence[str] = ()) -> Heat:
        """Columns in another order, and what the columns of that order have in common."""
        cells = tuple(tuple(row[i] for i in order) for row in self.cells)
        return replace(self, columns=tuple(self.columns[i] for i in order), cells=cells, bands=tuple(bands))

    def without_unsure(self) -> Heat:
        """What is not sure as a dot, without a colour."""
        return self._changed(
            lambda c: c if c.sure else replace(c, text=_HIDDEN, marks="", interval="", warmth=None)
        )

    def without_intervals(self) -> Heat:
        """The figures alone."""
        return self._changed(lambda c: replace(c, interval="") if c.interval else c)

    def with_signs(self, signs: Mapping[tuple[int, int], str]) -> Heat:
        """Signs in cells that say nothing yet, by row and column of the table."""
        return self._changed(
            lambda c: c if c.text else replace(c, text=signs.get((c.row, c.column), ""), marks="")
        )

    def _changed(self, change: Callable[[HeatCell], HeatCell]) -> Heat:
        return replace(self, cells=tuple(tuple(map(change, row)) for row in self.cells))


NOTHING = Heat((), (), (), True)
"""Where there is no table yet."""


def heat_of(table: TransferTable, values: Values, means: bool = False, top: float | None = None) -> Heat:
    """The heat map of a table under a choice of values; with `means` its averages over groups are the columns.

    `top` is the size that is as warm as can be; the largest that occurs where it is left out, 100 for shares.
    """
    level = values in ("base", "tuned") or len(table.rows) == 1
    sides = [row.averages if means else row.cells for row in table.rows]
    bases = [row.subject.is_base for row in table.rows]
    said = [
        [shown(cell, table.metric, values, base) for cell in cells]
        for cells, base in zip(sides, bases, strict=True)
    ]
    warm = [
        [_warmth(table.metric, values, one, cell, base, level) for one, cell in zip(line, cells, strict=True)]
        for line, cells, base in zip(said, sides, bases, strict=True)
    ]
    if top is None:
        sizes = [abs(w) for w in chain(*warm) if w is not None and math.isfinite(w)]
        top = 100.0 if level and table.metric.unit == "percent" else max(sizes, default=0.0) or 1.0
    compares = values in ("delta", "ratio")
    cells = tuple(
        tuple(
            HeatCell(
                one.value,
                one.marks if one.value else "",
                one.interval,
                _scaled(warm[row][at], top),
                bases[row] or not compares or SIGNIFICANT in one.marks,
                row,
                at,
                not means,
            )
            for at, one in enumerate(line)
        )
        for row, line in enumerate(said)
    )
    heads = [group.name for group in table.groups] if means else _heads(table)
    return Heat(tuple(row_names(table)), tuple(heads), cells, level, top=top)


def column_order(table: TransferTable, groups: Mapping[str, str]) -> list[int]:
    """The columns by the group of their language, groups in the order of their first column."""
    first: dict[str, int] = {}
    for at, column in enumerate(table.columns):
        first.setdefault(groups.get(column.language, ""), at)
    return sorted(
        range(len(table.columns)), key=lambda at: (first[groups.get(table.columns[at].language, "")], at)
    )


def grouped(table: TransferTable, heat: Heat, groups: Mapping[str, str]) -> Heat:
    """The columns by the group of their language, each group under its name."""
    order = column_order(table, groups)
    return heat.in_order(order, [groups.get(table.columns[at].language, "other") for at in order])


def spans(bands: Sequence[str]) -> list[tuple[str, int, int]]:
    """Each band with its first place and how many it covers."""
    found, start = [], 0
    for name, members in groupby(bands):
        count = len(list(members))
        found.append((name, start, count))
        start += count
    return found


def signs_of(table: TransferTable, stages: Mapping[str, str]) -> dict[tuple[int, int], str]:
    """For each row and column in which a cell is missing, how its job stands: `…` at work, `·` to come, `✗` failed.

    `stages` maps keys of cells to stages of jobs; where several cells are missing, the worst is told.
    """
    sign = {"running": "…", "waiting": "·", "failed": "✗", "blocked": "✗", "stopped": "■"}
    worst = ("✗", "■", "…", "·")
    rows = {(row.subject.trained_on, row.subject.step): at for at, row in enumerate(table.rows)}
    columns = {(c.dataset, c.language, c.split): at for at, c in enumerate(table.columns)}
    found: dict[tuple[int, int], str] = {}
    for cell in (missing.wanted for missing in table.missing):
        row = rows.get((cell.at.trained_on, cell.at.step))
        column = columns.get((cell.at.dataset, cell.at.language, cell.at.split))
        mark = sign.get(stages.get(cell.key, ""))
        if row is not None and column is not None and mark:
            found[row, column] = min(mark, found.get((row, column), "·"), key=worst.index)
    return found


def _heads(table: TransferTable) -> list[str]:
    several = len({column.dataset for column in table.columns}) > 1
    return [
        f"{column.name if several else column.language}{SEEN if column.seen else ''}"
        for column in table.columns
    ]


def _warmth(
    metric: Metric, values: Values, said: Shown, cell: TableCell, base_row: bool, level: bool
) -> float | None:
    """In the metric's unit, before it is scaled; None where there is nothing to colour."""
    if not said.value:
        return None
    if not base_row and values in ("delta", "ratio"):
        return said.size if metric.better != "lower" else -said.size
    chosen = cell.base if base_row or values == "base" else cell.tuned
    return chosen.value if level and chosen else None


def _scaled(warmth: float | None, top: float) -> float | None:
    return None if warmth is None or math.isnan(warmth) else max(-1.0, min(1.0, warmth / top))


def detail_of(table: TransferTable, at: HeatCell) -> str:
    """What stands behind a cell: base, tuned, difference with its interval, counts."""
    row = table.rows[at.row]
    subject = row.subject.trained_on or "base"
    if at.opens:
        column, cell = table.columns[at.column], row.cells[at.column]
        name = f"{column.name} ({column.split})"
    else:
        group, cell = table.groups[at.column], row.averages[at.column]
        name = f"mean {group.name}, {len(group.columns)} columns"
    estimates = (("base", cell.base), ("tuned", cell.tuned), ("Δ", cell.delta), ("×", cell.ratio))
    parts = [f"{word} {_estimate(found)}" for word, found in estimates if found]
    if not parts:
        why = f"{table.metric.title} is not there" if cell.complete else "not finished yet"
        return f"{subject} → {name}: {why}"
    seeds = f", seeds {', '.join(map(str, cell.seeds))}" if cell.seeds else ""
    return f"{subject} → {name}: {'  '.join(parts)}  n = {cell.n}{seeds}"


def _estimate(estimate: Estimate) -> str:
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}…{estimate.high:.2f}]"
