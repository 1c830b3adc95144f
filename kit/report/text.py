"""How numbers, rows and columns are written, in every format alike."""

from __future__ import annotations

import math

from kit.results import Column, Row, TableCell, TransferTable
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
    if cell.delta is None and cell.tuned is None:
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
    subject = row.subject
    steps = {other.subject.step for other in table.rows if other.subject.trained_on == subject.trained_on}
    return subject.name if len(steps) > 1 else subject.trained_on or "base"


def heads(table: TransferTable) -> list[str]:
    """The names over the cells of a row: columns, then averages. `†` marks data that the model has seen."""
    several = len({column.dataset for column in table.columns}) > 1
    names = [(c.name if several else c.language) + ("†" if c.seen else "") for c in table.columns]
    return names + [f"mean {group.name}" for group in table.groups]


def cells(row: Row) -> list[TableCell]:
    """The cells under `heads`."""
    return [*row.cells, *row.averages]


def title(table: TransferTable) -> str:
    """What the table shows."""
    return f"{table.metric.title}: {table.model}, prompt {table.prompt}, task {table.task}"


def footnotes(table: TransferTable, value: str) -> list[str]:
    """What a reader must know: what is shown, counts, marks, what is missing."""
    filled = [cell for row in table.rows for cell in row.cells if cell.n]
    estimates = [e for cell in filled for e in (cell.tuned, cell.base) if e]
    tuned = [cell.tuned.n_seeds for cell in filled if cell.tuned]
    what = {
        "delta": "base row: scores; other rows: tuned - base, * where the interval excludes 0",
        "ratio": "base row: scores; other rows: tuned / base, * where the interval excludes 1",
        "base": "scores of the base",
        "tuned": "scores of the base and of the tuned models",
    }[value]
    notes = [
        what,
        f"[{table.bootstrap.level:.0%} intervals]: bootstrap over contexts"
        + (" and seeds" if tuned and max(tuned) > 1 else ""),
        f"n = {_span([cell.n for cell in filled])} a cell on {_span([e.n_clusters for e in estimates])} contexts"
        + (f", {_span(tuned)} seeds" if tuned else ", no tuned models"),
    ]
    if any(column.seen for column in table.columns):
        notes.append("† the model family had this data in its own tuning")
    if table.missing:
        notes.append(f"{len(table.missing)} cells are not there, first: {table.missing[0].reason}")
    if table.rescored != "all":
        notes.append(f"scored again from the outputs: {table.rescored} (else stored item scores)")
    return [*notes, *table.notes]


def _span(values: list[int]) -> str:
    low, high = (min(values), max(values)) if values else (0, 0)
    return str(low) if low == high else f"{low} to {high}"
