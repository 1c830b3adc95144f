"""Published figures beside our own: published, ours, the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.claims.references import Reference, beside
from kit.report.text import interval, number, signed
from kit.results import TransferTable
from kit.stats import Estimate


def published_lines(table: TransferTable, references: Sequence[Reference]) -> Iterator[str]:
    """A line for each published figure that a cell of the table stands beside."""
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            ours = cell.base if row.subject.is_base else cell.tuned
            for reference in beside(references, row.subject, column, table.metric.name):
                yield f"{row.subject.name} → {column.name}: {against(reference, ours)}"


def against(reference: Reference, ours: Estimate | None) -> str:
    """`published 24.1 (source, p. 5), ours 25.0 [23.1…26.9], ours − published +0.9`."""
    page = f", p. {reference.page}" if reference.page else ""
    told = f"published {number(reference.value, 1)} ({reference.source}{page})"
    if ours is None:
        return f"{told}, ours not there"
    low_high = interval(ours, lambda value: number(value, 1))
    apart = signed(ours.value - reference.value, 1)
    return f"{told}, ours {number(ours.value, 1)} [{low_high}], ours − published {apart}"
