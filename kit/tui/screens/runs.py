"""Every run of this home: how it stands, when it was, what it takes; opened, or deleted when asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import DataTable, Input, Static

from kit.api import Status, delete_run, list_statuses
from kit.errors import KitError
from kit.report.units import human
from kit.schedule import RunFolder
from kit.store import size_of
from kit.tui.actions import Bindings, bindings
from kit.tui.marks import RUN_MARKS
from kit.tui.screens.page import Confirm, Page
from kit.tui.widgets.field import Field

_EMPTY = "No runs yet. Press 1 for the recipes, Enter starts one."


class Runs(Page):
    """The history."""

    place = "runs"
    BINDINGS: ClassVar[Bindings] = bindings("runs")

    def __init__(self) -> None:
        super().__init__()
        self._statuses: list[Status] = []
        self._sizes: dict[str, int] = {}
        self._marked: RunFolder | None = None

    def head(self) -> str:
        """How many, and what they take on disk."""
        many = len(self._statuses)
        return f"{many} run{'s' if many != 1 else ''}, {human(sum(self._sizes.values()))}" if many else ""

    def command(self) -> str:
        """Lists the runs."""
        return "xlt-kit runs"

    def body(self) -> ComposeResult:
        """A table, and a field to narrow it."""
        yield Field("search", "search")
        yield Static(id="empty")
        yield DataTable(id="runs", cursor_type="row", zebra_stripes=True)

    def begin(self) -> None:
        """Read the runs, and again every two seconds."""
        table: DataTable[Text] = self.query_one(DataTable)
        for name in ("run", "state", "jobs", "cells", "last change", "disk"):
            table.add_column(name, key=name)
        self.action_reload()
        self.set_interval(2.0, self.action_reload)
        table.focus()

    def on_screen_resume(self) -> None:
        """Look again when the page is shown."""
        self.action_reload()

    def action_reload(self) -> None:
        """Look again, away from the screen's own thread."""
        self._read()

    def action_search(self) -> None:
        """Show the search field."""
        self.query_one("#search", Field).open()

    def action_open(self) -> None:
        """Watch the run, or see its table."""
        if folder := self._chosen():
            self._open(folder)

    def action_compare(self) -> None:
        """Mark the run as A; on another one compare it with A, on A itself take the mark off."""
        folder = self._chosen()
        if folder is None:
            return
        marked = self._marked
        if marked is None or not marked.path.is_dir():
            self._marked = folder
            self.notify("press = on another run to compare it with this one", title=f"A: {folder.name}")
        else:
            self._marked = None
            if marked.name != folder.name:
                from kit.tui.screens.difference import DifferencePage  # a list of runs needs no statistics

                self.app.push_screen(DifferencePage(marked, folder))
        self._fill()

    def action_delete(self) -> None:
        """Ask, then delete the folder of a run that nobody works on."""
        folder = self._chosen()
        if folder is None:
            return
        if folder.holder():
            self.notify("it is at work: stop it first", severity="warning")
            return

        def answered(word: str | None) -> None:
            if word:
                self._delete(folder)

        words = f"Delete the folder of {folder.name}? Its finished cells stay in the store; its logs and tables go."
        self.app.push_screen(Confirm(words, "Delete it"), answered)

    @work(thread=True, exclusive=True, group="delete")
    def _delete(self, folder: RunFolder) -> None:
        try:
            delete_run(folder)
        except KitError as problem:
            self.bring(self.kit.tell, problem)
        self.bring(self.action_reload)

    @on(DataTable.RowSelected)
    def _picked(self) -> None:
        self.action_open()

    @on(Input.Changed, "#search")
    def _narrowed(self) -> None:
        self._fill()

    @on(Field.Left)
    def _searched(self) -> None:
        self.query_one(DataTable).focus()

    @work(thread=True, exclusive=True, group="read")
    def _read(self) -> None:
        statuses = list(reversed(list_statuses(self.kit.workspace)))
        sizes = {one.folder.name: size_of(one.folder.path) for one in statuses}
        self.bring(self._take, statuses, sizes)

    def _take(self, statuses: list[Status], sizes: dict[str, int]) -> None:
        self._statuses, self._sizes = statuses, sizes
        self.refresh_head()
        self._fill()

    def _fill(self) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        words = self.query_one("#search", Field).value.lower().split()
        chosen = self._chosen()
        table.clear()
        for one in self._statuses:
            if all(word in f"{one.folder.name} {one.stage}".lower() for word in words):
                size = self._sizes.get(one.folder.name, 0)
                marked = self._marked is not None and self._marked.name == one.folder.name
                table.add_row(*_row(one, size, self.ink, marked), key=one.folder.name)
        if chosen and chosen.name in table.rows:
            table.move_cursor(row=table.get_row_index(chosen.name))
        empty = self.query_one("#empty", Static)
        empty.update(_EMPTY)
        empty.set_class(bool(self._statuses), "hidden")
        table.set_class(not self._statuses, "hidden")

    def _chosen(self) -> RunFolder | None:
        table: DataTable[Text] = self.query_one(DataTable)
        if not table.row_count:
            return None
        name = table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value
        return next((one.folder for one in self._statuses if one.folder.name == name), None)

    def _open(self, folder: RunFolder) -> None:
        stage = next(one.stage for one in self._statuses if one.folder.name == folder.name)
        if stage == "done":
            self.kit.show("table", folder)
        else:
            self.kit.show("run", folder)


def _row(one: Status, size: int, ink: Callable[[str], str], marked: bool = False) -> tuple[Text, ...]:
    mark, style = RUN_MARKS[one.stage]
    state = one.state
    jobs = f"{sum(job.stage == 'done' for job in state.jobs)}/{len(state.jobs)}" if state else ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.updated)) if state else ""
    cells = str(state.wanted) if state else ""
    name = f"A = {one.folder.name}" if marked else one.folder.name
    words = (name, f"{mark} {one.stage}", jobs, cells, when, human(size))
    return tuple(
        Text(word, style=ink(style) if at == 1 else "bold" if at == 0 else "")
        for at, word in enumerate(words)
    )
