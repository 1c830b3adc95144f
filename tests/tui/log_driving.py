"""A small app that holds one log, and what a user does with it; waits for conditions, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from kit.tui.widgets.logview import LogView


class One(App[None]):
    """One log, and nothing else."""

    CSS = "LogView { height: 1fr; border: round white; scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }"

    def compose(self) -> ComposeResult:
        yield LogView(id="log")


class User:
    """Who looks at a log."""

    def __init__(self, app: App[None], pilot: Pilot[None], path: Path) -> None:
        self.app, self.pilot, self.path = app, pilot, path
        self.log = app.screen.query_one(LogView)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; {self.says()}\n" + "\n".join(
                self.rows()
            )
            await self.pilot.pause(0.02)

    async def says_so(self, words: str) -> None:
        await self.until(lambda: words in self.says(), words)

    async def notices(self, words: str) -> None:
        told = self.app._notifications
        await self.until(lambda: any(words in notice.message for notice in told), words)
        self.app.clear_notifications()

    async def find(self, words: str, line: int) -> None:
        self.log.search_for(words)
        await self.until(lambda: self.log.marked == line and "searching" not in self.says(), f"line {line}")

    def says(self) -> str:
        return str(self.log.border_subtitle)

    def rows(self) -> list[str]:
        """What is drawn, row by row, without the blanks at the end."""
        return [self.log.render_line(y).text.rstrip() for y in range(self.log.height)]

    def append(self, text: str) -> None:
        with self.path.open("a") as stream:
            stream.write(text)


def look(
    path: Path, script: Callable[[User], Awaitable[None]], lines: int, size: tuple[int, int] = (60, 12)
) -> None:
    """Let a user look at the log once its lines are counted."""

    async def run() -> None:
        app = One()
        async with app.run_test(size=size) as pilot:
            user = User(app, pilot, path)
            user.log.show(path)
            user.log.focus()
            await user.says_so(f"{lines:,} lines" if lines else "nothing written yet")
            await script(user)

    asyncio.run(run())
