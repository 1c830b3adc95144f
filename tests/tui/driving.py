"""The real app without a terminal, driven by Textual's Pilot; waits for conditions, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.css.query import NoMatches
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from kit.api import Workspace
from kit.tui.app import XltKit
from kit.tui.widgets.heatmap import HeatMap
from kit.tui.widgets.logview import LogView
from tests.kit_command import ROOT

RECIPE = """schema: 1
name: small
title: Four steps in German, ten questions in two languages
needs: a minute
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de], limit: 16}
evaluate:
  - {dataset: tiny-qa, languages: [de, hi], limit: 10}
trainer: {steps: 4}
resources: {device: cpu, slots: 1, executor: local}
"""

Script = Callable[["Drive"], Awaitable[None]]


class Drive:
    """An app at work, and what a user does with it."""

    def __init__(self, app: XltKit, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def asked(self, key: str, answer: str) -> None:
        """Press a key that asks for a word first, and answer."""
        await self.press(key)
        await self.until(lambda: self.page() == "Confirm", "the question")
        await self.press(answer)
        await self.until(lambda: self.page() != "Confirm", "the page again")

    async def type(self, text: str) -> None:
        names = {" ": "space", "=": "equals_sign", "[": "left_square_bracket", "]": "right_square_bracket"}
        await self.press(*(names.get(letter, letter) for letter in text))

    async def until(self, condition: Callable[[], Any], what: str = "", seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self._holds(condition):
            assert time.monotonic() < end, f"waited in vain for {what}; on screen:\n{self.text()}"
            await self.pilot.pause(0.05)

    @staticmethod
    def _holds(condition: Callable[[], Any]) -> bool:
        """Whether it is so by now; a page whose widgets are not there yet shows nothing of the kind."""
        try:
            return bool(condition())
        except NoMatches:
            return False

    async def still(self, look: Callable[[], str], seconds: float = 30) -> str:
        """What is seen once it no longer changes (a page looks for news twice a second), and no notice lies over it."""
        end, before, same = time.monotonic() + seconds, "", 0
        while same < 4:
            now = look()
            same = same + 1 if now == before and not self.notices() else 0
            assert time.monotonic() < end, "the screen does not come to rest"
            before = now
            await self.pilot.pause(0.2)
        return before

    async def to_table(self) -> None:
        """To the table of the last run, by way of the runs."""
        await self.press("2")
        await self.until(lambda: self.app.screen.query_one(DataTable).row_count, "the runs")
        await self.press("enter")
        await self.until(lambda: self.page() == "TablePage" and self.heat().heat.rows, "the table")

    def heat(self) -> HeatMap:
        return self.app.screen.query_one(HeatMap)

    def log_view(self) -> LogView:
        return self.app.screen.query_one(LogView)

    def static(self, name: str) -> str:
        """What a field of the page of now says."""
        return str(self.app.screen.query_one(name, Static).render())

    def text(self) -> str:
        """All that is on screen, as lines of text."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(s.text for s in line).rstrip() for line in lines[:height])[: width * height]

    def notices(self) -> list[str]:
        """What has popped up and not gone yet."""
        return [notice.message for notice in self.app._notifications]

    def page(self) -> str:
        return type(self.app.screen).__name__


def drive(
    home: Path, script: Script, recipes: Path = ROOT / "recipes", size: tuple[int, int] = (120, 40)
) -> XltKit:
    """Run a script of a user's acts against the app on that home."""
    app = XltKit(Workspace(home), recipes)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            user = Drive(app, pilot)
            await user.until(
                lambda: user.page() == "Recipes" and user.app.screen.query_one("#list"), "the first page"
            )
            await script(user)

    asyncio.run(run())
    return app
