"""Transfer tables as a picture for papers and pages: a heat map with a number in every cell. Plain SVG 1.1.

No scripts, no fonts or files from elsewhere; what stands behind a cell is its tooltip. Colours of a file are those of
the light theme; within a page they follow the reader's. Nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from rich.cells import cell_len

from kit.report.colour import DARK, LIGHT, ink_on
from kit.report.heat import Heat, HeatCell, detail_of, heat_of, spans
from kit.report.text import SEEN, Values, caption, legend, title
from kit.results import TableCell, TransferTable

_HIGH, _GAP, _MARGIN = 34, 2, 20
"""Pixels: height of a row, room between cells, room around all."""
_LETTER, _SMALL_LETTER, _TINY_LETTER = 7.4, 5.4, 5.4
"""Pixels that a letter takes, about, at 13, at 9.5 and at 7 pixels."""
_LINE = 16
Colour = tuple[str, str]
"""On light paper, and on dark."""
INK: Colour = ("#20242a", "#e4e6ea")
DIM: Colour = ("#6b6f76", "#a3a9b3")
PAPER: Colour = ("#ffffff", "#171a20")
Paint = Callable[[str, Colour], str]
"""Writes an attribute (`fill`, `stroke`) of a colour."""
_FONT = "'Noto Sans', 'DejaVu Sans', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class _Sheet:
    """A table drawn: elements with its top at 0, and its size in pixels."""

    elements: tuple[str, ...]
    width: float
    height: float


@dataclass(frozen=True)
class _Style:
    """How colours are written, and what stands in the corner of a cell and in its tooltip, told of the table's cell."""

    paint: Paint
    corner: Callable[[TableCell], tuple[str, str]] = lambda cell: ("", "")


def on_light(attribute: str, colour: Colour) -> str:
    """A colour of the light theme, whoever reads it."""
    return f'{attribute}="{colour[0]}"'


def on_both(attribute: str, colour: Colour) -> str:
    """A colour that follows the page's colour scheme; that of the light theme where a browser does not know how."""
    return f'{attribute}="{colour[0]}" style="{attribute}:light-dark({colour[0]},{colour[1]})"'


def embedded(
    table: TransferTable,
    values: Values = "delta",
    corner: Callable[[TableCell], tuple[str, str]] = lambda cell: ("", ""),
) -> str:
    """One table as an element of a page: no ground of its own, the page's colour scheme, no caption.

    `corner` gives of each cell a sign for its corner and a sentence for its tooltip.
    """
    sheet = _sheet(table, values, _Style(on_both, corner), bare=True)
    size = f'width="{sheet.width:g}" height="{sheet.height:g}" viewBox="0 0 {sheet.width:g} {sheet.height:g}"'
    label = escape(title(table))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{label}" {size}'
    return "\n".join([f'{head} font-family="{escape(_FONT)}" font-size="13">', *sheet.elements, "</svg>"])


def as_svg(tables: Sequence[TransferTable], values: Values = "delta") -> str:
    """One picture with the tables below one another. `values` as in `Values`."""
    sheets = [_sheet(table, values, _Style(on_light)) for table in tables]
    width = max((sheet.width for sheet in sheets), default=0) + 2 * _MARGIN
    parts, top = [], float(_MARGIN)
    for sheet in sheets:
        parts.append(f'<g transform="translate({_MARGIN} {top:g})">\n' + "\n".join(sheet.elements) + "\n</g>")
        top += sheet.height + _MARGIN
    size = f'width="{width:g}" height="{top:g}" viewBox="0 0 {width:g} {top:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{escape(_FONT)}" font-size="13">'
    ground = f'<rect width="100%" height="100%" {on_light("fill", PAPER)}/>'
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, ground, *parts, "</svg>\n"])


def _sheet(table: TransferTable, values: Values, style: _Style, bare: bool = False) -> _Sheet:
    """With its captions and legend, or `bare`."""
    paint = style.paint
    heat = _with_means(table, values)
    label = max((cell_len(name) for name in (*heat.rows, "tuned on")), default=8) * _LETTER + 12
    signs = [style.corner(cell)[0] for row in table.rows for cell in (*row.cells, *row.averages)]
    wide = _cell_width(heat) + 2 * _TINY_LETTER * max(map(cell_len, signs), default=0)
    above = (
        []
        if bare
        else [(title(table), "bold", INK), *((c, "normal", DIM) for c in caption(table, values, ""))]
    )
    below = [] if bare else legend(table, values)
    top = len(above) * _LINE + (0 if bare else 8)
    heads = top + 2 * _LINE
    elements = [
        *(
            _text(0, (at + 1) * _LINE - 4, words, weight, paint("fill", ink))
            for at, (words, weight, ink) in enumerate(above)
        ),
        *_head(heat, label, wide, top, paint),
        *_rows(table, heat, label, wide, heads + 6, style),
    ]
    foot = heads + 6 + len(heat.rows) * (_HIGH + _GAP) + (0 if bare else 6)
    dim = paint("fill", DIM)
    elements += [_text(0, foot + (at + 1) * _LINE - 4, line, "normal", dim) for at, line in enumerate(below)]
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


def _head(heat: Heat, label: float, wide: float, top: float, paint: Paint) -> Iterator[str]:
    ink, dim = paint("fill", INK), paint("fill", DIM)
    for name, start, count in spans(heat.bands):
        left = label + start * (wide + _GAP)
        right = left + count * (wide + _GAP) - _GAP
        yield _text((left + right) / 2, top + _LINE - 6, name, "normal", dim, "middle")
        line = f'x1="{left:g}" x2="{right:g}" y1="{top + _LINE:g}" y2="{top + _LINE:g}"'
        yield f'<line {line} {paint("stroke", DIM)} stroke-width="0.7"/>'
    yield _text(0, top + 2 * _LINE, "tuned on", "normal", dim)
    for at, name in enumerate(heat.columns):
        yield _text(label + at * (wide + _GAP) + wide / 2, top + 2 * _LINE, name, "bold", ink, "middle")


def _rows(
    table: TransferTable, heat: Heat, label: float, wide: float, top: float, style: _Style
) -> Iterator[str]:
    for row, name in enumerate(heat.rows):
        y = top + row * (_HIGH + _GAP)
        yield _text(0, y + _HIGH / 2 + 4, name, "normal", style.paint("fill", INK))
        for column, cell in enumerate(heat.cells[row]):
            own = table.rows[cell.row]
            sign, words = style.corner((own.cells if cell.opens else own.averages)[cell.column])
            tip = "; ".join(filter(None, (detail_of(table, cell), words)))
            place = (label + column * (wide + _GAP), y, wide)
            yield _cell(cell, tip, sign, heat.level, place, style.paint)


def _cell(
    cell: HeatCell, tip: str, sign: str, level: bool, place: tuple[float, float, float], paint: Paint
) -> str:
    """A rectangle with the figure, its marks, below it the interval, and a sign in its corner."""
    x, y, wide = place
    fill = PAPER if cell.warmth is None else (LIGHT.at(cell.warmth, level), DARK.at(cell.warmth, level))
    ink, middle = paint("fill", (ink_on(fill[0]), ink_on(fill[1]))), x + wide / 2
    inner = [f"<title>{escape(tip)}</title>"]
    inner.append(f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{_HIGH}" {paint("fill", fill)}/>')
    if cell.text:
        lift = 15 if cell.interval else _HIGH / 2 + 4
        inner.append(
            _text(middle, y + lift, cell.text + cell.marks, "bold" if cell.sure else "normal", ink, "middle")
        )
    if cell.interval:
        inner.append(_text(middle, y + 28, cell.interval, "normal", ink, "middle", 9.5))
    if sign and cell.text:
        inner.append(_text(x + wide - 2, y + 8, sign, "normal", ink, "end", 7))
    return f"<g>{''.join(inner)}</g>"


def _text(
    x: float, y: float, words: str, weight: str, paint: str, anchor: str = "start", size: float | None = None
) -> str:
    """`paint` is the attribute of its colour."""
    more = f' font-size="{size:g}"' if size else ""
    more += f' font-weight="{weight}"' if weight != "normal" else ""
    more += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:g}" y="{y:g}" {paint}{more}>{escape(words)}</text>'
