"""Tables for a terminal: coloured by sign and size, and as readable without colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from kit.errors import UsageError
from kit.report.over_text import OVER_HEADS, over_caption, over_figures, over_title
from kit.report.text import (
    INCOMPLETE,
    SIGNIFICANT,
    VALUES,
    Block,
    Shown,
    Values,
    blocks,
    caption,
    counts,
    legend,
    missing_words,
    row_names,
    shown,
    title,
)
from kit.results import Metric, OverCell, OverGenerationTable, TransferTable

_LABEL = 26
_GAP = 2
_MISSING = "–"
_CORNER = "tuned on"
_STRONG = {"percent": 20.0, "words": 2.0, "ratio": 1.0, "nats": 3.0, "nats a token": 1.0}


def print_table(table: TransferTable, console: Console, value: str = "delta") -> None:
    """Print a transfer table; `value`: delta (with the tuned score), base, tuned or ratio.

    Raises:
        UsageError: `value` is none of these.
    """
    chosen = next((known for known in VALUES if known == value), None)
    if chosen is None:
        raise UsageError(f"a table cannot show {value!r}", remedy=f"choose one of {', '.join(VALUES)}")
    console.print(transfer_view(table, chosen, console.width))


def print_over_generation(table: OverGenerationTable, console: Console) -> None:
    """Print an over-generation table."""
    console.print(over_generation_view(table))


def transfer_view(table: TransferTable, values: Values = "delta", width: int = 80) -> Group:
    """A transfer table for a terminal of that many columns; wide tables go into blocks below one another."""
    names = row_names(table)
    room = width - min(_LABEL, max(map(cell_len, [_CORNER, *names])))
    parts: list[RenderableType] = [Text(title(table), style="bold")]
    parts += [Text(line, style="dim") for line in caption(table, values)]
    for block in blocks(table):
        for part in _fitting(block, table, values, room):
            parts += [Text(), Text(part.title, style="bold"), _block_view(part, table, values, names)]
    return Group(*parts, Text(), *(Text(line, style="dim") for line in legend(table, values)))


def over_generation_view(table: OverGenerationTable) -> Group:
    """An over-generation table for a terminal: a block a column of the table, a row a subject."""
    parts: list[RenderableType] = [Text(over_title(table), style="bold")]
    parts += [Text(line, style="dim") for line in over_caption(table)]
    for at, column in enumerate(table.columns):
        grid = _grid((_CORNER, "n", *OVER_HEADS))
        for name, row in zip(row_names(table), table.rows, strict=True):
            grid.add_row(Text(name, overflow="fold"), *_over_cells(row.cells[at]))
        parts += [Text(), Text(f"{column.name} ({column.split})", style="bold"), grid]
    notes = [*table.notes, *missing_words(table.missing)]
    return Group(*parts, Text(), *(Text(line, style="dim") for line in notes))


def render(view: RenderableType, width: int = 80, colour: bool = False) -> str:
    """A view as text, with escape codes for colours or without; lines end without spaces."""
    stream = StringIO()
    console = Console(
        file=stream,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        _environ={},
    )
    console.print(view)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _fitting(block: Block, table: TransferTable, values: Values, room: int) -> Iterator[Block]:
    """The block in parts that fit side by side into `room` columns of text."""
    start, used = 0, 0
    for at in range(len(block.heads)):
        needed = _GAP + _width(block.part(at, at + 1), table, values)
        if at > start and used + needed > room:
            yield block.part(start, at)
            start, used = at, 0
        used += needed
    yield block.part(start, len(block.heads))


def _width(column: Block, table: TransferTable, values: Values) -> int:
    lines = [
        column.heads[0],
        *(line for row in _shown_rows(column, table, values) for line in _lines(row[0], 3)),
    ]
    return max(map(cell_len, lines))


def _shown_rows(block: Block, table: TransferTable, values: Values) -> list[list[Shown]]:
    return [
        [shown(cell, table.metric, values, row.subject.is_base) for cell in cells]
        for row, cells in zip(table.rows, block.cells, strict=True)
        if values != "base" or row.subject.is_base
    ]


def _block_view(block: Block, table: TransferTable, values: Values, names: Sequence[str]) -> Table:
    rows = _shown_rows(block, table, values)
    grid = _grid((_CORNER, *block.heads))
    pad = max((len(cell.marks) for row in rows for cell in row), default=0)
    for name, row in zip(names, rows, strict=False):
        grid.add_row(Text(name, overflow="fold"), *(_painted(cell, table.metric, pad) for cell in row))
    grid.add_row(Text("n"), *(Text(str(count) + " " * pad) for count in counts(block)))
    return grid


def _grid(heads: Sequence[str]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for at, head in enumerate(heads):
        # A table narrower than its figures would be wrong figures: only the first column may fold.
        grid.add_column(
            head, justify="right" if at else "left", no_wrap=bool(at), max_width=None if at else _LABEL
        )
    return grid


def _lines(cell: Shown, pad: int) -> list[str]:
    """A cell's lines; figures keep their place, whatever marks follow."""
    first = (cell.value or _MISSING) + cell.marks.ljust(pad)
    return [first, *(line + " " * pad for line in (cell.interval, cell.below) if line)]


def _painted(cell: Shown, metric: Metric, pad: int) -> Text:
    first, *others = _lines(cell, pad)
    text = Text().append(first, style=_style(cell, metric))
    for line in others:
        text.append("\n" + line, style="dim")
    return text


def _style(cell: Shown, metric: Metric) -> str:
    """Green for better, red for worse, blue and magenta where neither is; bold if large, dim if unsure."""
    if not cell.value or cell.size == 0:
        return ""
    up, down = {"higher": ("green", "red"), "lower": ("red", "green"), "neither": ("blue", "magenta")}[
        metric.better
    ]
    colour = up if cell.size > 0 else down
    if SIGNIFICANT not in cell.marks:
        return f"dim {colour}"
    strong = 0.69 if cell.value.startswith("×") else _STRONG[metric.unit]
    return f"bold {colour}" if abs(cell.size) >= strong else colour


def _over_cells(cell: OverCell | None) -> list[Text]:
    if cell is None:
        return [Text(_MISSING)] * (1 + len(OVER_HEADS))
    texts = [Text(f"{cell.n}{'' if cell.complete else INCOMPLETE}")]
    for value, between in over_figures(cell):
        text = Text(value or _MISSING)
        texts.append(text.append("\n" + between, style="dim") if between else text)
    return texts
