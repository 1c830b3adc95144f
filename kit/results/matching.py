"""Which cells of two runs are the same cell: by their coordinates; and which of their items, by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from kit.jobdir import CellSpec
from kit.plan.types import Coordinates
from kit.results.columns import Columns, Make
from kit.results.types import CellData, Floats, Results

_BRIDGED = ("model", "seed", "step", "split", "prompt")


@dataclass(frozen=True, eq=False)
class Pair:
    """The same cell on both sides, cut to the items that both hold, in the order of A; `only_a` and `only_b` count the
    others.
    """

    a: CellData
    b: CellData
    spec_a: CellSpec
    spec_b: CellSpec
    only_a: int = 0
    only_b: int = 0

    @property
    def n(self) -> int:
        """How many items are compared."""
        return self.a.n


@dataclass(frozen=True)
class Alone:
    """A cell that is finished on one side only, and why it has no partner."""

    at: Coordinates
    side: Literal["A", "B"]
    reason: str


@dataclass(frozen=True)
class Bridge:
    """A coordinate that has one value in all of A and another in all of B: cells are matched across it."""

    name: str
    a: object
    b: object


def bridges_of(a: Results, b: Results) -> tuple[Bridge, ...]:
    """The coordinates across which the cells of two runs match; a base has neither seed nor step."""
    found = []
    for name in _BRIDGED:
        one, other = (
            {
                getattr(cell.at, name)
                for cell in side.wanted.cells
                if cell.at.trained_on or name not in ("seed", "step")
            }
            for side in (a, b)
        )
        if len(one) == len(other) == 1 and one != other:
            found.append(Bridge(name, one.pop(), other.pop()))
    return tuple(found)


def _place(at: Coordinates, bridges: Sequence[Bridge]) -> Coordinates:
    """Coordinates of B as A would have them; a base has neither seed nor step."""
    crossed = {one.name: one.a for one in bridges if getattr(at, one.name) == one.b}
    return replace(at, **crossed)  # type: ignore[arg-type]


def pairs_of(a: Results, b: Results, bridges: Sequence[Bridge]) -> Iterator[Pair]:
    """The cells that both runs have finished, in the order of A."""
    specs = [{(cell.key, cell.at): cell.spec for cell in side.wanted.cells} for side in (a, b)]
    others = {_place(cell.at, bridges): cell for cell in b.cells}
    for cell in a.cells:
        other = others.get(cell.at)
        if other is not None:
            kept, beside = _shared(cell, other)
            yield Pair(
                *(kept, beside, specs[0][cell.key, cell.at], specs[1][other.key, other.at]),
                *(cell.n - kept.n, other.n - kept.n),
            )


def alone_of(a: Results, b: Results, bridges: Sequence[Bridge]) -> Iterator[Alone]:
    """The finished cells of either side that the other has not finished, or does not ask for."""
    done = [{cell.at for cell in a.cells}, {_place(cell.at, bridges) for cell in b.cells}]
    reasons = [
        {cell.wanted.at: cell.reason for cell in a.missing},
        {_place(cell.wanted.at, bridges): cell.reason for cell in b.missing},
    ]
    for cell in a.cells:
        if cell.at not in done[1]:
            yield Alone(cell.at, "A", reasons[1].get(cell.at, "not asked for"))
    for cell in b.cells:
        place = _place(cell.at, bridges)
        if place not in done[0]:
            yield Alone(cell.at, "B", reasons[0].get(place, "not asked for"))


def _shared(a: CellData, b: CellData) -> tuple[CellData, CellData]:
    """Both cells on the items that both hold, in the order of A."""
    if a.ids == b.ids:
        return a, b
    place = {item: at for at, item in enumerate(b.ids)}
    rows = [at for at, item in enumerate(a.ids) if item in place]
    return _cut(a, rows), _cut(b, [place[a.ids[at]] for at in rows])


def _cut(cell: CellData, rows: Sequence[int]) -> CellData:
    def column(name: str) -> Mapping[str, Floats]:
        return {name: cell.metrics[name][list(rows)]}

    later: dict[str, Make] = {name: partial(column, name) for name in cell.metrics}
    return replace(
        cell,
        ids=tuple(cell.ids[at] for at in rows),
        clusters=tuple(cell.clusters[at] for at in rows),
        metrics=Columns({}, later),
        raw=tuple(cell.raw[at] for at in rows) if cell.raw else (),
        stops=tuple(cell.stops[at] for at in rows) if cell.stops else (),
        tokens=cell.tokens[list(rows)] if cell.tokens.size else cell.tokens,
    )
