"""All recipes of a folder: what each answers, what it needs and what is there, changed for one start, started."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult, SuspendNotSupported
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option, OptionDoesNotExist
from textual.worker import get_current_worker

from kit.api import Workspace, background, list_statuses, needs, open_run, prepare, preview
from kit.errors import KitError
from kit.recipe import RecipeHead, find_recipes
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.marks import RUN_MARKS
from kit.tui.recipe_text import planned, refused, what, yaml_text
from kit.tui.screens.page import Page, Read
from kit.tui.widgets.field import Field

_SECONDS = 2.0
_EMPTY = """No recipes here yet.

A recipe is a YAML file that says what to tune and what to evaluate. The kit brings some in the folder recipes/ of
its checkout: start xlt-kit there, or name a folder: xlt-kit tui --recipes DIR
"""


class Recipes(Page):
    """The first page."""

    place = "recipes"
    BINDINGS: ClassVar[Bindings] = bindings("recipes")

    def __init__(self) -> None:
        super().__init__()
        self._heads: list[RecipeHead] = []
        self._chosen: RecipeHead | None = None
        self._overrides: dict[Path, str] = {}
        self._stages: dict[str, str] = {}
        self._faults: Mapping[int, str] = {}

    def body(self) -> ComposeResult:
        """A list at the left, the chosen recipe at the right."""
        with Horizontal():
            with Vertical(id="left"):
                yield Field("search", "search")
                yield OptionList(id="list")
            with VerticalScroll(id="right", can_focus=True):
                yield Static(id="what")
                yield Field("seeds=[1,2] trainer.epochs=3", "override")
                yield Static(id="plan")
                yield Static(id="yaml")

    @property
    def folder(self) -> Path:
        """The folder whose recipes are listed."""
        return self.kit.recipes

    def begin(self) -> None:
        """Read the folder."""
        self.action_reload()
        self.query_one("#list").focus()
        self.set_interval(_SECONDS, self._look_at_runs)

    def on_screen_resume(self) -> None:
        """What is stored may have changed meanwhile."""
        if self._chosen:
            self._look(self._chosen.path, self._words())
        self._look_at_runs()

    def command(self) -> str:
        """Runs the recipe with the same values."""
        if self._chosen is None:
            return "xlt-kit recipes"
        path = self._chosen.path
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        words = ["xlt-kit", "run", str(near), *(w for text in self._words() for w in ("--set", text))]
        return shlex.join(words)

    def action_reload(self) -> None:
        """Read the recipes from disk again."""
        self._heads = find_recipes(self.folder) if self.folder.is_dir() else []
        self._fill(self.query_one("#search", Field).value)

    def action_search(self) -> None:
        """Show the search field."""
        self.query_one("#search", Field).open()

    def action_override(self) -> None:
        """Show the field for overrides."""
        self.query_one("#override", Field).open()

    def action_preview(self) -> None:
        """Every job that would run, and why."""
        if self._chosen:
            self._preview(self._chosen.path, self._words())

    def action_edit(self) -> None:
        """Open the chosen recipe in the user's editor; what was changed is read again."""
        if self._chosen is None:
            return
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
        if not editor:
            self.notify("set the variable EDITOR to the editor of your choice", severity="warning")
            return
        try:
            with self.app.suspend():
                subprocess.run([*editor, str(self._chosen.path)], check=False)
        except (OSError, SuspendNotSupported) as problem:
            self.notify(f"{editor[0]} cannot be started here: {problem}", severity="error")
        self.action_reload()

    def action_start(self) -> None:
        """Start the chosen recipe in the background and watch it."""
        if self._chosen:
            self.query_one("#plan", Static).update(Text("starting …", style="bold"))
            self._launch(self._chosen.path, self._words())

    @on(Input.Changed, "#search")
    def _narrow(self, event: Input.Changed) -> None:
        self._fill(event.value)

    @on(Field.Left)
    def _through(self) -> None:
        self.query_one("#list").focus()

    @on(Input.Changed, "#override")
    def _changed(self, event: Input.Changed) -> None:
        if self._chosen:
            self._overrides[self._chosen.path] = event.value
            self.refresh_command()
            self._look(self._chosen.path, self._words())

    @on(OptionList.OptionHighlighted, "#list")
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        self._choose(next((h for h in self._heads if str(h.path) == event.option_id), None))

    @on(OptionList.OptionSelected, "#list")
    def _picked(self) -> None:
        self.action_start()

    def _fill(self, words: str) -> None:
        wanted_words = words.lower().split()
        shown = [
            h for h in self._heads if all(w in f"{h.name} {h.title} {h.path}".lower() for w in wanted_words)
        ]
        options = self.query_one("#list", OptionList)
        options.clear_options()
        group: Path | None = None
        for head in shown:
            if head.path.parent != group:
                group = head.path.parent
                below = "" if group == self.folder else str(group.relative_to(self.folder))
                title = Text(f"{self.folder.name}/{below}", style="dim")
                options.add_option(Option(title, disabled=True))
            options.add_option(Option(self._row(head), id=str(head.path)))
        if shown:
            wanted = self.kit.remembered.get("recipe", "")
            places = [str(head.path) for head in shown]
            first = next((str(head.path) for head in shown if head.name == "smoke"), places[0])
            options.highlighted = options.get_option_index(wanted if wanted in places else first)
        else:
            self._choose(None)

    def _row(self, head: RecipeHead) -> Text:
        """Its name, and how its last run stands."""
        mark, style = RUN_MARKS.get(self._stages.get(head.name, ""), (" ", ""))
        return Text().append(f"{mark} ", style=self.ink(style)).append(head.name)

    def _choose(self, head: RecipeHead | None) -> None:
        self._chosen, self._faults = head, {}
        self.refresh_command()
        for name in ("#what", "#plan", "#yaml"):
            self.query_one(name, Static).update("")
        if head is None:
            empty = "Nothing here contains these words." if self._heads else _EMPTY
            self.query_one("#what", Static).update(empty)
            return
        self.kit.remembered.put("recipe", str(head.path))
        self.query_one("#what", Static).update(what(head))
        words = self._overrides.get(head.path, "")
        self.query_one("#override", Field).put(words, shown=bool(words))
        self._show_yaml(head.path, {})
        self._look(head.path, self._words())

    def _words(self) -> tuple[str, ...]:
        text = self._overrides.get(self._chosen.path, "") if self._chosen else ""
        try:
            return tuple(shlex.split(text))
        except ValueError:
            return tuple(text.split())

    def _show_yaml(self, path: Path, faults: Mapping[int, str]) -> None:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as problem:
            text = f"# {problem}"
        dark = self.app.current_theme.dark
        self.query_one("#yaml", Static).update(yaml_text(text, faults, dark, self.ink))

    def _look_at_runs(self) -> None:
        if self.app.screen is self:
            self._read_stages()

    @work(thread=True, exclusive=True, group="stages")
    def _read_stages(self) -> None:
        # The name of a run is that of its recipe and eight hex digits; the last touched comes last.
        stages = {one.folder.name.rpartition("-")[0]: one.stage for one in list_statuses(self.kit.workspace)}
        self.bring(self._take_stages, stages)

    def _take_stages(self, stages: dict[str, str]) -> None:
        if stages == self._stages:
            return
        self._stages = stages
        options = self.query_one("#list", OptionList)
        for head in self._heads:
            with contextlib.suppress(OptionDoesNotExist):
                options.replace_option_prompt(str(head.path), self._row(head))

    @work(thread=True, exclusive=True, group="preview")
    def _preview(self, path: Path, overrides: tuple[str, ...]) -> None:
        try:
            prepared = prepare(self._offline(), path, overrides, fetch=False)
            lines = preview(self.kit.workspace, prepared)
        except KitError as problem:
            self.bring(self.kit.tell, problem)
            return
        self.bring(self.app.push_screen, Read(f"plan of {prepared.run_name}", "\n".join(lines)))

    def _offline(self) -> Workspace:
        """What is not here is not fetched for a look."""
        return replace(self.kit.workspace, offline=True)

    @work(thread=True, exclusive=True, group="look")
    def _look(self, path: Path, overrides: tuple[str, ...]) -> None:
        worker = get_current_worker()
        faults: dict[int, str] = {}
        try:
            prepared = prepare(self._offline(), path, overrides, fetch=False)
            said = planned(prepared, needs(self.kit.workspace, prepared), self.ink)
        except KitError as problem:
            said, faults = refused(problem, path, self.ink)
        if not worker.is_cancelled:
            self.bring(self._looked, path, said, faults)

    def _looked(self, path: Path, said: Text, faults: Mapping[int, str]) -> None:
        if self._chosen and self._chosen.path == path:
            self.query_one("#plan", Static).update(said)
            if faults != self._faults:
                self._faults = faults
                self._show_yaml(path, faults)

    @work(thread=True, exclusive=True, group="launch")
    def _launch(self, path: Path, overrides: tuple[str, ...]) -> None:
        try:
            prepared = prepare(self.kit.workspace, path, overrides)
            folder = open_run(self.kit.workspace, prepared)
            if not folder.holder() and prepared.plan.jobs:
                background(self.kit.workspace, folder)
        except KitError as problem:
            said, _ = refused(problem, path, self.ink)
            self.bring(self.query_one("#plan", Static).update, said)
            return
        self.bring(self._launched, folder, bool(prepared.plan.jobs))

    def _launched(self, folder: RunFolder, works: bool) -> None:
        if self._chosen:
            self._look(self._chosen.path, self._words())
        if works:
            self.kit.show("run", folder)
        else:
            self.notify("everything is in the store already: here is the table")
            self.kit.show("table", folder)
