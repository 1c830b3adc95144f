"""Spans of a context that might be an answer, and where answers stand in a text. Pure text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from kit.score.aware import UNSPACED

Range = tuple[int, int]
"""Offsets into a text: from, up to."""


_JOINERS = "\u200c\u200d"  # they choose a letter's shape within a word


def words(text: str) -> list[Range]:
    """Runs of letters, digits and the marks on them; in scripts without spaces each base character with its marks.

    Whatever stands between them (spaces, punctuation) begins and ends no span.
    """
    found: list[Range] = []
    start: int | None = None
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        joins = start is not None and (category[0] == "M" or char in _JOINERS)
        inside = joins or category[0] in "LN"
        alone = bool(UNSPACED.match(char)) and category[0] != "M"
        if start is not None and (not inside or alone):
            found.append((start, at))
            start = None
        if inside and start is None:
            start = at
    return found if start is None else [*found, (start, len(text))]


def first_of(text: str, phrases: Sequence[str]) -> Range | None:
    """Where the first of some phrases stands as whole words in a text, case aside; None where none does.

    Of several that begin at one place the longest is taken.
    """
    folded = _folded(text)
    starts = {start for start, _ in words(text)}
    ends = {end for _, end in words(text)}
    found: list[Range] = []
    for phrase in {_folded(phrase).strip() for phrase in phrases} - {""}:
        at = folded.find(phrase)
        while at >= 0:
            stop = at + len(phrase)
            if _bounded(phrase, at, stop, starts, ends):
                found.append((at, stop))
                break
            at = folded.find(phrase, at + 1)
    return min(found, key=lambda place: (place[0], -place[1]), default=None)


def _folded(text: str) -> str:
    """Small letters, one for one, so that offsets stay."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _bounded(phrase: str, at: int, stop: int, starts: set[int], ends: set[int]) -> bool:
    """Whether a phrase begins where a word does and ends where one does, if its own ends are parts of words."""
    inner = words(phrase)
    if not inner:
        return True
    first, last = inner[0][0], len(phrase) - inner[-1][1]
    return (first > 0 or at in starts) and (last > 0 or stop in ends)


def spans(text: str, most_words: int) -> Iterator[Range]:
    """Every span of whole words, up to so many of them."""
    whole = words(text)
    for at, (start, _) in enumerate(whole):
        for _, stop in whole[at : at + most_words]:
            yield start, stop
