"""What an adapter does through each window of its layers, as curves with bands, beside the whole of it (S4)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kit.errors import UsageError
from kit.report.figure import HIGH, WIDE, write_figure
from kit.results import WindowRow, WindowTable


def draw_windows(tables: Sequence[WindowTable], path: Path) -> None:
    """Draw the tables into an `.svg`, `.pdf` or `.png`: a panel a table, a curve a tuned row and evaluation set.

    The same tables give the same bytes.

    Raises:
        UsageError: another ending, or there is nothing to draw.
        OSError: the file cannot be written.
    """
    write_figure(lambda: window_figure(tables), path)


def window_figure(tables: Sequence[WindowTable]) -> Figure:
    """The tables as a matplotlib figure.

    Raises:
        UsageError: no row has a finished window.
    """
    filled = [(table, rows) for table in tables if (rows := [row for row in table.rows if _finished(row)])]
    if not filled:
        raise UsageError(
            "there are no finished windows to draw", remedy="xlt-kit status says what is missing"
        )
    drawn = Figure(figsize=(WIDE, HIGH * len(filled)), layout="constrained")
    for (table, rows), (axis,) in zip(filled, drawn.subplots(len(filled), 1, squeeze=False), strict=True):
        _panel(table, rows, axis)
    return drawn


def _finished(row: WindowRow) -> bool:
    return any(cell.delta is not None for cell in row.cells)


def _panel(table: WindowTable, rows: Sequence[WindowRow], axis: Axes) -> None:
    axis.axhline(0, color="0.6", linewidth=0.8)
    for number, row in enumerate(rows):
        colour = f"C{number % 10}"
        found = [(at, cell.delta) for at, cell in enumerate(row.cells) if cell.delta is not None]
        places = [at for at, _ in found]
        name = f"{row.subject.name} → {row.column.name}"
        axis.plot(places, [one.value for _, one in found], "o-", color=colour, label=name, linewidth=1.4)
        lows, highs = [one.low for _, one in found], [one.high for _, one in found]
        axis.fill_between(places, lows, highs, color=colour, alpha=0.2, linewidth=0)
        if row.whole.delta is not None:
            axis.axhline(row.whole.delta.value, color=colour, linestyle="--", linewidth=0.9)
    axis.set_xticks(range(len(table.windows)), table.windows)
    axis.set_xlabel("the adapter in these layers alone (dashed: in all)")
    axis.set_ylabel(f"{table.metric.title}, tuned − base")
    axis.set_title(f"{table.model}, prompt {table.prompt}, task {table.task}", fontsize=9)
    axis.legend(fontsize=7, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
