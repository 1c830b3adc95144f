"""A heat map on Textual's line API: prebuilt styles, one strip a line, headers that stay where they are."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kit.report.colour import Scale, ink_on
from kit.report.heat import NOTHING, Heat, HeatCell, spans
from kit.tui.actions import Bindings, bindings

_STEPS = 10
_LABEL = 28


MOVES: Bindings = [
    *[(key, f"move({dr}, {dc})", "") for key, dr, dc in (("up,k", -1, 0), ("down,j", 1, 0))],
    *[(key, f"move({dr}, {dc})", "") for key, dr, dc in (("left", 0, -1), ("right", 0, 1))],
    ("home", "move(0, -9999)", ""),
    ("end", "move(0, 9999)", ""),
    ("pageup", "move(-10, 0)", ""),
    ("pagedown", "move(10, 0)", ""),
]
"""The keys that move the cursor."""


class HeatMap(ScrollView, can_focus=True):
    """Shows a `Heat`; arrow keys and mouse move the cursor, Enter opens the cell."""

    BINDINGS: ClassVar[Bindings] = [*MOVES, *bindings("table")]

    row = reactive(0)
    column = reactive(0)

    class Moved(Message):
        """The cursor stands on another cell."""

        def __init__(self, cell: HeatCell) -> None:
            super().__init__()
            self.cell = cell

    class HeadChosen(Message):
        """The head of a column was clicked."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    class Opened(Message):
        """A cell was chosen."""

        def __init__(self, cell: HeatCell) -> None:
            super().__init__()
            self.cell = cell

    def __init__(self, scale: Scale, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.heat = NOTHING
        self._names: tuple[str, ...] = ()
        self._scale = scale
        self._label = self._wide = self._marks = self._aside = 0
        self._style = lru_cache(maxsize=None)(self._made_style)

    def show(self, heat: Heat) -> None:
        """Draw another heat map; the cursor stays on its row and column wherever they stand now."""
        before = self.heat
        row, column = (
            side[at : at + 1] for side, at in ((before.rows, self.row), (before.columns, self.column))
        )
        self.heat = heat
        cells = [cell for line in heat.cells for cell in line]
        self._marks = max((cell_len(cell.marks) for cell in cells), default=0)
        self._aside = max((cell_len(cell.interval) + 1 for cell in cells if cell.interval), default=0)
        widest = max((cell_len(cell.text) for cell in cells), default=4) + self._marks + self._aside
        self._wide = max(widest, *(cell_len(name) for name in heat.columns), 4) + 3
        self._names = heat.rows
        if heat.bands and not heat.across:
            self._names = tuple(f"{name} · {band}" for name, band in zip(heat.rows, heat.bands, strict=True))
        self._label = (
            min(_LABEL, max((cell_len(name) for name in (*self._names, heat.corner)), default=4)) + 3
        )
        self.virtual_size = Size(
            self._label + self._wide * len(heat.columns), self._heads_high + len(heat.rows)
        )
        self.row = _place(heat.rows, row, self.row)
        self.column = _place(heat.columns, column, self.column)
        self._style.cache_clear()
        self.refresh()
        self._tell()

    @property
    def _heads_high(self) -> int:
        """Lines above the rows: names of columns, and of what they have in common."""
        return 1 + bool(self.heat.bands and self.heat.across)

    def recolour(self, scale: Scale) -> None:
        """Other colours, for another theme."""
        self._scale = scale
        self._style.cache_clear()
        self.refresh()

    @property
    def chosen(self) -> HeatCell | None:
        """The cell under the cursor."""
        return self.heat.cells[self.row][self.column] if self.heat.rows and self.heat.columns else None

    def render_line(self, y: int) -> Strip:
        """The heads, or a row of the map; its name stays at the left."""
        width, offset = self.size.width, self.scroll_offset
        row = y - self._heads_high + offset.y
        if row >= len(self.heat.rows) and y >= self._heads_high:
            return Strip.blank(width, self.rich_style)
        if y < self._heads_high:
            banded = y == 0 and self._heads_high > 1
            label, style = ("", Style()) if banded else (self.heat.corner, Style(dim=True))
            body = self._bands() if banded else self._heads()
        else:
            label, style, body = (
                self._names[row],
                Style(bold=self.can_focus and row == self.row),
                self._cells(row),
            )
            offset -= Offset(min(offset.x // self._wide, len(self.heat.columns)) * self._wide, 0)
        left = Segment(
            set_cell_size(f" {_fitted(label, self._label - 2)}", self._label), self.rich_style + style
        )
        room = max(0, width - self._label)
        shown = Strip(body).crop(offset.x, offset.x + room)
        return Strip([left, *shown]).adjust_cell_length(width, self.rich_style)

    def _bands(self) -> list[Segment]:
        style = self.rich_style + Style(dim=True)
        return [
            Segment(
                f" {_fitted(name, self._wide * count - 3)} ".center(self._wide * count - 1, "─") + " ", style
            )
            for name, _, count in spans(self.heat.bands)
        ]

    def _heads(self) -> list[Segment]:
        room, style = self._wide - self._marks - self._aside - 2, self.rich_style
        return [
            Segment(
                set_cell_size(f"{' ' * max(0, room - cell_len(name))}{name}", self._wide),
                style + Style(bold=self.can_focus and at == self.column),
            )
            for at, name in enumerate(self.heat.columns)
        ]

    def _cells(self, row: int) -> list[Segment]:
        """Only those on screen: from the column at its left on."""
        segments, room = [], self._wide - self._marks - self._aside - 2
        first = self.scroll_offset.x // self._wide
        last = first + self.size.width // self._wide + 2
        gap = Segment(" ", self.rich_style)
        for at, cell in enumerate(self.heat.cells[row][first:last], start=first):
            here = self.can_focus and row == self.row and at == self.column
            step = None if cell.warmth is None else round(cell.warmth * _STEPS)
            text = (
                cell.text.rjust(room) + cell.marks.ljust(self._marks) + cell.interval.rjust(self._aside) + " "
            )
            if here:
                text = ("▸" + text[1:]) if text.startswith(" ") else text
            segments.append(Segment(text, self._style(step, cell.sure, here)))
            segments.append(gap)
        return segments

    def _made_style(self, step: int | None, sure: bool, here: bool) -> Style:
        style = self.rich_style
        if step is not None:
            colour = self._scale.at(step / _STEPS, self.heat.level)
            style += Style(bgcolor=colour, color=ink_on(colour))
        if not sure:
            style += Style(italic=True, dim=step is None)
        return style + self._cursor() if here else style

    def _cursor(self) -> Style:
        """The page's own colours swapped: no cell has them, whatever its warmth."""
        ground, ink = self.background_colors[1], self.app.theme_variables["foreground"]
        return Style(
            color=Color.parse(ink).rich_color,
            bgcolor=ground.rich_color,
            bold=True,
            reverse=True,
            italic=False,
        )

    def action_move(self, rows: int, columns: int) -> None:
        """Move the cursor, and the view with it."""
        if not self.heat.rows:
            return
        self.row = max(0, min(len(self.heat.rows) - 1, self.row + rows))
        self.column = max(0, min(len(self.heat.columns) - 1, self.column + columns))
        self._follow()

    def action_open_cell(self) -> None:
        """Tell that the cell under the cursor was chosen."""
        if self.chosen:
            self.post_message(self.Opened(self.chosen))

    def _follow(self) -> None:
        x, height = self.column * self._wide, self.size.height - self._heads_high
        room = max(self._wide, self.size.width - self._label)
        left = min(max(self.scroll_offset.x, x + self._wide - room), x)
        top = min(max(self.scroll_offset.y, self.row + 1 - height), self.row)
        self.scroll_to(left, top, animate=False)
        self.refresh()
        self._tell()

    def _tell(self) -> None:
        if self.chosen:
            self.post_message(self.Moved(self.chosen))

    def on_click(self, event: events.Click) -> None:
        """Move to the cell under the mouse; a second click opens it. A click on a head tells of its column."""
        row = event.y - self._heads_high + self.scroll_offset.y
        column = (event.x - self._label + self.scroll_offset.x) // max(1, self._wide)
        if event.x < self._label or column >= len(self.heat.columns) or row >= len(self.heat.rows):
            return
        if event.y < self._heads_high:
            self.post_message(self.HeadChosen(self.heat.columns[column]))
            return
        again = (row, column) == (self.row, self.column)
        self.row, self.column = row, column
        self.refresh()
        self._tell()
        if again or event.chain > 1:
            self.action_open_cell()

    def watch_has_focus(self, focused: bool) -> None:
        """Draw the cursor anew."""
        self.refresh(Region(0, 0, *self.size))


def _fitted(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, max(1, width - 1)) + "…"


def _place(names: tuple[str, ...], name: tuple[str, ...], before: int) -> int:
    """Where a row or column stands now; where it is no more, about where it stood."""
    if name and name[0] in names:
        return names.index(name[0])
    return max(0, min(before, len(names) - 1))
