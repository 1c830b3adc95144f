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
from kit.report.text import cells, footnotes, heads, interval, row_name, shown, title
from kit.results import Row, TableCell, TransferTable
from kit.stats import Estimate

SCHEMA = 1
_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "×": r"$\times$",
        "–": "--",
        "∞": r"$\infty$",
        "†": r"$^\dagger$",
    }
)


def as_json(tables: Sequence[TransferTable]) -> str:
    """Every estimate with its interval, its counts and the keys of the cells behind it. Undefined is null."""
    return json.dumps(
        {"schema": SCHEMA, "tables": [_table(table) for table in tables]}, ensure_ascii=False, indent=1
    )


def as_csv(tables: Sequence[TransferTable]) -> str:
    """Tidy: one line a table cell."""
    names = ["value", "low", "high"]
    kinds = ["base", "tuned", "delta", "ratio"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [
            "metric",
            "model",
            "prompt",
            "task",
            "trained_on",
            "step",
            "dataset",
            "language",
            "seen",
            "n",
            "contexts",
            "seeds",
        ]
        + [f"{kind}_{name}" for kind in kinds for name in names]
    )
    for table in tables:
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                if not cell.n:
                    continue
                head = [
                    table.metric.name,
                    table.model,
                    table.prompt,
                    table.task,
                    row.subject.trained_on,
                    row.subject.step,
                ]
                head += [
                    column.dataset,
                    column.language,
                    int(column.seen),
                    cell.n,
                    _contexts(cell),
                    _seeds(cell) or "",
                ]
                values = [_plain(getattr(cell, kind)) for kind in kinds]
                writer.writerow([*head, *("" if v[n] is None else v[n] for v in values for n in names)])
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
    rows = [[row_name(row, table), *(_entry(cell, value) for cell in cells(row))] for row in table.rows]
    return ["tuned on", *heads(table)], rows


def _entry(cell: TableCell, value: str) -> str:
    return f"{shown(cell, value)} {interval(cell, value)}" if cell.n else ""


def _table(table: TransferTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "metric": table.metric.name,
        "unit": table.metric.unit,
        "missing": [{"key": cell.wanted.key, "reason": cell.reason} for cell in table.missing],
        "rescored": table.rescored,
        "notes": list(table.notes),
        "interval": {"level": table.bootstrap.level, "resamples": table.bootstrap.resamples},
        "cells": [
            {
                **_subject(row),
                "dataset": c.dataset,
                "language": c.language,
                "split": c.split,
                "seen": c.seen,
                **_cell(cell),
            }
            for row in table.rows
            for c, cell in zip(table.columns, row.cells, strict=True)
        ],
        "averages": [
            {**_subject(row), "group": g.name, "languages": [c.language for c in g.columns], **_cell(cell)}
            for row in table.rows
            for g, cell in zip(table.groups, row.averages, strict=True)
        ],
    }


def _subject(row: Row) -> dict[str, Any]:
    subject = row.subject
    return {"trained_on": subject.trained_on, "train_language": subject.train_language, "step": subject.step}


def _cell(cell: TableCell) -> dict[str, Any]:
    kinds = {
        kind: _plain(getattr(cell, kind))
        for kind in ("base", "tuned", "delta", "ratio")
        if getattr(cell, kind)
    }
    counts = {"n": cell.n, "contexts": _contexts(cell), "seeds": _seeds(cell), "complete": cell.complete}
    return {**counts, "self_language": cell.self_language, **kinds, "keys": [*cell.base_keys, *cell.keys]}


def _contexts(cell: TableCell) -> int:
    estimate = cell.tuned or cell.base
    return estimate.n_clusters if estimate else 0


def _seeds(cell: TableCell) -> int | None:
    return cell.tuned.n_seeds if cell.tuned else None


def _plain(value: Estimate | None) -> dict[str, float | None]:
    """Finite numbers as they are; undefined and infinite ones as None: JSON has neither."""
    if value is None:
        return {"value": None, "low": None, "high": None}
    numbers = {"value": value.value, "low": value.low, "high": value.high}
    return {name: round(number, 6) if math.isfinite(number) else None for name, number in numbers.items()}
