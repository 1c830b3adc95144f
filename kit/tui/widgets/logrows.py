"""From lines to rows on screen: long lines are folded, but only those that are on screen or just beside it.

A place is a line and the row within it. The rows of a whole log are never counted, so that its length is no matter.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from rich.cells import chop_cells


class Place(NamedTuple):
    """`entry`: which of the lines shown, from 0; `part`: which of its rows."""

    entry: int
    part: int = 0


class Rows:
    """So many lines at a width; None: they are not folded."""

    def __init__(self, count: int, text: Callable[[int], str], width: int | None) -> None:
        self.count, self.width = count, width
        self._text = text

    def pieces(self, entry: int) -> tuple[str, ...]:
        """The rows of a line."""
        text = self._text(entry)
        return (text,) if self.width is None else folded(text, self.width)

    def down(self, place: Place, rows: int) -> Place:
        """So many rows further; past the last line at most."""
        if self.width is None:
            return Place(min(self.count, place.entry + rows))
        entry, part = place.entry, place.part + rows
        while entry < self.count and part >= (height := len(self.pieces(entry))):
            entry, part = entry + 1, part - height
        return Place(entry, part) if entry < self.count else Place(self.count)

    def up(self, place: Place, rows: int) -> Place:
        """So many rows back; the first at most."""
        if self.width is None:
            return Place(max(0, place.entry - rows))
        entry, part = place.entry, place.part - rows
        while part < 0 and entry > 0:
            entry -= 1
            part += len(self.pieces(entry))
        return Place(entry, max(0, part))

    def end(self, height: int) -> Place:
        """What stands at the top when the last row stands at the bottom."""
        return self.up(Place(self.count), height)

    def window(self, top: Place, height: int) -> list[tuple[int, str]]:
        """The rows on screen, each with its line."""
        rows: list[tuple[int, str]] = []
        entry, skip = top
        while entry < self.count and len(rows) < height:
            rows += [(entry, piece) for piece in self.pieces(entry)[skip:]]
            entry, skip = entry + 1, 0
        return rows[:height]

    def letter(self, entry: int, at: int) -> Place:
        """The row in which a letter of a line stands."""
        ends = list(accumulate(len(piece) for piece in self.pieces(entry)))
        return Place(entry, min(bisect_right(ends, at), len(ends) - 1))

    def fitted(self, place: Place, width: int | None) -> Place:
        """A place of rows of another width: about the same words."""
        if not 0 <= place.entry < self.count or self.width is None or width is None:
            return Place(max(0, min(place.entry, self.count)))
        part = place.part * width // self.width
        return Place(place.entry, min(part, len(self.pieces(place.entry)) - 1))


@lru_cache(maxsize=256)
def folded(text: str, width: int) -> tuple[str, ...]:
    """A line in pieces of a width; an empty one is one row."""
    return tuple(chop_cells(text, max(1, width))) or ("",)
