"""What a page is put together from: sections of parts, parts of a picture, tables, lines and commands. Plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kit.report.page.origin import Origin
from kit.report.text import interval, number, signed
from kit.stats import Estimate

PLACES = 2
"""Decimals of the figures in tables; the data in the page hold six."""
_LONG = 60
"""Rows from which on a table is folded."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table. `below` stands small beside the text (an interval), `tip` behind it; `kind`: how it looks."""

    text: str
    below: str = ""
    tip: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first `names` cells of a row name it. One that is not `shown` is folded until it is asked for."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    names: int = 1
    shown: bool = True


@dataclass(frozen=True)
class Part:
    """Something of a section. `picture` is markup that the kit made; all else is text, and written as such."""

    title: str = ""
    lines: tuple[str, ...] = ()
    picture: str = ""
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A section, by the anchor under which it is found."""

    anchor: str
    title: str
    parts: tuple[Part, ...]
    lines: tuple[str, ...] = ()


def word(text: object, tip: str = "", kind: str = "") -> Cell:
    """A cell of text."""
    return Cell(str(text), tip=tip, kind=kind)


def count(value: int | None) -> Cell:
    """A cell with a whole number; empty for None."""
    return Cell("" if value is None else f"{value:,}", kind="number")


def figure(one: Estimate | None, change: bool = False, sign: str = "") -> Cell:
    """A cell with an estimate and its interval; a `change` has its sign, `sign` stands before it."""
    if one is None or one.value != one.value:
        return Cell("", kind="number")
    write = signed if change else number
    strong = " sure" if change and one.excludes(0) else ""
    return Cell(
        f"{sign}{write(one.value, PLACES)}",
        interval(one, lambda value: write(value, PLACES)),
        kind=f"number{strong}",
    )


def share(p: float | None) -> Cell:
    """A cell with a p."""
    return Cell("" if p is None else f"{p:.2g}" if p >= 0.0001 else "< 0.0001", kind="number")


def where_from(origin: Origin) -> Cell:
    """A cell that says where a figure comes from."""
    kind = "origin mixed" if len(origin.environments) > 1 or origin.foreign else "origin"
    return Cell(origin.sign, tip=origin.sentence, kind=kind)


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]], names: int = 1, shown: bool = True
) -> Table:
    """A table without its empty columns, folded where it is long."""
    lines = [tuple(row) for row in rows]
    kept = [at for at in range(len(heads)) if at < names or not lines or any(row[at].text for row in lines)]
    return Table(
        caption,
        tuple(heads[at] for at in kept),
        tuple(tuple(row[at] for at in kept) for row in lines),
        names,
        shown and len(lines) <= _LONG,
    )
