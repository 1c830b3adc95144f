"""The examples under one cell: what was asked, what the base said, what the tuned models say now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from kit.api.workspace import Workspace
from kit.data.example import Example, read_slice
from kit.jobdir import atomic_write
from kit.report.examples import (
    CHANGES,
    FILTERS,
    Answer,
    Shown,
    after_first_line,
    clean,
    differing,
    examples_under,
    marked,
)
from kit.report.examples_html import as_html
from kit.results import Results, TransferTable
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.page import Page

_MARKS = {"right": "✓", "wrong": "·", "turned-right": "▲", "turned-wrong": "▼"}
_STYLES = {"right": "success", "wrong": "dim", "turned-right": "bold success", "turned-wrong": "bold error"}
_MOST = 2000
_REST = 600
Ink = Callable[[str], str]


class ExamplesPage(Page):
    """Opened from a cell of the table."""

    place = "examples"
    BINDINGS: ClassVar[Bindings] = bindings("examples")

    def __init__(self, found: Results, table: TransferTable, row: int, column: int) -> None:
        super().__init__()
        cell = table.rows[row].cells[column]
        tuned = [one for key in cell.keys if (one := found.find(key))]
        bases = [one for key in cell.base_keys or cell.keys if (one := found.find(key))]
        self._is_base = table.rows[row].subject.is_base
        self._base, self._tuned = bases[0], [] if self._is_base else tuned
        self._cell_name = f"{table.rows[row].subject.trained_on or 'base'} → {table.columns[column].name}"
        self._cell_words = f"{table.rows[row].subject.trained_on or 'base'}:{table.columns[column].name}"
        self._language = table.columns[column].language
        self._keep = "all"
        self._items: dict[str, Shown] = {}

    def head(self) -> str:
        """The cell's name, and whether its tuned models are still to come."""
        return (
            self._cell_name if self._tuned or self._is_base else f"{self._cell_name}: the base alone so far"
        )

    def command(self) -> str:
        """Lists the same examples."""
        keep = f" --filter {self._keep}" if self._keep != "all" else ""
        run = self.kit.run_shown.name if self.kit.run_shown else "last"
        return f"xlt-kit show {run} --cell {self._cell_words}{keep}"

    def body(self) -> ComposeResult:
        """A list of items at the left, the chosen one at the right."""
        with Horizontal():
            yield OptionList(id="items")
            with VerticalScroll(id="item", can_focus=True):
                yield Static(id="text")

    def begin(self) -> None:
        """Fill the list."""
        self._fill()
        self.query_one("#items").focus()

    def action_keep(self, step: int) -> None:
        """The next filter."""
        self._keep = FILTERS[(FILTERS.index(self._keep) + step) % len(FILTERS)]
        self.refresh_command()
        self._fill()

    def action_leave(self) -> None:
        """Back to the table."""
        self.app.pop_screen()

    def action_html(self) -> None:
        """Write a page that a browser draws rightly, whatever the script."""
        folder = self.kit.workspace.home / "pages"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._base.key[:24]}-{self._language}-{self._keep}.html"
        atomic_write(path, as_html(self._cell_name, list(self._items.values())))
        self.app.copy_to_clipboard(str(path))
        self.app.open_url(path.as_uri())
        self.notify(str(path), title="written (its path is copied)", timeout=8)

    @on(OptionList.OptionHighlighted, "#items")
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id in self._items:
            self.query_one("#text", Static).update(_drawn(self._items[event.option_id], self.ink))
            self.query_one("#item").scroll_home(animate=False)

    @on(OptionList.OptionSelected, "#items")
    def _picked(self) -> None:
        self.query_one("#item").focus()

    def _fill(self) -> None:
        gold = _gold(self.kit.workspace, self._base.data, self._language)
        shown = list(examples_under(self._base, self._tuned or None, gold, self._keep))
        self._items = {item.id: item for item in shown[:_MOST]}
        options = self.query_one("#items", OptionList)
        options.clear_options()
        for item in self._items.values():
            change = item.changes[0]
            options.add_option(
                Option(Text(f"{_MARKS[change]} {item.id[-24:]}", style=self.ink(_STYLES[change])), id=item.id)
            )
        options.border_title = f"{len(shown)} {self._keep.replace('-', ' ')}"
        options.border_subtitle = "f filters"
        if self._items:
            options.highlighted = 0
        else:
            self.query_one("#text", Static).update("No example is like that; f goes on to the next filter.")


def _gold(workspace: Workspace, data: str, language: str) -> dict[str, Example]:
    path: Path = workspace.store().slice_path(data)
    return {example.id: example for example in read_slice(path, language)} if path.exists() else {}


def _drawn(item: Shown, ink: Ink) -> Text:
    """Whatever comes from the data stands alone on its line, nothing at its right."""
    text = Text()
    for change in dict.fromkeys(item.changes):
        text.append(f"{_MARKS[change]} {CHANGES[change]}  ", style=ink(_STYLES[change]))
    text.append("\n\n")
    if item.example is not None:
        before, _, rest = clean(marked(item.example)).partition("⟦")
        gold, _, after = rest.partition("⟧")
        text.append("context\n", style="dim").append(before).append(gold, style="bold reverse").append(after)
        text.append("\n\nquestion\n", style="dim").append(clean(item.example.question), style="bold")
        text.append("\n\ngold\n", style="dim")
        text.append("\n".join(map(clean, item.example.answers)), style=ink("bold success"))
    text.append("\n\n")
    _add_answer(text, "base", item.base, None, ink)
    for answer in item.tuned:
        seed = f", seed {answer.seed}" if answer.seed is not None else ""
        _add_answer(text, f"tuned{seed}", answer, item.base, ink)
    return text


def _add_answer(text: Text, name: str, answer: Answer, against: Answer | None, ink: Ink) -> None:
    mark, style = ("✓", "success") if answer.right else ("✗", "error")
    notes = "; ".join(filter(None, (answer.verdict, answer.ending)))
    text.append(f"{mark} {name}", style=ink(style)).append(f"   {notes}\n", style="dim")
    for piece, new in differing(clean(against.answer if against else answer.answer), clean(answer.answer)):
        text.append(piece, style="bold underline" if new else "")
    text.append("\n" if answer.answer.strip() else "(nothing)\n", style="dim")
    if rest := after_first_line(answer):
        text.append("and after the first line\n", style="dim").append(rest[:_REST], style="italic").append(
            "\n"
        )
    text.append("\n")
