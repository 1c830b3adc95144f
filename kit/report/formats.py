"""Tables as files: JSON (everything), CSV (a line a cell), Markdown, LaTeX, SVG."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kit.jobdir import atomic_write, encode
from kit.report.markup import as_latex, as_markdown
from kit.report.svg import as_svg
from kit.report.text import Values
from kit.results import (
    Column,
    LensTable,
    MissingCell,
    OverCell,
    OverGenerationTable,
    Row,
    Subject,
    SwapTable,
    TableCell,
    TransferTable,
)
from kit.stats import Estimate, Noise

SCHEMA = 1
_KINDS = ("base", "tuned", "delta", "ratio")
_ENDS = ("value", "low", "high")


def as_json(tables: Sequence[TransferTable]) -> str:
    """Every estimate with its interval, its counts and the keys of the cells behind it.

    Figures are in the metric's unit (0–100 for shares), rounded to six decimals; null is undefined, and for
    the upper end of a ratio without bound.
    """
    return json_text({"schema": SCHEMA, "tables": [_table(table) for table in tables]})


def as_csv(tables: Sequence[TransferTable]) -> str:
    """Tidy: one line a row, column and metric; empty where there is no figure. Flags are 0 or 1."""
    lines = [
        {
            **place_of(table.metric.stored, table, row.subject, column),
            **_flags(cell),
            **{
                f"{kind}_{end}": figure
                for kind in _KINDS
                for end, figure in ends_of(getattr(cell, kind)).items()
            },
            **_checks(cell),
        }
        for table in tables
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
    ]
    return csv_text(lines)


FORMATS: dict[str, Callable[[Sequence[TransferTable], Values], str]] = {
    "json": lambda tables, values: as_json(tables),
    "csv": lambda tables, values: as_csv(tables),
    "md": as_markdown,
    "tex": as_latex,
    "svg": as_svg,
}
"""By ending. JSON and CSV hold all values; in the others the choice of values is what is shown."""


def write_all(
    tables: Sequence[TransferTable], folder: Path, stem: str = "transfer", values: Values = "delta"
) -> list[Path]:
    """Write the tables in every format as `<stem>.<ending>`, each file whole or not at all; returns the
    paths.

    Raises:
        OSError: the folder cannot be written.
    """
    return write_files(
        {f"{stem}.{ending}": write(tables, values) for ending, write in FORMATS.items()}, folder
    )


def over_generation_json(tables: Sequence[OverGenerationTable]) -> str:
    """Every estimate of the over-generation tables, as `as_json`."""
    return json_text({"schema": SCHEMA, "tables": [_over_table(table) for table in tables]})


def over_generation_csv(tables: Sequence[OverGenerationTable]) -> str:
    """Tidy: one line a row and column of the tables and metric; stop reasons are metrics called `stop_…`."""
    lines = []
    for table in tables:
        for row in table.rows:
            for column, cell in zip(table.columns, row.cells, strict=True):
                for metric, ends in _over_figures(cell).items():
                    counts = {"n": cell.n, "complete": int(cell.complete)} if cell else {}
                    lines.append({**place_of(metric, table, row.subject, column), **counts, **ends})
    return csv_text(lines)


def write_over_generation(
    tables: Sequence[OverGenerationTable], folder: Path, stem: str = "over-generation"
) -> list[Path]:
    """Write the tables as JSON and CSV, as `write_all`.

    Raises:
        OSError: the folder cannot be written.
    """
    files = {f"{stem}.json": over_generation_json(tables), f"{stem}.csv": over_generation_csv(tables)}
    return write_files(files, folder)


def write_files(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write files by name, each whole or not at all; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        atomic_write(folder / name, content)
    return [folder / name for name in files]


def json_text(value: Any) -> str:
    """A JSON document as the kit writes it: no NaN, one space of indent."""
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)


def csv_text(lines: Sequence[Mapping[str, object]]) -> str:
    """Lines under a head of all names that occur in them; empty where a line has no such name."""
    stream = io.StringIO()
    names = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.DictWriter(stream, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def place_of(
    metric: str,
    table: TransferTable | OverGenerationTable | LensTable | SwapTable,
    subject: Subject,
    column: Column,
) -> dict[str, object]:
    """Where a figure stands: what it measures, of which model, tuned on what, evaluated on what."""
    return {
        "metric": metric,
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "trained_on": subject.trained_on,
        "train_language": subject.train_language,
        "step": subject.step,
        "dataset": column.dataset,
        "language": column.language,
        "split": column.split,
        "seen": int(column.seen),
        "self_language": int(subject.speaks(column)),
    }


def _flags(cell: TableCell) -> dict[str, object]:
    return {
        "n": cell.n,
        "contexts": _contexts(cell),
        "seeds": len(cell.seeds),
        "replicates": cell.replicates,
        "complete": int(cell.complete),
    }


def _checks(cell: TableCell) -> dict[str, float | None]:
    """The permutation test, and the noise floor of the row's own cell: in the metric's unit, shares of answers 0–1."""
    figures = {"p_permutation": cell.p_permutation}
    for name in ("replicates", "modes"):
        noise: Noise | None = getattr(cell.floor, name)
        figures |= {
            f"{name}_differing": noise.differing if noise else None,
            f"{name}_sd": noise.mean if noise else None,
        }
    return {name: None if value is None else round(value, 6) for name, value in figures.items()}


def _table(table: TransferTable) -> dict[str, Any]:
    return {
        **_head(table),
        "metric": table.metric.stored,
        "unit": table.metric.unit,
        "rescored": table.rescored,
        "cells": [
            {**_subject(row), **encode(column), **_cell(cell)}
            for row in table.rows
            for column, cell in zip(table.columns, row.cells, strict=True)
        ],
        "averages": [
            {
                **_subject(row),
                "group": group.name,
                "columns": [column.name for column in group.columns],
                "left_out": [column.name for column in group.left_out],
                **_cell(cell),
            }
            for row in table.rows
            for group, cell in zip(table.groups, row.averages, strict=True)
        ],
    }


def _head(table: TransferTable | OverGenerationTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "interval": encode(table.bootstrap),
        "missing": [missing_json(cell) for cell in table.missing],
        "notes": list(table.notes),
    }


def missing_json(cell: MissingCell) -> dict[str, Any]:
    """A cell that is not there, and why."""
    return {"key": cell.wanted.key, "at": encode(cell.wanted.at), "reason": cell.reason}


def _subject(row: Row) -> dict[str, Any]:
    subject = row.subject
    return {
        "trained_on": subject.trained_on,
        "train_language": subject.train_language,
        "step": subject.step,
    }


def _cell(cell: TableCell) -> dict[str, Any]:
    return {
        "n": cell.n,
        "contexts": _contexts(cell),
        "seeds": len(cell.seeds) or None,
        "seed_names": list(cell.seeds),
        "replicates": cell.replicates,
        "complete": cell.complete,
        "self_language": cell.self_language,
        **{kind: estimate_json(getattr(cell, kind)) for kind in _KINDS if getattr(cell, kind) is not None},
        **{name: value for name, value in _checks(cell).items() if value is not None},
        "keys": list(cell.keys),
        "base_keys": list(cell.base_keys),
    }


def _contexts(cell: TableCell) -> int:
    estimate = cell.tuned or cell.base
    return estimate.n_clusters if estimate else 0


def _over_table(table: OverGenerationTable) -> dict[str, Any]:
    cells = [
        {
            "trained_on": row.subject.trained_on,
            "train_language": row.subject.train_language,
            "step": row.subject.step,
            **encode(column),
            "n": cell.n,
            "seed_names": list(cell.seeds),
            "complete": cell.complete,
            "self_language": cell.self_language,
            **{name: estimate_json(estimate) for name, estimate in cell.metrics.items()},
            "length_ratio": estimate_json(cell.length_ratio) if cell.length_ratio else None,
            "stops": {reason: round(share, 6) for reason, share in cell.stops.items()},
            "keys": list(cell.keys),
        }
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell is not None
    ]
    return {**_head(table), "cells": cells}


def _over_figures(cell: OverCell | None) -> dict[str, dict[str, float | None]]:
    if cell is None:
        return {}
    figures = {name: ends_of(estimate) for name, estimate in cell.metrics.items()}
    figures["length_ratio"] = ends_of(cell.length_ratio)
    return figures | {f"stop_{reason}": {"value": round(share, 6)} for reason, share in cell.stops.items()}


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """An estimate with its counts, rounded to six decimals; null where it is undefined."""
    return {
        **ends_of(estimate),
        "n": estimate.n_items,
        "contexts": estimate.n_clusters,
        "seeds": estimate.n_seeds,
    }


def ends_of(estimate: Estimate | None) -> dict[str, float | None]:
    """An estimate's value and interval alone, as `estimate_json`; all null where there is none."""
    if estimate is None:
        return dict.fromkeys(_ENDS)
    ends = dict(zip(_ENDS, (estimate.value, estimate.low, estimate.high), strict=True))
    return {name: round(end, 6) if math.isfinite(end) else None for name, end in ends.items()}
