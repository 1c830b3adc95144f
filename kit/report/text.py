"""How numbers, rows and columns are written, in every format alike."""

from __future__ import annotations

import math

from kit.results.table import Column, Row, TableCell, TransferTable
from kit.stats import Estimate

VALUES = ("delta", "base", "tuned", "ratio")


def number(value: float, signed: bool = False) -> str:
    """One decimal place; `–` where undefined, `∞` where infinite."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:+.1f}" if signed else f"{value:.1f}"


def ratio_number(value: float) -> str:
    """Two decimal places and a ×."""
    return "–" if math.isnan(value) else "∞" if math.isinf(value) else f"×{value:.2f}"


def chosen(cell: TableCell, value: str) -> Estimate | None:
    """The estimate that is asked for; a base row shows its base whatever is asked for."""
    if cell.tuned is None:
        return cell.base
    return {"delta": cell.delta, "base": cell.base, "tuned": cell.tuned, "ratio": cell.ratio}[value]


def shown(cell: TableCell, value: str) -> str:
    """The estimate as text; `*` marks a difference whose interval excludes 0 (a ratio: 1)."""
    estimate = chosen(cell, value)
    if estimate is None:
        return "–"
    if cell.tuned is None or value in ("base", "tuned"):
        return number(estimate.value)
    if value == "ratio":
        return ratio_number(estimate.value) + ("*" if estimate.excludes(1.0) else "")
    return number(estimate.value, signed=True) + ("*" if estimate.excludes(0.0) else "")


def interval(cell: TableCell, value: str) -> str:
    """The interval as `[low, high]`."""
    estimate = chosen(cell, value)
    if estimate is None or not estimate.defined:
        return "[–]"
    digits = 2 if value == "ratio" and cell.tuned is not None else 0
    return f"[{estimate.low:.{digits}f},{estimate.high:.{digits}f}]"


def row_name(row: Row, table: TransferTable) -> str:
    """`base`, or what was tuned on, with the step where there are several."""
    if not row.trained_on:
        return "base"
    steps = {other.step for other in table.rows if other.trained_on == row.trained_on}
    return f"{row.trained_on}@{row.step}" if len(steps) > 1 else row.trained_on


def column_name(column: Column, table: TransferTable) -> str:
    """The language, with the data set where there are several; `†` marks data that the model has seen."""
    several = len({other.dataset for other in table.columns}) > 1
    name = f"{column.dataset}/{column.language}" if several else column.language
    return name + ("†" if column.seen else "")


def title(table: TransferTable) -> str:
    """What the table shows."""
    return f"{table.metric.title}: {table.model}, prompt {table.prompt}, task {table.task}"


def footnotes(table: TransferTable, value: str) -> list[str]:
    """What a reader must know: what is shown, counts, marks, what is missing."""
    counts = sorted({cell.base.n_items for cell in table.cells.values()})
    contexts = sorted({cell.base.n_clusters for cell in table.cells.values()})
    seeds = sorted({cell.tuned.n_seeds for cell in table.cells.values() if cell.tuned})
    what = {
        "delta": "base row: scores; other rows: tuned - base, * where the interval excludes 0",
        "ratio": "base row: scores; other rows: tuned / base, * where the interval excludes 1",
        "base": "scores of the base",
        "tuned": "scores of the base and of the tuned models",
    }[value]
    notes = [
        f"{what}; [95 % intervals]: bootstrap over contexts" + (" and seeds" if seeds and max(seeds) > 1 else ""),
        f"n = {_span(counts)} a cell on {_span(contexts)} contexts"
        + (f", {_span(seeds)} seeds" if seeds else ", no tuned models"),
    ]
    if any(column.seen for column in table.columns):
        notes.append("† the model family had this data in its own tuning")
    if table.missing:
        notes.append(f"{table.missing} cells are not finished")
    if table.rescored != "all":
        notes.append(f"scored again from the outputs: {table.rescored} (else stored item scores)")
    return notes


def _span(values: list[int]) -> str:
    if not values:
        return "0"
    return str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}"
