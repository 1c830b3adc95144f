"""The log of a job: reads the lines that are on screen from its file, follows its end, filters, folds, searches."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.message import Message
from textual.strip import Strip
from textual.worker import get_current_worker

from kit.tui.actions import Bindings, bindings
from kit.tui.actions import Place as ActionPlace
from kit.tui.logfile import LogFile
from kit.tui.loglevels import ALL, ERRORS, WARNINGS, Levels, spoken
from kit.tui.widgets.logrows import Place
from kit.tui.widgets.logscroll import LogScroll

_SECONDS = 0.1
_STEP = 1 << 26
"""Bytes that are counted before the screen hears of them."""
_COPIED = 100
_SHOWN = {ALL: "all lines", WARNINGS: "warnings and errors", ERRORS: "errors only"}


class LogView(LogScroll):
    """Shows one log file at a time. Whatever reads more than a screenful of it works in a thread."""

    place: ClassVar[ActionPlace] = "log"
    BINDINGS: ClassVar[Bindings] = bindings("log")

    class Asked(Message):
        """The user wants to search; the screen asks for the words and calls `search_for`."""

    def __init__(self, **options: str) -> None:
        super().__init__(**options)
        self.level = ALL
        self.marked: int | None = None
        """The number of a line, from 0."""
        self._kept: int | None = None
        """The line to stay at while the filter still looks for its lines."""
        self._file: LogFile | None = None
        self._levels: Levels | None = None
        self._generation = 0
        self._words = ""
        self._known = self._searching = self._wants_error = False
        self._wake = asyncio.Event()

    def on_mount(self) -> None:
        """Look for new lines ten times a second; nothing is drawn where nothing is new."""
        self._watch()

    def show(self, path: Path | None) -> None:
        """Show another file, from its end."""
        if path == (self._file.path if self._file else None):
            return
        self._file = LogFile(path) if path else None
        self._levels = Levels(self._file) if self._file else None
        self.workers.cancel_group(self, "search")
        self._known = self._searching = self._wants_error = False
        self._generation, self.marked, self._kept, self.following = 0, None, None, True
        self.settle()
        self._wake.set()

    def search_for(self, words: str) -> None:
        """Find the next line that contains the words, whatever their case."""
        self._words = words
        self.action_again(1)

    def action_level(self) -> None:
        """All lines, then warnings and errors, then errors alone, then all again; what is at the top stays there."""
        self._kept = self.number_of(self.top.entry) if self.marked is None else self.marked
        self.level = (self.level + 1) % len(_SHOWN)
        self.settle(self._kept_place())
        self._wake.set()

    def action_search(self) -> None:
        """Ask for the words."""
        self.post_message(self.Asked())

    def action_again(self, step: int) -> None:
        """The next place of the search, or the one before: from the marked line on, if it is on screen."""
        if not self._words:
            self.action_search()
        elif self._file and self._levels:
            seen = [self.number_of(entry) for entry, _ in self.window()]
            here = (
                self.marked + step
                if self.marked is not None and self.marked in seen
                else self.number_of(self.top.entry)
            )
            self._searching = True
            self.tell()
            self._search(self._file, self._levels, self._words, here, step > 0, self.level)

    def action_first_error(self) -> None:
        """Jump to the first line that speaks of an error, as soon as it is known."""
        self._wants_error = True
        self._wake.set()

    def action_copy(self) -> None:
        """Copy the lines on screen."""
        self._copy(sorted({entry for entry, _ in self.window()}))

    def action_copy_end(self) -> None:
        """Copy the last lines, of those that are shown."""
        self._copy(range(max(0, self.rows.count - _COPIED), self.rows.count))

    def on_click(self, event: events.Click) -> None:
        """Mark the line, whose number then stands below; a second click copies it."""
        place = event.get_content_offset(self)
        if place is None or place.y >= len(self.window()):
            return
        entry = self.window()[place.y][0]
        self.marked = self.number_of(entry)
        self.refresh()
        self.tell()
        if event.chain == 2:
            self._copy([entry])

    def entries(self) -> int:
        """How many lines the filter lets through."""
        if self._file is None or self._levels is None:
            return 0
        return self._levels.count(self.level) if self.level else self._file.lines

    def text_of(self, entry: int) -> str:
        """One of them."""
        return self._file.line(self.number_of(entry)) if self._file else ""

    def number_of(self, entry: int) -> int:
        """Which line of the file it is."""
        return self._levels.number(self.level, entry) if self.level and self._levels else entry

    def moved(self) -> None:
        """Who has moved stays there."""
        self._kept = None

    def tell(self) -> None:
        """How many lines, which of them, and whether their end is followed."""
        if self._file is None or self._levels is None or not self._known:
            self.border_subtitle = ""
            return
        count, words = self._file.lines, []
        if self.level:
            words.append(f"{self.rows.count:,} of {count:,} lines: {_SHOWN[self.level]}")
            if self._levels.looked_at < self._file.complete:
                words.append(f"{self._levels.looked_at / count:.0%} looked at")
        else:
            words.append(f"{count:,} lines" if count else "nothing written yet")
        if self.marked is not None:
            words.append(f"line {self.marked + 1:,} is marked")
        if self._searching:
            words.append("searching")
        words.append("following" if self.following else "paused: f follows")
        self.border_subtitle = ", ".join(words)

    def render_line(self, y: int) -> Strip:
        """One line of the file, or a part of one."""
        width = self.size.width
        if y >= len(self.window()):
            return Strip.blank(width, self.rich_style)
        entry, text = self.window()[y]
        style = self.rich_style + self._colour(text if self.rows.width is None else self.text_of(entry))
        if self.number_of(entry) == self.marked:
            style += Style(reverse=True)
        start = 0 if self.folded else self.scroll_offset.x
        strip = Strip([Segment(text, style)])
        return strip.crop(start, start + width).adjust_cell_length(width, self.rich_style)

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        while True:
            more, file, levels = False, self._file, self._levels
            if file and levels:
                sorts = self.level != ALL or self._wants_error
                changed, more = await asyncio.to_thread(_gather, file, levels, sorts)
                if file is self._file:
                    self._take_up(file, levels, changed, more or not sorts)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _SECONDS)
                self._wake.clear()

    def _take_up(self, file: LogFile, levels: Levels, changed: bool, unsure: bool) -> None:
        if file.generation != self._generation:
            self._generation, self.marked = file.generation, None
        if changed or not self._known:
            self._known = True
            self.settle(self._kept_place())
        if not self._wants_error:
            return
        if levels.count(ERRORS):
            self._wants_error = False
            self._jump(levels.number(ERRORS, 0))
        elif not unsure:
            self._wants_error = False
            self.notify("no error in this log")

    @work(thread=True, exclusive=True, group="search")
    def _search(
        self, file: LogFile, levels: Levels, words: str, start: int, forward: bool, level: int
    ) -> None:
        worker = get_current_worker()
        while level and not worker.is_cancelled and levels.advance(_SECONDS):
            pass

        def keep(number: int) -> bool:
            return level == ALL or levels.holds(level, number)

        def stopped() -> bool:
            return worker.is_cancelled

        found, around = file.find(words, start, forward, keep, stopped), False
        if found is None:
            found, around = file.find(words, 0 if forward else file.lines, forward, keep, stopped), True
        if not worker.is_cancelled:
            self.call_later(self._arrive, file, found, around, forward)

    def _arrive(self, file: LogFile, found: int | None, around: bool, forward: bool) -> None:
        if file is not self._file:
            return
        self._searching = False
        if found is None:
            among = f" among {_SHOWN[self.level]}" if self.level else ""
            self.notify(f"nothing found{among}: {self._words}", markup=False)
            self.tell()
            return
        if around:
            self.notify("went on from the beginning" if forward else "went on from the end")
        self._jump(found, self._words)

    def _jump(self, number: int, words: str = "") -> None:
        """Mark a line and bring it on screen, with the words in it."""
        self.following, self.marked, self._kept = False, number, None
        entry = self._entry_of(number)
        text = self.text_of(entry)
        at = max(0, text.casefold().find(words.casefold()))
        if self.rows.width is None:
            cell, width = cell_len(text[: at + len(words)]), self.size.width - 1
            self.scroll_to(x=0 if cell <= width else cell - width // 2, animate=False)
        self.settle(self.rows.up(self.rows.letter(entry, at), self.height // 3))

    def _kept_place(self) -> Place | None:
        if self._kept is None:
            return None
        above = 0 if self.marked is None else self.height // 3
        return self.rows.up(Place(self._entry_of(self._kept)), above)

    def _entry_of(self, number: int) -> int:
        return self._levels.place(self.level, number) if self.level and self._levels else number

    def _copy(self, entries: range | list[int]) -> None:
        self.app.copy_to_clipboard("\n".join(self.text_of(entry) for entry in entries))
        self.notify("copied 1 line" if len(entries) == 1 else f"copied {len(entries)} lines")

    def _colour(self, text: str) -> Style:
        theme, level = self.app.current_theme, spoken(text)
        if level == ERRORS:
            return Style(color=theme.error or "red", bold=True)
        return Style(color=theme.warning or "yellow") if level == WARNINGS else Style()


def _gather(file: LogFile, levels: Levels, sorts: bool) -> tuple[bool, bool]:
    """In a thread: count what is new and sort it by level; whether anything has changed, and whether there is more."""
    before = file.generation, file.lines, file.size, levels.looked_at
    file.update(_STEP)
    more = sorts and levels.advance(_SECONDS)
    return before != (file.generation, file.lines, file.size, levels.looked_at), more or file.behind
