"""The app: it wires pages, themes, palette and memory together, and holds no logic of its own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.screen import Screen

from kit.api import Workspace
from kit.errors import KitError
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings, described
from kit.tui.remembered import Remembered
from kit.tui.screens.page import Page
from kit.tui.screens.recipes import Recipes
from kit.tui.screens.run import RunPage
from kit.tui.themes import THEMES, Scale


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
        self.remembered = Remembered(workspace.home / "ui.json")
        for theme, _ in THEMES.values():
            self.register_theme(theme)
        name = self.remembered.get("theme", "xlt-dark")
        self.theme = name if name in THEMES else "xlt-dark"

    @property
    def scale(self) -> Scale:
        """The colours of heat maps under the theme of now."""
        return THEMES.get(self.theme, THEMES["xlt-dark"])[1]

    def on_mount(self) -> None:
        """Begin with the recipes."""
        self.push_screen(Recipes(self.recipes))

    def show_run(self, folder: RunFolder) -> None:
        """Show a run at work."""
        self._leave_to(RunPage(folder))

    def show_table(self, folder: RunFolder) -> None:
        """Show the table of a run."""
        from kit.tui.screens.table import TablePage

        self._leave_to(TablePage(folder))

    def tell(self, problem: KitError) -> None:
        """Show an error as a sentence with its remedy."""
        self.notify(problem.remedy or "", title=problem.message, severity="error", timeout=12)

    def action_go(self, place: str) -> None:
        """To the recipes, or the runs."""
        if isinstance(self.screen, Page) and self.screen.place == place:
            return
        if place == "runs":
            from kit.tui.screens.runs import Runs

            self._leave_to(Runs())
        else:
            self._leave_to(None)

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
