"""Drawings of a page beside the heat maps: curves by layer with bands, and rows of intervals. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from kit.report.svg import DIM, INK, Colour, on_both
from kit.report.text import number
from kit.results import LensRow, LensTable
from kit.stats import Estimate

CURVES = 8
"""Classes that one panel shows; more cannot be told apart."""
_COLOURS: tuple[Colour, ...] = (
    ("#1f6fb4", "#6db3ee"),
    ("#c2571a", "#f0985b"),
    ("#23855a", "#5cc795"),
    ("#a8324a", "#f0788f"),
    ("#7650a8", "#b697e8"),
    ("#76623a", "#cbb27a"),
    ("#b0399a", "#ee86d8"),
    ("#3c7d86", "#79c6d0"),
)
_WIDE, _HIGH, _LEFT, _FOOT, _TOP = 300, 170, 40, 36, 24
_LETTER = 6.6
_ROW = 20
_FONT = "font-family=\"'Noto Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif\" font-size=\"12\""


def lens_curves(made: LensTable, row: LensRow) -> str:
    """Probability by layer and class: of the row whole, with its band, of the base dashed."""
    base = next((one for one in made.rows if one.subject.is_base), None)
    shown = made.classes[:CURVES]
    legend = max((cell_len(name) for name in shown), default=0) * _LETTER + 44
    wide, high = _LEFT + _WIDE + 16 + legend, _TOP + _HIGH + _FOOT
    parts = [*_axes(made), *_bands(made, row, shown)]
    for at, name in enumerate(shown):
        stroke = on_both("stroke", _COLOURS[at])
        if base is not None and base is not row:
            points = _points([layer[at].value for layer in base.mass])
            parts.append(f'<polyline points="{points}" fill="none" stroke-dasharray="5 3" {stroke}/>')
        points = _points([layer[at].value for layer in row.mass])
        parts.append(f'<polyline points="{points}" fill="none" stroke-width="2" {stroke}/>')
        y = _TOP + 10 + at * 17
        left = _LEFT + _WIDE + 14
        parts.append(
            f'<line x1="{left}" x2="{left + 18}" y1="{y - 4}" y2="{y - 4}" stroke-width="2" {stroke}/>'
        )
        own = " (own)" if name in made.own else ""
        parts.append(_text(left + 24, y, f"{name}{own}", INK))
        wide = max(wide, left + 24 + cell_len(name + own) * _LETTER + 6)
    return _svg(wide, high, f"Curves of {row.subject.name} by layer", parts)


def _axes(made: LensTable) -> Iterator[str]:
    line = on_both("stroke", DIM)
    for share in (0, 25, 50, 75, 100):
        y = _y(share)
        opacity = "1" if share == 0 else "0.25"
        yield f'<line x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{y:g}" y2="{y:g}" stroke-opacity="{opacity}" {line}/>'
        yield _text(_LEFT - 6, y + 4, str(share), DIM, "end")
    last = len(made.layers) - 1
    step = max(1, math.ceil(last / 8))
    for at in sorted({*range(0, last + 1, step), last}):
        if at != last and last - at < step:
            continue
        yield _text(_x(at, last), _TOP + _HIGH + 16, str(at), DIM, "middle")
    yield _text(_LEFT + _WIDE / 2, _TOP + _HIGH + 31, "layer (0: embedding)", DIM, "middle")
    yield _text(_LEFT - 30, _TOP - 10, "probability, %", DIM)


def _bands(made: LensTable, row: LensRow, shown: Sequence[str]) -> Iterator[str]:
    last = len(made.layers) - 1
    for at in range(len(shown)):
        own = [layer[at] for layer in row.mass]
        if all(one.defined for one in own):
            upper = [f"{_x(place, last):.1f},{_y(one.high):.1f}" for place, one in enumerate(own)]
            lower = [f"{_x(place, last):.1f},{_y(one.low):.1f}" for place, one in enumerate(own)]
            points = " ".join((*upper, *reversed(lower)))
            yield f'<polygon points="{points}" fill-opacity="0.18" {on_both("fill", _COLOURS[at])}/>'


def _points(values: Sequence[float]) -> str:
    last = len(values) - 1
    return " ".join(f"{_x(at, last):.1f},{_y(value):.1f}" for at, value in enumerate(values))


def _x(at: int, last: int) -> float:
    return _LEFT + _WIDE * at / max(1, last)


def _y(share: float) -> float:
    return _TOP + _HIGH * (1 - min(100.0, max(0.0, share)) / 100)


@dataclass(frozen=True)
class Interval:
    """A row of a drawing of intervals: its name, its estimate; the `head` is the figure of all."""

    name: str
    estimate: Estimate
    head: bool = False


def intervals(
    rows: Sequence[Interval], threshold: float, label: str, write: Callable[[float], str], sign: str = ""
) -> str:
    """Estimates with their intervals, a row each, on one axis; a line where the claim puts its threshold.

    `write` says a figure; `sign` stands before that of an estimate.
    """
    found = [row for row in rows if math.isfinite(row.estimate.value)]
    if not found:
        return ""
    ends = [end for row in found for end in _ends(row.estimate)] + [threshold]
    margin = (max(ends) - min(ends) or 1.0) * 0.05
    low, high = min(ends) - margin, max(ends) + margin
    left = max(cell_len(row.name) for row in found) * _LETTER + 14

    def place(value: float) -> float:
        return left + _WIDE * (value - low) / (high - low)

    at, foot = place(threshold), len(found) * _ROW + 8
    line = f'x1="{at:.1f}" x2="{at:.1f}" y1="2" y2="{foot}" stroke-dasharray="3 3"'
    parts = [
        f"<line {line} {on_both('stroke', DIM)}/>",
        _text(at, foot + 14, number(threshold, 1).removesuffix(".0"), DIM, "middle"),
        _text(left + _WIDE + 10, foot + 14, label, DIM),
    ]
    for place_of, row in enumerate(found):
        y = 14 + place_of * _ROW
        parts += _row(row, y, place)
        told = _words(row.estimate, write, sign)
        parts.append(_text(left + _WIDE + 10, y + 4, told, INK, bold=row.head))
    wide = left + _WIDE + 10 + max(150.0, cell_len(label) * _LETTER)
    return _svg(wide, foot + 20, f"Intervals: {label}", parts)


def _words(one: Estimate, write: Callable[[float], str], sign: str) -> str:
    ends = f" [{write(one.low)}…{write(one.high)}]" if one.defined else ""
    return f"{sign}{write(one.value)}{ends}"


def _row(row: Interval, y: int, place: Callable[[float], float]) -> Iterator[str]:
    one = row.estimate
    colour = INK if row.head else _COLOURS[0]
    low, high = map(place, _ends(one))
    line = f'x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}" stroke-width="2"'
    yield _text(0, y + 4, row.name, INK, bold=row.head)
    yield f"<line {line} {on_both('stroke', colour)}/>"
    yield f'<circle cx="{place(one.value):.1f}" cy="{y}" r="4" {on_both("fill", colour)}/>'


def _ends(one: Estimate) -> tuple[float, float]:
    """Both ends of an interval; the value where there is none, or it is without bound."""
    low, high = (end if math.isfinite(end) else one.value for end in (one.low, one.high))
    return low, high


def _svg(wide: float, high: float, label: str, parts: Sequence[str]) -> str:
    size = f'width="{wide:g}" height="{high:g}" viewBox="0 0 {wide:g} {high:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label)}" {size} {_FONT}>'
    return "\n".join([head, *parts, "</svg>"])


def _text(x: float, y: float, words: str, colour: Colour, anchor: str = "start", bold: bool = False) -> str:
    more = f' text-anchor="{anchor}"' if anchor != "start" else ""
    more += ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{more} {on_both("fill", colour)}>{escape(words)}</text>'
