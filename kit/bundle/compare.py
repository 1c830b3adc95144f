"""What differs between a file that was shipped and the same made again, named so that one finds it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_NAMES = (
    "id",
    "trained_on",
    "dataset",
    "language",
    "group",
    "metric",
    "model",
    "prompt",
    "task",
    "name",
    "layer",
    "class",
)
"""Fields that tell one entry of a list from another."""
_TOLERANCE = 2e-6
"""Figures are rounded to six decimals; another build of numpy may round a tie the other way."""
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)")
_SHOWN = 60
_ABOUT = re.compile(r"(^|\.)(notes|missing|why)(\[|$)")
"""Fields that tell in words what is not there."""

Standing = Literal["differs", "unchecked"]


@dataclass(frozen=True)
class Leaf:
    """One place in which two documents differ; `unchecked` where the figure could not be made again."""

    place: str
    shipped: str
    again: str
    standing: Standing = "differs"

    def __str__(self) -> str:
        return f"{self.place}: {self.shipped} was shipped, {self.again} comes out"


@dataclass(frozen=True)
class Compared:
    """How many figures of a file were compared, and those that differ; `rounded`: some differ in rounding alone."""

    figures: int
    leaves: tuple[Leaf, ...]
    rounded: bool = False


def compare_json(shipped: Path, again: Path, complete: bool) -> Compared:
    """Compare two JSON files leaf by leaf. Where not `complete`, what is not there again counts as unchecked."""
    try:
        first = json.loads(shipped.read_text(encoding="utf-8"))
    except ValueError as problem:
        return Compared(0, (Leaf("the file", f"not JSON ({problem})", "a document"),))
    walk = _Walk(complete)
    leaves = tuple(walk.compare(first, json.loads(again.read_text(encoding="utf-8")), ""))
    return Compared(walk.figures, leaves, walk.rounded)


def compare_text(shipped: Path, again: Path, rounded: bool) -> Compared:
    """Compare two texts line by line. Where `rounded`, numbers may differ by one in their last place."""
    ours = again.read_text(encoding="utf-8").splitlines()
    theirs = shipped.read_text(encoding="utf-8", errors="replace").splitlines()
    leaves = [
        _line(number, one, two)
        for number, (one, two) in enumerate(zip(theirs, ours, strict=False), 1)
        if one != two and not (rounded and _near(one, two))
    ]
    if len(theirs) != len(ours):
        leaves.append(Leaf("the file", f"{len(theirs)} lines", f"{len(ours)}"))
    return Compared(sum(len(_NUMBER.findall(line)) for line in ours), tuple(leaves))


class _Walk:
    def __init__(self, complete: bool) -> None:
        self.complete, self.figures, self.rounded = complete, 0, False

    def compare(self, one: Any, two: Any, place: str) -> Iterator[Leaf]:
        if isinstance(one, dict) and isinstance(two, dict):
            for name in dict.fromkeys((*one, *two)):
                inner = f"{place}.{name}" if place else name
                yield from self.compare(one.get(name), two.get(name), inner)
        elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
            for at, (first, second) in enumerate(zip(one, two, strict=True)):
                yield from self.compare(first, second, f"{place}[{_name(first, at)}]")
        elif _is_number(one) and _is_number(two):
            self.figures += 1
            if one != two:
                if math.isclose(one, two, rel_tol=0, abs_tol=_TOLERANCE):
                    self.rounded = True
                else:
                    yield Leaf(place, str(one), str(two))
        elif one != two:
            lacking = not self.complete and (two is None or _ABOUT.search(place) is not None)
            yield Leaf(place, _short(one), _short(two), "unchecked" if lacking else "differs")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _name(entry: Any, at: int) -> str:
    if not isinstance(entry, dict):
        return str(at)
    words = [str(entry[name]) for name in _NAMES if isinstance(entry.get(name), str) and entry[name]]
    if "trained_on" in entry and not entry["trained_on"]:
        words.insert(0, "base")
    return " ".join(words) or str(at)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _line(number: int, one: str, two: str) -> Leaf:
    """The parts of two lines around the first place where they part."""
    at = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, at - _SHOWN // 3)
    return Leaf(f"line {number}", repr(one[start : start + _SHOWN]), repr(two[start : start + _SHOWN]))


def _near(one: str, two: str) -> bool:
    """Whether two lines differ in the last place of numbers alone."""
    first, second = _NUMBER.split(one), _NUMBER.split(two)
    if len(first) != len(second) or first[::2] != second[::2]:
        return False
    return all(_one_apart(a, b) for a, b in zip(first[1::2], second[1::2], strict=True))


def _one_apart(one: str, two: str) -> bool:
    places = max(len(each.partition(".")[2]) for each in (one, two))
    return abs(float(one) - float(two)) <= 1.01 * 10.0**-places if one != two else True
