"""The app: it wires pages, themes, palette and memory together, and holds no logic of its own."""

from __future__ import annotations

import errno
import os
import signal
import sys
import termios
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.screen import Screen
from textual.widgets import Static

from kit.errors import KitError
from kit.report.colour import Scale
from kit.tui.actions import Bindings, bindings, described
from kit.tui.doors import DOORS, door_to
from kit.tui.remembered import Remembered
from kit.tui.screens.page import Page, head_line
from kit.tui.themes import THEMES

if TYPE_CHECKING:
    from kit.api import Workspace
    from kit.schedule import RunFolder

FIRST = DOORS[0]
"""The page at the bottom of the stack."""
_LOOKS_EVERY = 3.0
"""Seconds between two looks whether the terminal is still there."""


class XltKit(App[None]):
    """`xlt-kit` without a command."""

    TITLE = "xlt-kit"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[Bindings] = bindings("everywhere")
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012

    def __init__(self, workspace: Workspace, recipes: Path) -> None:
        super().__init__()
        self.workspace = workspace
        self.recipes = recipes
        self.run_shown: RunFolder | None = None
        self.remembered = Remembered(workspace.home / "ui.json")
        for theme, _ in THEMES.values():
            self.register_theme(theme)
        name = self.remembered.get("theme", "xlt-dark")
        self.theme = name if name in THEMES else "xlt-dark"

    @property
    def scale(self) -> Scale:
        """The colours of heat maps under the theme of now."""
        return THEMES.get(self.theme, THEMES["xlt-dark"])[1]

    def compose(self) -> ComposeResult:
        """The line at the top, until the first page has been loaded."""
        yield Static(head_line(FIRST.place, ""), id="head")

    def on_mount(self) -> None:
        """Paint, then load the first page: whoever has typed the command sees at once that it was heard."""
        self.call_after_refresh(self._begin)
        if not self.is_headless:
            self.set_interval(_LOOKS_EVERY, self._leave_if_alone)

    def _leave_if_alone(self) -> None:
        """A terminal that goes away sends SIGHUP; under `nohup` nobody hears it, and reading never rests."""
        try:
            termios.tcgetattr(sys.__stdin__ or 0)
        except termios.error as problem:
            if problem.args and problem.args[0] == errno.EIO:
                os._exit(128 + signal.SIGHUP)  # nothing is left to put in order
        except (OSError, ValueError):
            return

    def _begin(self) -> None:
        self.push_screen(FIRST.load()())

    def show(self, place: str, folder: RunFolder) -> None:
        """Show a page of a run, which is the run of now from then on."""
        self.run_shown = folder
        page = door_to(place).load()
        self._leave_to(page(folder))

    def tell(self, problem: KitError) -> None:
        """Show an error as a sentence with its remedy."""
        self.notify(problem.remedy or "", title=problem.message, severity="error", timeout=12)

    def action_go(self, place: str) -> None:
        """Through a door of the line at the top; those of a run lead to the run of now, else to the last one."""
        door = door_to(place)
        if isinstance(self.screen, Page) and self.screen.place == place:
            return
        if door.of_run:
            folder = self._run_of_now()
            if folder is None:
                self.notify("no run yet: Enter starts the chosen recipe")
            else:
                self.show(place, folder)
        else:
            self._leave_to(None if door == FIRST else door.load()())

    def _run_of_now(self) -> RunFolder | None:
        from kit.schedule import list_runs  # not before the first paint

        if self.run_shown is None or not self.run_shown.path.is_dir():
            self.run_shown = next(reversed(list_runs(self.workspace.runs)), None)
        return self.run_shown

    def action_copy_command(self) -> None:
        """Copy the command line that does the same as the page of now."""
        if isinstance(self.screen, Page) and (words := self.screen.command()):
            self.copy_to_clipboard(words)
            self.notify(words, title="copied")

    def action_explain(self) -> None:
        """Help for the page of now."""
        if isinstance(self.screen, Page):
            self.screen.explain()

    def action_next_theme(self) -> None:
        """The next theme."""
        names = list(THEMES)
        self._use(names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0])

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every action of the page for the palette, and the themes."""
        places = (screen.place, *screen.also, "everywhere") if isinstance(screen, Page) else ("everywhere",)
        for action in described(*places):
            if action.name != "command_palette":
                yield SystemCommand(action.label, action.help, lambda name=action.name: self._act(name))
        for name in THEMES:
            yield SystemCommand(f"Theme {name}", "Use this theme", lambda name=name: self._use(name))

    def _act(self, name: str) -> None:
        self.call_later(self._run_in_focus, name)

    async def _run_in_focus(self, name: str) -> None:
        for place in (self.focused, self.screen, self):
            if place is not None and hasattr(place, f"action_{name.partition('(')[0]}"):
                await self.run_action(name, place)
                return

    def _use(self, name: str) -> None:
        self.theme = name
        self.remembered.put("theme", name)
        from kit.tui.widgets.heatmap import HeatMap

        for heat in self.screen.query(HeatMap):
            heat.recolour(self.scale)

    def _leave_to(self, page: Page | None) -> None:
        """The recipes stay at the bottom of the stack; at most one page lies over them."""
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if page is not None:
            self.push_screen(page)
