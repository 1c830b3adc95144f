"""Two runs side by side: likely causes first, then the cells with the largest differences, under each its flips."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.padding import Padding
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from kit.api import Side, compare_runs, flipped
from kit.errors import KitError
from kit.report.difference import (
    HEADS,
    SIGNS,
    cause_words,
    change_lines,
    figures,
    flip_lines,
    largest_first,
    names,
    notes,
    summary,
)
from kit.results.difference import CellDifference
from kit.results.likely import Compared
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.page import Page, Read

_STYLES = {
    "identical": "dim",
    "within noise": "",
    "beyond noise": "bold warning",
    "not comparable": "dim",
}
_CAUSES = 6
_FLIPS = 200


class DifferencePage(Page):
    """Opened from the list of runs."""

    place = "difference"
    BINDINGS: ClassVar[Bindings] = bindings("difference")

    def __init__(self, a: RunFolder, b: RunFolder) -> None:
        super().__init__()
        self._folders = a, b
        self._compared: Compared | None = None
        self._names: dict[int, str] = {}
        self._every = False

    def head(self) -> str:
        """That two runs are compared."""
        return "comparison"

    def command(self) -> str:
        """Prints the same comparison."""
        return (
            f"xlt-kit diff {self._folders[0].name} {self._folders[1].name}{' --all' if self._every else ''}"
        )

    def body(self) -> ComposeResult:
        """Which runs, the causes, the cells."""
        yield Static("comparing …", id="caption")
        with VerticalScroll(id="causes"):
            yield Static(id="likely")
        yield DataTable(id="cells", cursor_type="row", zebra_stripes=True)

    def begin(self) -> None:
        """Compare, away from the screen's own thread."""
        self.query_one(DataTable).focus()
        self._compare()

    def action_every(self) -> None:
        """List equal cells as well, or not."""
        self._every = not self._every
        self.refresh_command()
        self._fill()

    def action_more(self) -> None:
        """All that is recorded and differs, and what must be known of the figures."""
        if self._compared is None:
            return
        lines = notes(self._compared.difference)
        for section, changed in self._compared.changes.items():
            lines += ["", section, *(f"  {line}" for line in change_lines(changed))]
        self.app.push_screen(Read("What differs", "\n".join(lines)))

    def action_flips(self) -> None:
        """The questions of the chosen cell that flipped."""
        table: DataTable[Text] = self.query_one(DataTable)
        if self._compared is None or not table.row_count:
            return
        at = int(str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value))
        self._read_flips(self._names[at], self._compared.difference.cells[at])

    def action_leave(self) -> None:
        """Back to the runs."""
        self.app.pop_screen()

    @on(DataTable.RowSelected)
    def _picked(self) -> None:
        self.action_flips()

    def _sides(self) -> tuple[Side, Side]:
        a, b = self._folders
        return Side(self.kit.workspace, a), Side(self.kit.workspace, b)

    @work(thread=True, exclusive=True, group="compare")
    def _compare(self) -> None:
        try:
            self.bring(self._take, compare_runs(*self._sides()))
        except KitError as problem:
            self.bring(self._failed, problem)

    @work(thread=True, exclusive=True, group="flips")
    def _read_flips(self, name: str, cell: CellDifference) -> None:
        try:
            shown = flipped(*self._sides(), cell)
        except KitError as problem:
            self.bring(self.kit.tell, problem)
            return
        lines = flip_lines(name, cell, shown[:_FLIPS])
        self.bring(self.app.push_screen, Read("Flips: A, then B", "\n".join(lines)))

    def _failed(self, problem: KitError) -> None:
        remedy = f"\n{problem.remedy}" if problem.remedy else ""
        self.query_one("#caption", Static).update(Text(f"no comparison: {problem.message}{remedy}"))

    def _take(self, compared: Compared) -> None:
        self._compared, self._names = compared, names(compared.difference)
        words = Text(f"A {compared.a}\nB {compared.b}\n", "bold").append(
            summary(compared.difference), "not bold"
        )
        self.query_one("#caption", Static).update(words)
        self.query_one("#likely", Static).update(self._causes(compared))
        self._fill()

    def _causes(self, compared: Compared) -> Group | Text:
        if not compared.causes:
            return Text("no cell differs: there is nothing to explain", "dim")
        lines = [
            Padding(Text(f"{at}. {cause_words(cause)}", "bold" if at == 1 else ""), (0, 0, 0, 2))
            for at, cause in enumerate(compared.causes[:_CAUSES], 1)
        ]
        return Group(
            Text("likely causes, the likeliest first; Enter on a cell lists what flipped in it", "dim"),
            *lines,
        )

    def _fill(self) -> None:
        if self._compared is None:
            return
        found = self._compared.difference
        order = largest_first(found)
        if self._every:
            order += [at for at in range(len(found.cells)) if at not in order]
        rows = [self._row(at, found.cells[at]) for at in order]
        table: DataTable[Text] = self.query_one(DataTable)
        table.clear(columns=True)
        for column, name in enumerate(("cell", *HEADS)):
            # Told its width, a table need not be painted again once it has measured its rows.
            table.add_column(name, width=max((len(name), *(row[column].cell_len for row in rows))), key=name)
        for at, row in zip(order, rows, strict=True):
            table.add_row(*row, key=str(at))

    def _row(self, at: int, cell: CellDifference) -> tuple[Text, ...]:
        style = self.ink(_STYLES[cell.standing])
        told = figures(cell, cell.metrics[0]) if cell.metrics else ("",) * len(HEADS)
        name = Text(f"{SIGNS[cell.standing]} {self._names[at]}", style)
        return name, *(Text(word, style if column == 3 else "") for column, word in enumerate(told))
