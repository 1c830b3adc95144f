"""Transfer tables on a terminal: in blocks of columns that fit, coloured by sign and size, readable without colour."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.report.text import cells, chosen, footnotes, heads, interval, row_name, shown, title
from kit.results import TableCell, TransferTable

_CELL_WIDTH = 9


def print_table(table: TransferTable, console: Console, value: str = "delta") -> None:
    """Print one table, its notes below it. `value`: delta, ratio, tuned or base."""
    labels = [row_name(row, table) for row in table.rows]
    names = heads(table)
    width = max([len("tuned on"), *map(len, labels)])
    widest = max([_CELL_WIDTH, *map(len, names)]) + 2
    fit = max(1, (console.width - width - 2) // widest)
    console.print(Text(title(table), style="bold"))
    for start in range(0, len(names), fit):
        console.print(_block(table, labels, value, slice(start, start + fit)))
    for note in footnotes(table, value):
        console.print(Text(note, style="dim"))


def _block(table: TransferTable, labels: list[str], value: str, part: slice) -> Table:
    block = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    block.add_column("tuned on", no_wrap=True)
    for name in heads(table)[part]:
        block.add_column(name, justify="right", no_wrap=True, min_width=_CELL_WIDTH)
    for row, label in zip(table.rows, labels, strict=True):
        found = cells(row)[part]
        block.add_row(Text(label), *(_value(cell, value) for cell in found))
        block.add_row(Text(""), *(Text(interval(cell, value) if cell.n else "", style="dim") for cell in found))
    return block


def _value(cell: TableCell, value: str) -> Text:
    if not cell.n:
        return Text("·", style="dim")
    return Text(shown(cell, value), style=_style(cell, value))


def _style(cell: TableCell, value: str) -> str:
    """Green gains, red losses (of a metric where higher is better, and as written elsewhere); bold where sure."""
    estimate = chosen(cell, value)
    if cell.tuned is None or estimate is None or value in ("base", "tuned"):
        return ""
    middle = 1.0 if value == "ratio" else 0.0
    sure = estimate.excludes(middle)
    colour = "green" if estimate.value > middle else "red"
    large = abs(estimate.value - middle) >= (0.5 if value == "ratio" else 10)
    return f"{'bold ' if sure and large else ''}{colour}" if sure else "dim"
