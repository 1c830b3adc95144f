"""A heat map on Textual's line API: prebuilt styles, one strip a line, headers that stay where they are."""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kit.tui.actions import Bindings, bindings
from kit.tui.heat import Heat, HeatCell
from kit.tui.themes import Scale

_STEPS = 10
_LABEL = 24
_EMPTY = Heat((), (), (), True)


class HeatMap(ScrollView, can_focus=True):
    """Shows a `Heat`; arrow keys and mouse move the cursor, Enter opens the cell."""

    BINDINGS: ClassVar[Bindings] = [
        *[(key, f"move({dr}, {dc})", "") for key, dr, dc in (("up,k", -1, 0), ("down,j", 1, 0))],
        *[(key, f"move({dr}, {dc})", "") for key, dr, dc in (("left", 0, -1), ("right", 0, 1))],
        ("home", "move(0, -9999)", ""),
        ("end", "move(0, 9999)", ""),
        ("pageup", "move(-10, 0)", ""),
        ("pagedown", "move(10, 0)", ""),
        *bindings("table"),
    ]

    row = reactive(0)
    column = reactive(0)

    class Moved(Message):
        """The cursor stands on another cell."""

        def __init__(self, cell: HeatCell) -> None:
            super().__init__()
            self.cell = cell

    class Opened(Message):
        """A cell was chosen."""

        def __init__(self, cell: HeatCell) -> None:
            super().__init__()
            self.cell = cell

    def __init__(self, scale: Scale, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.heat = _EMPTY
        self._scale = scale
        self._label = self._wide = self._marks = 0
        self._style = lru_cache(maxsize=None)(self._made_style)

    def show(self, heat: Heat) -> None:
        """Draw another heat map; the cursor stays where it can."""
        self.heat = heat
        cells = [cell for line in heat.cells for cell in line]
        self._marks = max((cell_len(cell.marks) for cell in cells), default=0)
        widest = max((cell_len(cell.text) for cell in cells), default=4) + self._marks
        self._wide = max(widest, *(cell_len(name) for name in heat.columns), 4) + 3
        self._label = min(_LABEL, max((cell_len(name) for name in (*heat.rows, heat.corner)), default=4)) + 2
        self.virtual_size = Size(self._label + self._wide * len(heat.columns), 1 + len(heat.rows))
        self.row = min(self.row, max(0, len(heat.rows) - 1))
        self.column = min(self.column, max(0, len(heat.columns) - 1))
        self.refresh()
        self._tell()

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
        """The header, or a row of the map; its name stays at the left."""
        width, offset = self.size.width, self.scroll_offset
        row = y - 1 + offset.y
        if y and row >= len(self.heat.rows):
            return Strip.blank(width, self.rich_style)
        label = self.heat.rows[row] if y else self.heat.corner
        bold = Style(bold=bool(y and row == self.row)) if y else Style(dim=True)
        left = Segment(set_cell_size(_fitted(label, self._label - 1), self._label), self.rich_style + bold)
        body = Strip(self._cells(row) if y else self._heads())
        room = max(0, width - self._label)
        return Strip([left, *body.crop(offset.x, offset.x + room)]).adjust_cell_length(width, self.rich_style)

    def _heads(self) -> list[Segment]:
        return [
            Segment(
                f"{name.rjust(self._wide - self._marks - 2)} ".ljust(self._wide),
                self.rich_style + Style(bold=at == self.column),
            )
            for at, name in enumerate(self.heat.columns)
        ]

    def _cells(self, row: int) -> list[Segment]:
        segments = []
        for at, cell in enumerate(self.heat.cells[row]):
            here = row == self.row and at == self.column
            step = None if cell.warmth is None else round(cell.warmth * _STEPS)
            text = cell.text.rjust(self._wide - self._marks - 2) + cell.marks.ljust(self._marks) + " "
            if here:
                text = ("▸" + text[1:]) if text.startswith(" ") else text
            segments.append(Segment(text, self._style(step, cell.sure, here)))
            segments.append(Segment(" ", self.rich_style))
        return segments

    def _made_style(self, step: int | None, sure: bool, here: bool) -> Style:
        style = self.rich_style
        if step is not None:
            colour = self._scale.at(step / _STEPS, self.heat.level)
            style += Style(bgcolor=colour.rich_color, color=_readable_on(colour).rich_color)
        if not sure:
            style += Style(italic=True, dim=step is None)
        return style + Style(reverse=True, bold=True) if here else style

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
        x, height = self.column * self._wide, self.size.height - 1
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
        """Move to the cell under the mouse; a second click opens it."""
        row = event.y - 1 + self.scroll_offset.y
        column = (event.x - self._label + self.scroll_offset.x) // max(1, self._wide)
        if (
            event.y < 1
            or event.x < self._label
            or not (row < len(self.heat.rows) and column < len(self.heat.columns))
        ):
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


def _readable_on(colour: Color) -> Color:
    return Color(0, 0, 0) if colour.brightness > 0.45 else Color(255, 255, 255)
