"""An over-generation table in words: titles, captions, the figures of a cell. Plain text."""

from __future__ import annotations

from typing import get_args

from kit.report.text import interval, interval_words, number
from kit.results import OverCell, OverGenerationTable
from kit.results.items import Stop
from kit.stats import Estimate

OVER_HEADS = ("length", "contained", "overrun", "end/nl/limit", "p(stop)")
"""The figures of a row: see `over_caption`."""


def over_title(table: OverGenerationTable) -> str:
    """What the table shows, and of which cells."""
    return f"Over-generation: {table.model}, prompt {table.prompt}, task {table.task}"


def over_caption(table: OverGenerationTable) -> list[str]:
    """What the figures are and how sure they are."""
    seeds = max((len(cell.seeds) for row in table.rows for cell in row.cells if cell), default=0)
    return [
        "length: mean answer / mean gold, in words; all others 0–100",
        "contained: answers that hold the gold answer; overrun: that hold it and go on",
        "end/nl/limit: outputs that ended at the end token, a newline, the token limit",
        "p(stop): probability of the end token or a newline after the gold answer",
        interval_words(table.bootstrap, seeds > 1),
    ]


def over_figures(cell: OverCell) -> list[tuple[str, str]]:
    """(value, interval) for each of `OVER_HEADS`; empty where there is none."""
    stops = "/".join(number(cell.stops[reason], 0) for reason in get_args(Stop)) if cell.stops else ""
    return [
        _figure(cell.length_ratio, 2),
        _figure(cell.metrics.get("contains_gold"), 1),
        _figure(cell.metrics.get("overran"), 1),
        (stops, ""),
        _figure(cell.metrics.get("p_stop"), 1),
    ]


def _figure(estimate: Estimate | None, decimals: int) -> tuple[str, str]:
    if estimate is None:
        return "", ""
    return number(estimate.value, decimals), interval(estimate, lambda value: number(value, decimals))
