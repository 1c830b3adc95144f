"""Transfer tables as a picture for papers and pages: a heat map with a number in every cell. Plain SVG 1.1.

No scripts, no fonts or files from elsewhere; what stands behind a cell is its tooltip. Colours are those of the light
theme, and nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from kit.report.colour import LIGHT, ink_on
from kit.report.heat import Heat, HeatCell, detail_of, heat_of, spans
from kit.report.text import SEEN, Values, caption, legend, title
from kit.results import TransferTable

_HIGH, _GAP, _MARGIN = 34, 2, 20
"""Pixels: height of a row, room between cells, room around all."""
_LETTER, _SMALL_LETTER = 7.4, 5.4
"""Pixels that a letter takes, about, at 13 and at 9.5 pixels."""
_LINE = 16
_INK, _DIM, _PAPER = "#20242a", "#6b6f76", "#ffffff"
_FONT = "'Noto Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class _Sheet:
    """A table drawn: elements with its top at 0, and its size in pixels."""

    elements: tuple[str, ...]
    width: float
    height: float


def as_svg(tables: Sequence[TransferTable], values: Values = "delta") -> str:
    """One picture with the tables below one another. `values` as in `Values`."""
    sheets = [_sheet(table, values) for table in tables]
    width = max((sheet.width for sheet in sheets), default=0) + 2 * _MARGIN
    parts, top = [], float(_MARGIN)
    for sheet in sheets:
        parts.append(f'<g transform="translate({_MARGIN} {top:g})">\n' + "\n".join(sheet.elements) + "\n</g>")
        top += sheet.height + _MARGIN
    size = f'width="{width:g}" height="{top:g}" viewBox="0 0 {width:g} {top:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{escape(_FONT)}" font-size="13">'
    ground = f'<rect width="100%" height="100%" fill="{_PAPER}"/>'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, ground, *parts, "</svg>\n"])


def _sheet(table: TransferTable, values: Values) -> _Sheet:
    heat = _with_means(table, values)
    label = max((cell_len(name) for name in (*heat.rows, "tuned on")), default=8) * _LETTER + 12
    wide = _cell_width(heat)
    above = [(title(table), "bold", _INK)] + [(line, "normal", _DIM) for line in caption(table, values, "")]
    below = legend(table, values)
    top = len(above) * _LINE + 8
    heads = top + 2 * _LINE
    elements = [
        *(_text(0, (at + 1) * _LINE - 4, *line) for at, line in enumerate(above)),
        *_head(heat, label, wide, top),
        *_rows(table, heat, label, wide, heads + 6),
    ]
    foot = heads + 6 + len(heat.rows) * (_HIGH + _GAP) + 6
    elements += [_text(0, foot + (at + 1) * _LINE - 4, line, "normal", _DIM) for at, line in enumerate(below)]
    longest = max((cell_len(line) for line in (*(words for words, _, _ in above), *below)), default=0)
    width = max(label + len(heat.columns) * (wide + _GAP), longest * _LETTER)
    return _Sheet(tuple(elements), width, foot + len(below) * _LINE)


def _with_means(table: TransferTable, values: Values) -> Heat:
    """The columns under the names of their data sets, then the averages; on one scale."""
    heat = heat_of(table, values)
    means = heat_of(table, values, means=True, top=heat.top)
    heads = [f"{column.language}{SEEN if column.seen else ''}" for column in table.columns]
    bands = [f"{column.dataset} ({column.split})" for column in table.columns]
    return Heat(
        heat.rows,
        (*heads, *means.columns),
        tuple(own + mean for own, mean in zip(heat.cells, means.cells, strict=True)),
        heat.level,
        bands=(*bands, *("mean" for _ in means.columns)),
    )


def _cell_width(heat: Heat) -> float:
    cells = [cell for row in heat.cells for cell in row]
    figures = max((cell_len(cell.text + cell.marks) for cell in cells), default=4) * _LETTER
    intervals = max((cell_len(cell.interval) for cell in cells), default=0) * _SMALL_LETTER
    heads = max((cell_len(name) for name in heat.columns), default=2) * _LETTER
    bands = max((cell_len(name) * _LETTER / count for name, _, count in spans(heat.bands)), default=0)
    return max(figures, intervals, heads, bands) + 10


def _head(heat: Heat, label: float, wide: float, top: float) -> Iterator[str]:
    for name, start, count in spans(heat.bands):
        left = label + start * (wide + _GAP)
        right = left + count * (wide + _GAP) - _GAP
        yield _text((left + right) / 2, top + _LINE - 6, name, "normal", _DIM, "middle")
        line = f'x1="{left:g}" x2="{right:g}" y1="{top + _LINE:g}" y2="{top + _LINE:g}"'
        yield f'<line {line} stroke="{_DIM}" stroke-width="0.7"/>'
    yield _text(0, top + 2 * _LINE, "tuned on", "normal", _DIM)
    for at, name in enumerate(heat.columns):
        yield _text(label + at * (wide + _GAP) + wide / 2, top + 2 * _LINE, name, "bold", _INK, "middle")


def _rows(table: TransferTable, heat: Heat, label: float, wide: float, top: float) -> Iterator[str]:
    for row, name in enumerate(heat.rows):
        y = top + row * (_HIGH + _GAP)
        yield _text(0, y + _HIGH / 2 + 4, name, "normal", _INK)
        for column, cell in enumerate(heat.cells[row]):
            tip = detail_of(table, cell)
            yield _cell(cell, tip, heat.level, label + column * (wide + _GAP), y, wide)


def _cell(cell: HeatCell, tip: str, level: bool, x: float, y: float, wide: float) -> str:
    """A rectangle with the figure, its marks, and below it the interval."""
    fill = _PAPER if cell.warmth is None else LIGHT.at(cell.warmth, level)
    ink, middle = ink_on(fill), x + wide / 2
    inner = [f"<title>{escape(tip)}</title>"]
    inner.append(f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{_HIGH}" fill="{fill}"/>')
    if cell.text:
        lift = 15 if cell.interval else _HIGH / 2 + 4
        inner.append(
            _text(middle, y + lift, cell.text + cell.marks, "bold" if cell.sure else "normal", ink, "middle")
        )
    if cell.interval:
        inner.append(_text(middle, y + 28, cell.interval, "normal", ink, "middle", 9.5))
    return f"<g>{''.join(inner)}</g>"


def _text(
    x: float, y: float, words: str, weight: str, ink: str, anchor: str = "start", size: float | None = None
) -> str:
    more = f' font-size="{size:g}"' if size else ""
    more += f' font-weight="{weight}"' if weight != "normal" else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{ink}"{more}>{escape(words)}</text>'
