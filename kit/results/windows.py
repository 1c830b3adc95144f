"""What tuning changes through some layers of the adapter alone, window by window, beside the whole adapter (S4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kit.results.columns import Metric, metric_named
from kit.results.grid import Column, Subject
from kit.results.table import TableCell, TransferTable, transfer_table
from kit.results.types import MissingCell, Results, parted_window, task_kind
from kit.stats import Bootstrap

_NOTHING = TableCell()


@dataclass(frozen=True)
class WindowRow:
    """A tuned subject on one evaluation set: with the `whole` adapter, and in each window of the table.

    `whole` holds nothing but an empty cell where the recipe does not ask for it.
    """

    subject: Subject
    column: Column
    whole: TableCell
    cells: tuple[TableCell, ...]


@dataclass(frozen=True)
class WindowTable:
    """One model, prompt, variant of the metric's task, and metric. `windows` in the recipe's order, `1/6` or `0-4`."""

    recipe: str
    model: str
    prompt: str
    task: str
    metric: Metric
    windows: tuple[str, ...]
    rows: tuple[WindowRow, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...]
    bootstrap: Bootstrap


def window_tables(
    results: Results, metric: str = "f1", bootstrap: Bootstrap | None = None
) -> list[WindowTable]:
    """One table for each model, prompt and variant that the recipe asks for in windows of layers.

    Figures are those of `transfer_table`: tuned − base, each window against the same base.

    Raises:
        UsageError: there is no such metric.
        DataError: cells of one column do not hold the same items.
    """
    asked = metric_named(metric)
    names = dict.fromkeys(cell.at.task for cell in results.wanted.cells)
    variants: dict[str, dict[str, str]] = {}
    for name in names:
        task, window = parted_window(name)
        if window and asked.task in (task, task_kind(task)):
            variants.setdefault(task, {})[window] = name
    made = []
    for task, windows in variants.items():
        tables = {"": transfer_table(results, metric, task, bootstrap=bootstrap) if task in names else []}
        tables = {window: _exactly(found, task) for window, found in tables.items()}
        for window, name in windows.items():
            tables[window] = transfer_table(results, metric, name, bootstrap=bootstrap)
        for first in tables[next(iter(windows))]:
            made.append(_table(first, tables, (task, asked)))
    return made


def _exactly(tables: list[TransferTable], task: str) -> list[TransferTable]:
    """Those of this very task: a bare kind stands for all its variants."""
    return [table for table in tables if table.task == task]


def _table(
    first: TransferTable, tables: Mapping[str, list[TransferTable]], what: tuple[str, Metric]
) -> WindowTable:
    task, metric = what
    like = {
        window: next((t for t in found if (t.model, t.prompt) == (first.model, first.prompt)), None)
        for window, found in tables.items()
    }
    windows = tuple(window for window in tables if window)
    rows = tuple(
        WindowRow(
            row.subject,
            column,
            _cell(like[""], row.subject, column),
            tuple(_cell(like[window], row.subject, column) for window in windows),
        )
        for row in first.rows
        if not row.subject.is_base
        for column in first.columns
    )
    missing = tuple(cell for found in like.values() if found for cell in found.missing)
    return WindowTable(
        first.recipe, first.model, first.prompt, task, metric, windows, rows, missing, first.notes,
        first.bootstrap,
    )  # fmt: skip


def _cell(table: TransferTable | None, subject: Subject, column: Column) -> TableCell:
    if table is None or column not in table.columns:
        return _NOTHING
    row = next((row for row in table.rows if row.subject == subject), None)
    return row.cells[table.columns.index(column)] if row else _NOTHING
