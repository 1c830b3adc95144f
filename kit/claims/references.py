"""Published tables that a user types in: read strictly, kept under the home, laid beside our own figures.

None is shipped: a figure that nobody here has seen in print is not repeated.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.errors import ClaimsError, Where
from kit.results import METRICS, Column, Subject
from kit.score import code

COLUMNS = ("model", "trained_on", "dataset", "language", "metric", "value", "source", "page")
"""The columns of a file, in any order; `step` may be added. `trained_on` is `dataset/language`, empty for a base."""
_MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Reference:
    """A published figure, in the metric's unit (0–100 for shares). `step` is None where the source names none."""

    model: str
    trained_on: str
    dataset: str
    language: str
    metric: str
    value: float
    source: str
    page: str
    step: int | None = None

    def fits(self, subject: Subject, column: Column, metric: str) -> bool:
        """Whether it speaks of this row, column and metric; of any step, where it names none."""
        own, _, language = subject.trained_on.rpartition("/")
        theirs, _, their_language = self.trained_on.rpartition("/")
        return (
            (self.model, self.metric, self.dataset) == (subject.model, metric, column.dataset)
            and code(self.language) == code(column.language)
            and (theirs, code(their_language)) == (own, code(language))
            and (self.step is None or self.step == subject.step)
        )


def read_references(path: Path) -> list[Reference]:
    """The figures of a CSV file.

    Raises:
        ClaimsError: it cannot be read, lacks a column, or a line does not fit: with the line and the remedy.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ClaimsError("the file is too large for a table", where=Where(str(path)))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ClaimsError(
            f"cannot be read: {problem}", where=Where(str(path)), remedy="check the path"
        ) from problem
    rows = csv.DictReader(io.StringIO(text), strict=True)
    try:
        named = [name.strip() for name in rows.fieldnames or ()]
        if lacking := [name for name in COLUMNS if name not in named]:
            where = Where(str(path), 1)
            remedy = f"begin the file with the line: {','.join((*COLUMNS, 'step'))}"
            raise ClaimsError(f"the column `{lacking[0]}` is missing", where=where, remedy=remedy)
        if unknown := [name for name in named if name not in (*COLUMNS, "step")]:
            where, remedy = Where(str(path), 1), f"there are {', '.join((*COLUMNS, 'step'))}"
            raise ClaimsError(f"`{unknown[0]}` is no column of a reference", where=where, remedy=remedy)
        rows.fieldnames = named
        found = [_reference(row, Where(str(path), rows.line_num)) for row in rows]
    except csv.Error as problem:
        where = Where(str(path), rows.line_num)
        raise ClaimsError(f"no CSV: {problem}", where=where, remedy="separate fields by commas") from problem
    if not found:
        raise ClaimsError(
            "there is no figure in it", where=Where(str(path)), remedy="add a line for each figure"
        )
    _refuse_doubles(found, path)
    return found


def beside(
    references: Iterable[Reference], subject: Subject, column: Column, metric: str
) -> Iterator[Reference]:
    """The published figures of a row, column and metric."""
    return (one for one in references if one.fits(subject, column, metric))


def _reference(row: Mapping[str | None, str | Sequence[str] | None], where: Where) -> Reference:
    if None in row or None in row.values():
        raise ClaimsError(
            "the line has another number of fields than the first", where=where, remedy="count the commas"
        )
    text = {str(name): str(value).strip() for name, value in row.items()}
    for name in COLUMNS:
        if not text[name] and name not in ("trained_on", "page"):
            raise ClaimsError(
                f"`{name}` is empty", where=where, remedy="every figure has a source and a place"
            )
    if text["metric"] not in METRICS:
        remedy = f"choose one of {', '.join(METRICS)}"
        raise ClaimsError(f"no metric is called {text['metric']!r}", where=where, remedy=remedy)
    value = _number(text["value"], where)
    unit = METRICS[text["metric"]].unit
    if unit == "percent" and not 0 <= value <= 100:
        raise ClaimsError(f"{text['metric']} of {value:g}", where=where, remedy="shares run from 0 to 100")
    step = text.pop("step", "")
    if step and not step.isdigit():
        raise ClaimsError(
            f"the step {step!r} is no number", where=where, remedy="leave it empty if it is not known"
        )
    return Reference(**{**text, "value": value, "step": int(step) if step else None})  # type: ignore[arg-type]


def _number(text: str, where: Where) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ClaimsError(f"{text!r} is no number", where=where, remedy="write 24.1, with a point")
    return value


def _refuse_doubles(found: Sequence[Reference], path: Path) -> None:
    seen: dict[tuple[object, ...], Reference] = {}
    for one in found:
        place = (one.model, one.trained_on, one.dataset, one.language, one.metric, one.step, one.source)
        other = seen.setdefault(place, one)
        if other is not one and other.value != one.value:
            message = f"{one.source} gives {other.value:g} and {one.value:g} for one cell"
            remedy = f"keep one: {one.trained_on or 'base'} on {one.dataset}/{one.language}, {one.metric}"
            raise ClaimsError(message, where=Where(str(path)), remedy=remedy)
