"""What every written form of a table shares: numbers, marks, blocks of columns, captions. Plain text."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from kit.results import Column, Metric, MissingCell, OverGenerationTable, TableCell, TransferTable
from kit.stats import Bootstrap, Estimate

Values = Literal["delta", "base", "tuned", "ratio"]
"""What a table shows for a tuned row. `delta`: tuned − base, and below it the tuned value."""
VALUES: tuple[Values, ...] = get_args(Values)

SIGNIFICANT, OWN, INCOMPLETE, SEEN = "*", "°", "~", "†"
_UNITS = {
    "percent": "0–100",
    "words": "words",
    "ratio": "ratio",
    "nats": "nats",
    "nats a token": "nats a token",
}
_DECIMALS = {"percent": 1, "words": 2, "ratio": 2, "nats": 2, "nats a token": 2}
_LISTED = 6


@dataclass(frozen=True)
class Shown:
    """A table cell in words: the value, its marks, its interval, what else stands below. Empty: nothing to
    show.

    `size` is the difference that the value speaks of: Δ, or the ratio's logarithm; 0 where there is none.
    """

    value: str = ""
    marks: str = ""
    interval: str = ""
    below: str = ""
    size: float = 0.0


@dataclass(frozen=True)
class Block:
    """Columns that belong together: `heads` name them, `cells` holds a tuple for each row of the table."""

    title: str
    heads: tuple[str, ...]
    cells: tuple[tuple[TableCell, ...], ...]

    def part(self, start: int, stop: int) -> Block:
        """The columns from `start` up to `stop`."""
        return Block(self.title, self.heads[start:stop], tuple(row[start:stop] for row in self.cells))


def number(value: float, decimals: int) -> str:
    """A figure with that many decimals; never `-0.0`."""
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """A figure with its sign; none at 0."""
    text = number(value, decimals)
    return text if text.startswith("-") or float(text.replace("∞", "1")) == 0 else f"+{text}"


def interval(estimate: Estimate, write: Callable[[float], str]) -> str:
    """`low…high`, or `no interval` where there is one context alone."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return "no interval"
    return f"{write(estimate.low)}…{write(estimate.high)}"


def shown(cell: TableCell, metric: Metric, values: Values, base_row: bool) -> Shown:
    """What a table cell says under the choice of values; a base row always shows the base."""
    places = _DECIMALS[metric.unit]

    def plain(value: float) -> str:
        return number(value, places)

    marks = marks_of(cell, values, base_row)
    chosen = _chosen(cell, values, base_row)
    if chosen is None:
        return Shown(marks=marks)
    if base_row or values in ("base", "tuned"):
        return Shown(plain(chosen.value), marks, interval(chosen, plain))
    if values == "ratio":
        size = math.log(chosen.value) if chosen.value > 0 else -math.inf
        text = f"×{number(chosen.value, 2)}"
        return Shown(text, marks, interval(chosen, lambda value: number(value, 2)), size=size)
    below = f"→{plain(cell.tuned.value)}" if cell.tuned is not None else ""
    text = signed(chosen.value, places)
    return Shown(text, marks, interval(chosen, plain), below, chosen.value)


def marks_of(cell: TableCell, values: Values, base_row: bool) -> str:
    """The marks beside a figure: whether it is no chance, whose language it is, whether all of it is there."""
    marks = (OWN if cell.self_language else "") + ("" if cell.complete else INCOMPLETE)
    chosen = _chosen(cell, values, base_row)
    if chosen is None:
        return marks if cell.keys else ""
    compares = not base_row and values in ("delta", "ratio")
    return (SIGNIFICANT if compares and chosen.excludes(1 if values == "ratio" else 0) else "") + marks


def _chosen(cell: TableCell, values: Values, base_row: bool) -> Estimate | None:
    chosen: Estimate | None = cell.base if base_row else getattr(cell, values)
    return chosen


def row_names(table: TransferTable | OverGenerationTable) -> list[str]:
    """The names of the rows; the step is told only where a model was evaluated at several."""
    subjects = [row.subject for row in table.rows]
    steps = Counter(subject.trained_on for subject in subjects)
    return [
        subject.name if steps[subject.trained_on] > 1 else subject.trained_on or "base"
        for subject in subjects
    ]


def blocks(table: TransferTable) -> list[Block]:
    """The columns by data set, then the averages; with one data set the averages stand beside its columns."""
    made, start = [], 0
    for (dataset, split), members in groupby(table.columns, lambda column: (column.dataset, column.split)):
        columns = list(members)
        stop = start + len(columns)
        cells = tuple(row.cells[start:stop] for row in table.rows)
        made.append(Block(f"{dataset} ({split})", tuple(map(_head, columns)), cells))
        start = stop
    if table.groups:
        names = tuple(f"mean {group.name}" for group in table.groups)
        averages = tuple(row.averages for row in table.rows)
        if len(made) == 1:
            joined = tuple(a + b for a, b in zip(made[0].cells, averages, strict=True))
            return [Block(made[0].title, made[0].heads + names, joined)]
        made.append(Block("averages, each column with the same weight", names, averages))
    return made


def counts(block: Block) -> list[int]:
    """The items of one seed behind each column: the most that a row has."""
    return [max((row[at].n for row in block.cells), default=0) for at in range(len(block.heads))]


def title(table: TransferTable) -> str:
    """What the table shows, and of which cells."""
    unit = _UNITS[table.metric.unit]
    return f"{table.metric.title} ({unit}): {table.model}, prompt {table.prompt}, task {table.task}"


def caption(table: TransferTable, values: Values, below: str = ", below it → the tuned score") -> list[str]:
    """What the figures are, how many items they stand on, how sure they are; `below` a difference stands this."""
    what = {
        "delta": f"base row: scores; other rows: tuned - base{below}",
        "base": "scores of the base",
        "tuned": "scores of the base and of the tuned models",
        "ratio": "base row: scores; other rows: tuned / base",
    }[values]
    filled = [cell for row in table.rows for cell in row.cells if cell.n]
    estimates = [one for cell in filled for one in (cell.tuned, cell.base) if one]
    pooled = [cell.tuned.n_seeds for cell in filled if cell.tuned]
    seeds = sorted({seed for cell in filled for seed in cell.seeds})
    tuned = f", {_seeds(pooled, seeds)} a tuned row" if pooled else ", no tuned models"
    return [
        what,
        f"n = {_span([cell.n for cell in filled])} a cell on "
        f"{_span([one.n_clusters for one in estimates])} contexts{tuned}",
        interval_words(table.bootstrap, bool(pooled) and max(pooled) > 1),
    ]


def interval_words(settings: Bootstrap, seeds: bool) -> str:
    """How the intervals were made."""
    return (
        f"low…high: {100 * settings.level:g} % interval, paired bootstrap over contexts"
        f"{' and seeds' if seeds else ''}, {settings.resamples:,} resamples"
    )


def legend(table: TransferTable, values: Values) -> list[str]:
    """Only the marks that occur, then the notes and what is missing."""
    rows = [(cell, row.subject.is_base) for row in table.rows for cell in (*row.cells, *row.averages)]
    used = "".join(marks_of(cell, values, base) for cell, base in rows)
    used += SEEN if any(column.seen for column in table.columns) else ""
    meaning = {
        SIGNIFICANT: f"the interval excludes {'1' if values == 'ratio' else '0'}; "
        "not corrected for the number of cells",
        OWN: "tuned on this very language",
        INCOMPLETE: "cells are missing; the figure, if any, stands on the others",
        SEEN: "the model family had this data in its own tuning",
    }
    lines = [f"{mark} {words}" for mark, words in meaning.items() if mark in used]
    left_out = dict.fromkeys(column.name for group in table.groups for column in group.left_out)
    if left_out:
        lines.append(f"means leave out columns in which a cell is missing: {', '.join(left_out)}")
    if table.rescored == "all":
        lines.append("scores: worked out again from the outputs")
    return [*lines, *table.notes, *missing_words(table.missing)]


def missing_words(missing: Sequence[MissingCell]) -> Iterator[str]:
    """How many cells are missing and why, the first few by name."""
    for reason, count in Counter(cell.reason for cell in missing).items():
        names = [_cell_name(cell) for cell in missing if cell.reason == reason]
        more = f" and {count - _LISTED} more" if count > _LISTED else ""
        yield f"missing, {reason}: {', '.join(names[:_LISTED])}{more}"


def _span(values: Sequence[int]) -> str:
    low, high = (min(values), max(values)) if values else (0, 0)
    return str(low) if low == high else f"{low} to {high}"


def _seeds(pooled: Sequence[int], seeds: Sequence[int]) -> str:
    """How many tunings a row pools, and their seeds; with replicates there are more than seeds."""
    names = f" ({', '.join(map(str, seeds))})" if seeds else ""
    copies = " and replicates" if max(pooled) > max(1, len(seeds)) else ""
    return f"{_span(pooled)} {'seed' if max(pooled) == 1 else 'seeds'}{copies}{names}"


def _head(column: Column) -> str:
    return f"{column.language}{SEEN if column.seen else ''}"


def _cell_name(cell: MissingCell) -> str:
    at = cell.wanted.at
    seed = f" seed {at.seed}" if at.seed is not None else ""
    return f"{at.trained_on or 'base'}{seed} on {at.dataset}/{at.language}"
