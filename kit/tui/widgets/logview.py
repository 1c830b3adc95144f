"""The log of a job: reads the lines that are on screen from its file, follows its end, searches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kit.tui.actions import Bindings, bindings
from kit.tui.logfile import ERRORS, LogFile

_SECONDS = 0.1
_WIDEST = 4096


class LogView(ScrollView, can_focus=True):
    """Shows one log file at a time."""

    BINDINGS: ClassVar[Bindings] = bindings("log")

    class Asked(Message):
        """The user wants to search; the screen asks for the words and calls `search_for`."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.following = True
        self.folded = False
        self._file: LogFile | None = None
        self._pattern: re.Pattern[bytes] | None = None
        self._marked: int | None = None
        self._folds: list[int] = []

    def on_mount(self) -> None:
        """Look for new lines ten times a second; nothing is drawn where nothing is new."""
        self.set_interval(_SECONDS, self._look)

    def show(self, path: Path | None) -> None:
        """Show another file, from its end."""
        if path == (self._file.path if self._file else None):
            return
        self._file = LogFile(path) if path else None
        self._marked, self.following = None, True
        self._look(force=True)

    def search_for(self, words: str) -> None:
        """Find the next line that contains the words, whatever their case."""
        self._pattern = re.compile(re.escape(words.encode()), re.IGNORECASE) if words else None
        self.action_again(1)

    def action_follow(self) -> None:
        """Stay at the end, or stop doing so."""
        self.following = not self.following
        self._tell()
        if self.following:
            self._to_end()

    def action_wrap(self) -> None:
        """Fold long lines, or cut them off."""
        self.folded = not self.folded
        self._look(force=True)

    def action_search(self) -> None:
        """Ask for the words."""
        self.post_message(self.Asked())

    def action_again(self, step: int) -> None:
        """The next place of the search, or the one before."""
        if self._pattern is None:
            self.action_search()
        elif self._file:
            here = self._marked if self._marked is not None else self._top()
            self._seek(self._pattern, here + step, step > 0)

    def action_first_error(self) -> None:
        """Jump to the first line that speaks of an error."""
        self._seek(ERRORS, 0, True)

    def action_copy(self) -> None:
        """Copy the lines on screen."""
        if self._file:
            top = self._top()
            lines = [self._file.line(n) for n in range(top, min(self._file.lines, top + self.size.height))]
            self.app.copy_to_clipboard("\n".join(lines))
            self.notify(f"copied {len(lines)} lines")

    @work(thread=True, exclusive=True)
    def _seek(self, pattern: re.Pattern[bytes], start: int, forward: bool) -> None:
        found = self._file.find(pattern, max(0, start), forward) if self._file else None
        self.call_later(self._arrive, found)

    def _arrive(self, found: int | None) -> None:
        if found is None:
            self.notify("nothing found")
            return
        self.following, self._marked = False, found
        row = self._folds[found] if self.folded and found < len(self._folds) else found
        self.scroll_to(y=max(0, row - self.size.height // 3), animate=False)
        self.refresh()
        self._tell()

    def _look(self, force: bool = False) -> None:
        if self._file is None:
            if force:
                self.virtual_size = Size(0, 0)
                self.refresh()
            return
        if not self._file.update() and not force:
            return
        rows = self._fold() if self.folded else self._file.lines
        self.virtual_size = Size(self.size.width if self.folded else _WIDEST, rows)
        if self.following:
            self._to_end()
        self.refresh()
        self._tell()

    def _fold(self) -> int:
        """The first row of each line, where long lines are folded; of very long logs the end alone is folded."""
        assert self._file is not None
        width, row = max(1, self.size.width - 1), 0
        self._folds = []
        unfolded = max(0, self._file.lines - 20_000)
        for number in range(self._file.lines):
            self._folds.append(row)
            row += 1 if number < unfolded else max(1, -(-cell_len(self._file.line(number)) // width))
        return row

    def _to_end(self) -> None:
        self.scroll_to(y=max(0, self.virtual_size.height - self.size.height), animate=False)

    def _top(self) -> int:
        if not self.folded:
            return self.scroll_offset.y
        from bisect import bisect_right

        return max(0, bisect_right(self._folds, self.scroll_offset.y) - 1)

    def _tell(self) -> None:
        count = self._file.lines if self._file else 0
        state = "following" if self.following else "paused: f follows"
        self.border_subtitle = f"{count:,} lines, {state}"

    def on_mouse_scroll_up(self) -> None:
        """Looking back stops the following."""
        self.following = False
        self._tell()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Moving up stops the following, coming to the end begins it again."""
        super().watch_scroll_y(old, new)
        if new < old:
            self.following = self.following and round(new) >= self.max_scroll_y
        elif round(new) >= self.max_scroll_y and self.has_focus:
            self.following = True

    def render_line(self, y: int) -> Strip:
        """One line of the file, or a part of one."""
        width, blank = self.size.width, Strip.blank(self.size.width, self.rich_style)
        row = y + self.scroll_offset.y
        if self._file is None or row >= self.virtual_size.height:
            return blank
        number, part = row, 0
        if self.folded:
            number = self._top_of(row)
            part = row - self._folds[number]
        text = self._file.line(number)
        if self.folded:
            pieces = chop_cells(text, max(1, width - 1)) or [""]
            text = pieces[part] if part < len(pieces) else ""
        style = self.rich_style + _style_of(text)
        if number == self._marked:
            style += Style(reverse=True)
        strip = Strip([Segment(text, style)])
        start = 0 if self.folded else self.scroll_offset.x
        return strip.crop(start, start + width).adjust_cell_length(width, self.rich_style)

    def _top_of(self, row: int) -> int:
        from bisect import bisect_right

        return max(0, bisect_right(self._folds, row) - 1)


def _style_of(text: str) -> Style:
    low = text.lower()
    if "error" in low or "traceback" in low or "failed" in low:
        return Style(color="red", bold=True)
    if "warning" in low:
        return Style(color="yellow")
    return Style()
