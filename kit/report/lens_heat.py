"""A row of a lens table as a heat map: layers down the side, classes of tokens along the top. Pure."""

from __future__ import annotations

from kit.report.heat import Heat, HeatCell
from kit.report.text import OWN, SIGNIFICANT, number, signed
from kit.results import LensTable
from kit.stats import Estimate


def lens_heat(table: LensTable, row: int, change: bool) -> Heat:
    """Probability by layer and class, or what tuning changed in it. The output, which is the last layer, stands first;
    the base has no change.

    A class of the language's own that rises is warm, and so is another's that falls.
    """
    shown = table.rows[row]
    figures = shown.change if change and shown.change else shown.mass
    level = figures is shown.mass
    top = 100.0 if level else max((abs(one.value) for layer in figures for one in layer), default=0.0) or 1.0
    classes = [f"{name}{OWN if name in table.own else ''}" for name in table.classes]
    cells = tuple(
        tuple(
            _cell(one, level, top, name in table.own, (at, place))
            for place, (name, one) in enumerate(zip(table.classes, figures[at], strict=True))
        )
        for at in reversed(range(len(table.layers)))
    )
    return Heat(tuple(reversed(table.layers)), tuple(classes), cells, level, corner="layer ╲ class", top=top)


def _cell(one: Estimate, level: bool, top: float, own: bool, place: tuple[int, int]) -> HeatCell:
    if level:
        return HeatCell(number(one.value, 1), "", "", one.value / top, True, *place, opens=False)
    sure = one.excludes(0)
    warmth = (one.value if own else -one.value) / top
    return HeatCell(signed(one.value, 1), SIGNIFICANT if sure else "", "", warmth, sure, *place, opens=False)


def lens_detail(table: LensTable, row: int, at: HeatCell) -> str:
    """What stands behind a cell: probability, change, intervals, counts."""
    shown = table.rows[row]
    mass = shown.mass[at.row][at.column]
    parts = [f"{_words(mass)} %"]
    if shown.change:
        parts.append(f"Δ {_words(shown.change[at.row][at.column], sign=True)}")
    name = f"{shown.subject.name}, layer {table.layers[at.row]}, {table.classes[at.column]}"
    return f"{name}: {'  '.join(parts)}  n = {mass.n_items} on {mass.n_clusters} contexts"


def _words(one: Estimate, sign: bool = False) -> str:
    say = signed if sign else number
    value = say(one.value, 2)
    return f"{value} [{say(one.low, 2)}…{say(one.high, 2)}]" if one.defined else value
