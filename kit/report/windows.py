"""Windows of layers in words and as files: a line a tuned row and evaluation set, a column a window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from kit.jobdir import encode
from kit.report.formats import csv_text, ends_of, estimate_json, json_text, missing_json, write_files
from kit.report.text import INCOMPLETE, SIGNIFICANT, interval_words, missing_words, shown
from kit.results import TableCell, WindowRow, WindowTable

SCHEMA = 1
WHOLE = "all"
"""What the column of the whole adapter is called."""


def window_view(table: WindowTable) -> Group:
    """A table for a terminal: tuned − base through each window of the adapter, and through all of it."""
    metric = table.metric
    head = f"{metric.title} by layers: {table.model}, prompt {table.prompt}, task {table.task}"
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("tuned on", "evaluated on"):
        grid.add_column(name)
    for name in ("base", WHOLE, *table.windows):
        grid.add_column(name, justify="right", no_wrap=True)
    several = len({row.column.split for row in table.rows}) > 1
    for row in table.rows:
        cells = [row.whole, *row.cells]
        base = next((cell for cell in cells if cell.base), TableCell())
        words = [shown(base, metric, "base", False).value]
        words += [_figure(cell, table) for cell in cells]
        evaluated = f"{row.column.name} ({row.column.split})" if several else row.column.name
        grid.add_row(row.subject.name, evaluated, *words)
    seeds = max((len(cell.seeds) for row in table.rows for cell in row.cells), default=0)
    lines = [
        f"tuned − base with the adapter in these layers alone; {WHOLE}: in all of them",
        interval_words(table.bootstrap, seeds > 1),
        f"{SIGNIFICANT} the interval excludes 0; not corrected for the number of cells",
        f"{INCOMPLETE} cells are missing; the figure, if any, stands on the others",
        "windows need not add up to the whole: what one does may need another",
        *table.notes,
        *missing_words(table.missing),
    ]
    return Group(Text(head, style="bold"), grid, Text(), *(Text(line, style="dim") for line in lines))


def window_words(table: WindowTable) -> Iterator[str]:
    """A line a row, for where there is little room."""
    for row in table.rows:
        cells = ", ".join(f"{name} {_figure(cell, table)}" for name, cell in _named(table, row))
        yield f"{table.metric.title} by layers, {row.subject.name} → {row.column.name}: {cells}"


def _figure(cell: TableCell, table: WindowTable) -> str:
    said = shown(cell, table.metric, "delta", False)
    return said.value + said.marks.replace("°", "")


def window_json(tables: Sequence[WindowTable]) -> str:
    """Every figure with interval, counts and keys."""
    return json_text({"schema": SCHEMA, "tables": [_as_json(table) for table in tables]})


def _as_json(table: WindowTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "metric": table.metric.name,
        "interval": encode(table.bootstrap),
        "windows": list(table.windows),
        "rows": [
            {
                "trained_on": row.subject.trained_on,
                "train_language": row.subject.train_language,
                "step": row.subject.step,
                **encode(row.column),
                "cells": [{"window": name, **_cell(cell)} for name, cell in _named(table, row)],
            }
            for row in table.rows
        ],
        "missing": [missing_json(cell) for cell in table.missing],
        "notes": list(table.notes),
    }


def _named(table: WindowTable, row: WindowRow) -> Iterator[tuple[str, TableCell]]:
    return zip((WHOLE, *table.windows), (row.whole, *row.cells), strict=True)


def _cell(cell: TableCell) -> dict[str, Any]:
    kinds = {kind: getattr(cell, kind) for kind in ("base", "tuned", "delta")}
    figures = {kind: estimate_json(one) for kind, one in kinds.items() if one is not None}
    return {**figures, "complete": cell.complete, "seeds": list(cell.seeds), "keys": list(cell.keys)}


def window_csv(tables: Sequence[WindowTable]) -> str:
    """Tidy: one line a row, evaluation set and window."""
    return csv_text([line for table in tables for row in table.rows for line in _lines(table, row)])


def _lines(table: WindowTable, row: WindowRow) -> Iterator[dict[str, object]]:
    for window, cell in _named(table, row):
        yield {
            "metric": table.metric.name,
            "recipe": table.recipe,
            "model": table.model,
            "prompt": table.prompt,
            "task": table.task,
            "trained_on": row.subject.trained_on,
            "step": row.subject.step,
            "dataset": row.column.dataset,
            "language": row.column.language,
            "split": row.column.split,
            "window": window,
            **{
                f"{kind}_{end}": value
                for kind in ("base", "tuned", "delta")
                for end, value in ends_of(getattr(cell, kind)).items()
            },
            "n": cell.n,
            "seeds": len(cell.seeds),
            "complete": int(cell.complete),
        }


def write_windows(tables: Sequence[WindowTable], folder: Path, stem: str = "layers") -> list[Path]:
    """Write the tables as JSON and CSV.

    Raises:
        OSError: the folder cannot be written.
    """
    return write_files({f"{stem}.json": window_json(tables), f"{stem}.csv": window_csv(tables)}, folder)
