"""Transfer tables as files: JSON (everything), CSV (a row a number), Markdown, LaTeX (booktabs)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kit.jobdir import atomic_write
from kit.report.text import column_name, footnotes, interval, row_name, shown, title
from kit.results.table import Column, Row, TableCell, TransferTable
from kit.stats import Estimate

SCHEMA = 1
_LATEX = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"} | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
                        "\\": r"\textbackslash{}", "×": r"$\times$", "–": "--", "∞": r"$\infty$", "†": r"$^\dagger$"})


def as_json(tables: Sequence[TransferTable]) -> str:
    """Every estimate with its interval, its counts and the keys of the cells behind it. Undefined is null."""
    return json.dumps({"schema": SCHEMA, "tables": [_table(table) for table in tables]}, ensure_ascii=False, indent=1)


def as_csv(tables: Sequence[TransferTable]) -> str:
    """Tidy: one line a table cell."""
    names = ["value", "low", "high"]
    kinds = ["base", "tuned", "delta", "ratio"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["metric", "model", "prompt", "task", "trained_on", "step", "dataset", "language", "seen", "n", "contexts", "seeds"]
        + [f"{kind}_{name}" for kind in kinds for name in names]
    )
    for table in tables:
        for (row, column), cell in table.cells.items():
            head = [table.metric.name, table.model, table.prompt, table.task, row.trained_on, row.step]
            head += [column.dataset, column.language, int(column.seen), cell.base.n_items, cell.base.n_clusters]
            values = [_plain(getattr(cell, kind)) for kind in kinds]
            seeds = cell.tuned.n_seeds if cell.tuned else ""
            writer.writerow([*head, seeds, *("" if v[n] is None else v[n] for v in values for n in names)])
    return stream.getvalue()


def as_markdown(tables: Sequence[TransferTable], value: str = "delta") -> str:
    """A heading and a pipe table each."""
    parts = []
    for table in tables:
        head, rows = _grid(table, value)
        clean = [[text.replace("|", "\\|") for text in line] for line in [head, *rows]]
        lines = ["| " + " | ".join(line) + " |" for line in clean]
        lines.insert(1, "| --- |" + " ---: |" * (len(head) - 1))
        notes = "\n".join(f"- {note}" for note in footnotes(table, value))
        parts.append(f"## {title(table)}\n\n" + "\n".join(lines) + f"\n\n{notes}\n")
    return "\n".join(parts)


def as_latex(tables: Sequence[TransferTable], value: str = "delta") -> str:
    """A `tabular` each, for the packages booktabs and (for the languages' own scripts, if any) fontspec."""
    parts = []
    for table in tables:
        head, rows = _grid(table, value)
        clean = [[text.translate(_LATEX) for text in line] for line in [head, *rows]]
        lines = [" & ".join(line) + r" \\" for line in clean]
        notes = "\n".join(f"% {note}" for note in [title(table), *footnotes(table, value)])
        body = "\n".join(lines[1:])
        columns = "l" + "r" * (len(head) - 1)
        parts.append(
            f"{notes}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{lines[0]}\n\\midrule\n{body}\n"
            "\\bottomrule\n\\end{tabular}\n"
        )
    return "\n".join(parts)


FORMATS: dict[str, Callable[[Sequence[TransferTable]], str]] = {
    "json": as_json,
    "csv": as_csv,
    "md": as_markdown,
    "tex": as_latex,
}


def write_all(tables: Sequence[TransferTable], folder: Path, stem: str) -> list[Path]:
    """Write the tables in every format as `<stem>.<ending>`; returns the paths.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for ending, write in FORMATS.items():
        paths.append(folder / f"{stem}.{ending}")
        atomic_write(paths[-1], write(tables))
    return paths


def _grid(table: TransferTable, value: str) -> tuple[list[str], list[list[str]]]:
    heads: list[Column | str] = [*table.columns, *table.group_names]
    names = [column_name(h, table) if isinstance(h, Column) else f"mean {h}" for h in heads]
    rows = [[row_name(row, table), *(_entry(table, row, head, value) for head in heads)] for row in table.rows]
    return ["tuned on", *names], rows


def _entry(table: TransferTable, row: Row, head: Column | str, value: str) -> str:
    cell = table.cells.get((row, head)) if isinstance(head, Column) else table.groups.get((row, head))
    return f"{shown(cell, value)} {interval(cell, value)}" if cell else ""


def _table(table: TransferTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "metric": table.metric.name,
        "unit": table.metric.unit,
        "missing": table.missing,
        "rescored": table.rescored,
        "cells": [
            {"trained_on": r.trained_on, "train_language": r.train_language, "step": r.step, "dataset": c.dataset,
             "language": c.language, "split": c.split, "seen": c.seen, **_cell(cell)}
            for (r, c), cell in table.cells.items()
        ],
        "groups": [
            {"trained_on": row.trained_on, "step": row.step, "group": name, **_cell(cell)}
            for (row, name), cell in table.groups.items()
        ],
    }


def _cell(cell: TableCell) -> dict[str, Any]:
    kinds = {kind: _plain(getattr(cell, kind)) for kind in ("base", "tuned", "delta", "ratio") if getattr(cell, kind)}
    seeds = cell.tuned.n_seeds if cell.tuned else None
    return {"n": cell.base.n_items, "contexts": cell.base.n_clusters, "seeds": seeds, **kinds, "keys": list(cell.keys)}


def _plain(value: Estimate | None) -> dict[str, float | None]:
    """Finite numbers as they are; undefined and infinite ones as None: JSON has neither."""
    if value is None:
        return {"value": None, "low": None, "high": None}
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {name: round(number, 6) if math.isfinite(number) else None for name, number in numbers.items()}
