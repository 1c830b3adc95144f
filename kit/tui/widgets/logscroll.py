"""Scrolling by rows through lines without end: what stands at the top is a line, not a count of rows.

Textual's own scrolling needs the height of all that there is. Here the scroll bar goes by lines, and keys and wheel
move the top by rows, so that folding a log costs what is on screen, and a row is never skipped or shown twice.
"""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollDown, ScrollUp

from kit.tui.widgets.logrows import Place, Rows

_WIDEST = 4096


class LogScroll(ScrollView, can_focus=True):
    """Shows `entries` lines, each with its `text_of`; `settle` when they have changed."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.following = True
        self.folded = False
        self.top = self._end = Place(0)
        self.rows = Rows(0, self.text_of, None)
        self.height = 1
        self._window: list[tuple[int, str]] | None = None

    def entries(self) -> int:
        """How many lines there are to show."""
        return 0

    def text_of(self, entry: int) -> str:
        """One of them."""
        return ""

    def moved(self) -> None:
        """The user goes to another place."""

    def tell(self) -> None:
        """Say beside the lines how it stands."""

    def settle(self, top: Place | None = None) -> None:
        """Take up what has changed: the lines, their width, the height, or what is to stand at the top."""
        width = max(1, self.size.width - self.styles.scrollbar_size_vertical) if self.folded else None
        rows = Rows(self.entries(), self.text_of, width)
        place = rows.fitted(self.top, self.rows.width) if top is None else top
        self.rows, self.height = rows, self._page()
        self._end = rows.end(self.height)
        self.top = self._end if self.following else min(place, self._end)
        self.virtual_size = Size(_WIDEST if width is None else width, self._bar(self._end) + self.height)
        self._show()

    def window(self) -> list[tuple[int, str]]:
        """The rows on screen, each with the line that it belongs to."""
        if self._window is None:
            self._window = self.rows.window(self.top, self.height)
        return self._window

    def move(self, rows: int) -> None:
        """So many rows down, or up: up stops the following, and the end begins it again."""
        place = self.rows.down(self.top, rows) if rows > 0 else self.rows.up(self.top, -rows)
        self._go(place, rows < 0)

    def action_follow(self) -> None:
        """Stay at the end, or stop doing so."""
        self.following = not self.following
        self.moved()
        self.settle()

    def action_wrap(self) -> None:
        """Fold long lines, or cut them off."""
        self.folded = not self.folded
        self.scroll_to(x=0, animate=False)
        self.settle()

    def action_scroll_up(self) -> None:
        """A row up."""
        self.move(-1)

    def action_scroll_down(self) -> None:
        """A row down."""
        self.move(1)

    def action_page_up(self) -> None:
        """A screenful up."""
        self.move(-self.height)

    def action_page_down(self) -> None:
        """A screenful down."""
        self.move(self.height)

    def action_scroll_home(self) -> None:
        """To the first line."""
        self._go(Place(0), True)

    def action_scroll_end(self) -> None:
        """To the last, and stay there."""
        self._go(self._end, False)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Looking back stops the following."""
        self._wheel(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel goes by rows too."""
        self._wheel(event, 1)

    def on_scroll_up(self, event: ScrollUp) -> None:
        """A click above the handle of the scroll bar."""
        event.stop().prevent_default()
        self.move(-self.height)

    def on_scroll_down(self, event: ScrollDown) -> None:
        """A click below it."""
        event.stop().prevent_default()
        self.move(self.height)

    def on_resize(self) -> None:
        """Another width folds otherwise."""
        self.settle()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Who draws the handle of the scroll bar goes to a line; what this widget has scrolled itself is done."""
        super().watch_scroll_y(old, new)
        row = round(new)
        if row != self._bar(self.top) and self._page() == self.height:
            self._go(self._end if row >= self._bar(self._end) else Place(row), new < old)

    def _wheel(self, event: events.MouseEvent, direction: int) -> None:
        if not (event.ctrl or event.shift):  # with these it goes sideways, as everywhere
            event.stop().prevent_default()
            self.move(direction * max(1, round(self.app.scroll_sensitivity_y)))

    def _go(self, place: Place, back: bool) -> None:
        self.top = min(place, self._end)
        self.following = not back and self.top == self._end
        self.moved()
        self._show()

    def _show(self) -> None:
        self._window = None
        if round(self.scroll_y) != (row := self._bar(self.top)):
            self.scroll_to(y=row, animate=False, force=True)
        self.refresh()
        self.tell()

    def _bar(self, place: Place) -> int:
        """Where the scroll bar stands: at the line; one further for an end that begins within a line."""
        return place.entry + (1 if place == self._end and place.part else 0)

    def _page(self) -> int:
        return max(1, self.container_size.height - self.scrollbar_size_horizontal)
