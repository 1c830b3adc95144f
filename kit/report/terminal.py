"""Transfer tables on a terminal: in blocks of columns that fit, coloured by sign and size, readable without colour."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.report.text import chosen, column_name, footnotes, interval, row_name, shown, title
from kit.results.table import Column, Row, TableCell, TransferTable

_CELL_WIDTH = 9


def print_table(table: TransferTable, console: Console, value: str = "delta") -> None:
    """Print one table, its notes below it. `value`: delta, ratio, tuned or base."""
    labels = [row_name(row, table) for row in table.rows]
    width = max([len("tuned on"), *map(len, labels)])
    heads: list[Column | str] = [*table.columns, *table.group_names]
    widest = max([_CELL_WIDTH, *(len(_head(head, table)) for head in heads)]) + 2
    fit = max(1, (console.width - width - 2) // widest)
    console.print(Text(title(table), style="bold"))
    for start in range(0, len(heads), fit):
        console.print(_block(table, heads[start : start + fit], labels, value))
    for note in footnotes(table, value):
        console.print(Text(note, style="dim"))


def _block(table: TransferTable, heads: list[Column | str], labels: list[str], value: str) -> Table:
    block = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    block.add_column("tuned on", no_wrap=True)
    for head in heads:
        block.add_column(_head(head, table), justify="right", no_wrap=True, min_width=_CELL_WIDTH)
    for row, label in zip(table.rows, labels, strict=True):
        cells = [_find(table, row, head) for head in heads]
        block.add_row(Text(label), *(_value(cell, value) for cell in cells))
        block.add_row(Text(""), *(Text(interval(cell, value) if cell else "", style="dim") for cell in cells))
    return block


def _head(head: Column | str, table: TransferTable) -> str:
    return column_name(head, table) if isinstance(head, Column) else f"mean {head}"


def _find(table: TransferTable, row: Row, head: Column | str) -> TableCell | None:
    return table.cells.get((row, head)) if isinstance(head, Column) else table.groups.get((row, head))


def _value(cell: TableCell | None, value: str) -> Text:
    if cell is None:
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
