"""All recipes of a folder: what each answers, what it needs and what is there, changed for one start, started."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.syntax import Syntax
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from kit.api import Prepared, background, open_run, prepare
from kit.errors import KitError, MissingInputError, RecipeErrors
from kit.manifest import hardware
from kit.recipe import RecipeHead, find_recipes
from kit.report.units import duration
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.page import Page
from kit.tui.widgets.field import Field

_EMPTY = """No recipes here yet.

A recipe is a YAML file that says what to tune and what to evaluate. The kit brings some in the folder recipes/ of
its checkout: start xlt-kit there, or name a folder: xlt-kit tui --recipes DIR
"""


class Recipes(Page):
    """The first page."""

    place = "recipes"
    BINDINGS: ClassVar[Bindings] = bindings("recipes")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._heads: list[RecipeHead] = []
        self._chosen: RecipeHead | None = None
        self._overrides: dict[Path, str] = {}

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
                yield Static(id="command")
                yield Static(id="yaml")

    def begin(self) -> None:
        """Read the folder."""
        self.action_reload()
        self.query_one("#list").focus()

    def on_screen_resume(self) -> None:
        """What is stored may have changed meanwhile."""
        if self._chosen:
            self._look(self._chosen.path, self._words())

    def action_reload(self) -> None:
        """Read the recipes from disk again."""
        self._heads = find_recipes(self.folder) if self.folder.is_dir() else []
        self._fill("")

    def action_search(self) -> None:
        """Show the search field."""
        self.query_one("#search", Field).open()

    def action_override(self) -> None:
        """Show the field for overrides."""
        self.query_one("#override", Field).open()

    def action_copy_command(self) -> None:
        """Copy the command line that does the same."""
        if self._chosen:
            self.app.copy_to_clipboard(self._command())
            self.notify(self._command(), title="copied")

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
            options.add_option(Option(Text(head.name), id=str(head.path)))
        if shown:
            wanted = self.kit.remembered.get("recipe", "")
            places = [str(head.path) for head in shown]
            first = next((str(head.path) for head in shown if head.name == "smoke"), places[0])
            options.highlighted = options.get_option_index(wanted if wanted in places else first)
        else:
            self._choose(None)

    def _choose(self, head: RecipeHead | None) -> None:
        self._chosen = head
        for name in ("#what", "#plan", "#command", "#yaml"):
            self.query_one(name, Static).update("")
        if head is None:
            empty = "Nothing here contains these words." if self._heads else _EMPTY
            self.query_one("#what", Static).update(empty)
            return
        self.kit.remembered.put("recipe", str(head.path))
        self.query_one("#what", Static).update(_what(head))
        words = self._overrides.get(head.path, "")
        self.query_one("#override", Field).put(words, shown=bool(words))
        self._show_yaml(head.path, ())
        self._look(head.path, self._words())

    def _words(self) -> tuple[str, ...]:
        text = self._overrides.get(self._chosen.path, "") if self._chosen else ""
        try:
            return tuple(shlex.split(text))
        except ValueError:
            return tuple(text.split())

    def _command(self) -> str:
        assert self._chosen is not None
        path = self._chosen.path
        near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        words = ["xlt-kit", "run", str(near), *(w for text in self._words() for w in ("--set", text))]
        return shlex.join(words)

    def _show_yaml(self, path: Path, lines: tuple[int, ...]) -> None:
        try:
            text = path.read_text("utf-8", "replace")
        except OSError as problem:
            text = f"# {problem}"
        theme = "ansi_dark" if self.app.current_theme.dark else "ansi_light"
        syntax = Syntax(
            text, "yaml", theme=theme, line_numbers=True, highlight_lines=set(lines), word_wrap=True
        )
        self.query_one("#yaml", Static).update(syntax)

    @work(thread=True, exclusive=True, group="look")
    def _look(self, path: Path, overrides: tuple[str, ...]) -> None:
        worker = get_current_worker()
        lines: tuple[int, ...] = ()
        try:
            # What is not here is not fetched for a look.
            prepared = prepare(replace(self.kit.workspace, offline=True), path, overrides, fetch=False)
            said = _planned(prepared)
        except KitError as problem:
            said, lines = _refused(problem, path)
        if not worker.is_cancelled:
            self.bring(self._looked, path, said, lines)

    def _looked(self, path: Path, said: Text, lines: tuple[int, ...]) -> None:
        if self._chosen and self._chosen.path == path:
            self.query_one("#plan", Static).update(said)
            self.query_one("#command", Static).update(Text(f"\n$ {self._command()}\n", style="bold"))
            if lines:
                self._show_yaml(path, lines)

    @work(thread=True, exclusive=True, group="launch")
    def _launch(self, path: Path, overrides: tuple[str, ...]) -> None:
        try:
            prepared = prepare(self.kit.workspace, path, overrides)
            folder = open_run(self.kit.workspace, prepared)
            if not folder.holder() and prepared.plan.jobs:
                background(self.kit.workspace, folder)
        except KitError as problem:
            said, _ = _refused(problem, path)
            self.bring(self.query_one("#plan", Static).update, said)
            return
        self.bring(self._launched, folder, bool(prepared.plan.jobs))

    def _launched(self, folder: RunFolder, works: bool) -> None:
        if self._chosen:
            self._look(self._chosen.path, self._words())
        if works:
            self.kit.show_run(folder)
        else:
            self.notify("everything is in the store already: here is the table")
            self.kit.show_table(folder)


def _what(head: RecipeHead) -> Text:
    text = Text().append(f"{head.name}\n", style="bold")
    text.append(f"{head.title}\n\n" if head.title else "\n", style="")
    machine = hardware()
    text.append("needs    ", style="dim").append(f"{head.needs or 'not said'}\n")
    text.append("here     ", style="dim")
    text.append(f"{machine['processors']} processors, {machine['memory_gb']:.0f} GB memory\n")
    return text


def _planned(prepared: Prepared) -> Text:
    plan = prepared.plan
    total = len({cell.key for cell in plan.demand.wanted.cells})
    text = (
        Text().append("cells    ", style="dim").append(f"{total}, of which {plan.stored} are in the store\n")
    )
    if not plan.jobs:
        return text.append("\n✓ everything is there: Enter shows the table\n", style="bold")
    seconds, disk = sum(job.cost.seconds for job in plan.jobs), sum(job.cost.disk_gb for job in plan.jobs)
    memory = max(job.cost.memory_gb for job in plan.jobs)
    enough = memory <= float(hardware()["memory_gb"])
    text.append("to run   ", style="dim").append(
        f"{len(plan.jobs)} jobs, about {duration(seconds)} on one slot\n"
    )
    text.append("takes    ", style="dim").append(f"{memory:.1f} GB memory a job, {disk:.2f} GB disk")
    text.append("\n" if enough else "  more than this machine has\n", style="" if enough else "bold red")
    for job in plan.jobs[:6]:
        text.append(f"         {job.title}\n", style="dim")
    if len(plan.jobs) > 6:
        text.append(f"         and {len(plan.jobs) - 6} more\n", style="dim")
    return text.append("\nEnter starts it in the background\n", style="bold")


def _refused(problem: KitError, path: Path) -> tuple[Text, tuple[int, ...]]:
    """What is wrong, and the lines of the recipe's own file that are."""
    faults = problem.errors if isinstance(problem, RecipeErrors) else (problem,)
    text, lines = Text(), []
    fetched = isinstance(problem, MissingInputError)
    for fault in faults:
        place = f"line {fault.where.line}: " if fault.where and fault.where.line else ""
        text.append(
            f"{'…' if fetched else '✗'} {place}{fault.message}\n", style="yellow" if fetched else "bold red"
        )
        if fault.remedy:
            text.append(f"  → {fault.remedy}\n", style="dim")
        if fault.where and fault.where.line and Path(fault.where.path).name == path.name:
            lines.append(fault.where.line)
    if fetched:
        text.append("\nEnter fetches what is missing and starts it\n", style="bold")
    return text, tuple(lines)
