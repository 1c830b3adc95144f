"""What a lens saw in a run: a heat map of layers and classes of tokens; below it interchanges and windows."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from kit.api import results
from kit.report.heat import NOTHING
from kit.report.interchange import swap_words
from kit.report.lens import lens_title
from kit.report.lens_heat import lens_detail, lens_heat
from kit.report.windows import window_words
from kit.results import LensTable, lens_tables, swap_tables, window_tables
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.following import FollowingPage
from kit.tui.widgets.heatmap import MOVES, HeatMap

_NONE = " no finished lens cells: a recipe with `lens` among its tasks has them"


class LayerMap(HeatMap, inherit_bindings=False):
    """A heat map whose cells open nothing."""

    BINDINGS: ClassVar[Bindings] = [*MOVES, *bindings("lens")]


class LensPage(FollowingPage):
    """A table an evaluation set and variant of the lens; `[` and `]` go from one to the next, `r` through its rows."""

    place = "lens"
    BINDINGS: ClassVar[Bindings] = bindings("lens")

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder)
        self._tables: list[LensTable] = []
        self._at = self._row = 0
        self._change = True

    def command(self) -> str:
        """Prints the same."""
        if not self._tables:
            return f"xlt-kit lens {self.folder.name}"
        table = self._tables[self._at]
        row = table.rows[self._row].subject.name
        return (
            f"xlt-kit lens {self.folder.name} --language {table.column.name} --task {table.task} --row {row}"
        )

    def body(self) -> ComposeResult:
        """What is shown at the top, the map, what the cursor's cell says, interchanges and windows."""
        yield Static("reading …", id="caption")
        yield LayerMap(self.kit.scale, id="heat")
        yield Static(id="detail")
        with VerticalScroll(id="swaps", classes="hidden"):
            yield Static(id="swapped")

    def begin(self) -> None:
        """Read now, and again while the run goes on."""
        self.refresh_command()
        self.query_one(LayerMap).focus()
        self.follow()

    def action_turn(self, step: int) -> None:
        """The next evaluation set or variant."""
        if self._tables:
            self._at = (self._at + step) % len(self._tables)
            self._draw()

    def action_row(self) -> None:
        """The next row: the base, then what was tuned."""
        if self._tables:
            self._row = (self._row + 1) % len(self._tables[self._at].rows)
            self._draw()

    def action_values(self) -> None:
        """Probability, or its change against the base."""
        self._change = not self._change
        self._draw()

    @on(HeatMap.Moved)
    def _moved(self, event: HeatMap.Moved) -> None:
        if self._tables:
            words = lens_detail(self._tables[self._at], self._row, event.cell)
            self.query_one("#detail", Static).update(Text(f" {words}"))

    def read(self) -> None:
        """Lenses, interchanges, windows of layers."""
        found = results(self.kit.workspace, self.folder)
        below = [line for table in swap_tables(found) for line in swap_words(table)]
        below += [line for table in window_tables(found) for line in window_words(table)]
        self.bring(self._take, lens_tables(found), below)

    def _take(self, tables: list[LensTable], below: list[str]) -> None:
        first = not self._tables
        self._tables = tables
        self._at = min(self._at, max(0, len(tables) - 1))
        if first and tables:
            self._row = min(1, len(tables[0].rows) - 1)  # what tuning changed is what one comes for
        self.query_one("#swapped", Static).update(Text("\n".join(below)))
        self.query_one("#swaps").set_class(not below, "hidden")
        self.query_one("#swaps").set_class(not tables, "alone")
        self.query_one(LayerMap).set_class(not tables, "hidden")
        self.query_one("#detail").set_class(not tables, "hidden")
        self._draw()

    def _draw(self) -> None:
        caption = self.query_one("#caption", Static)
        if not self._tables:
            caption.update(Text(_NONE))
            self.query_one(LayerMap).show(NOTHING)
            return
        table = self._tables[self._at]
        self._row = min(self._row, len(table.rows) - 1)
        row = table.rows[self._row]
        change = self._change and row.change is not None
        text = Text(no_wrap=True, overflow="ellipsis").append(f" {lens_title(table)}", style="bold")
        if len(self._tables) > 1:
            text.append(f"   {self._at + 1} of {len(self._tables)} ([ and ])", style="dim")
        shown = "change against the base, in points" if change else "probability, in percent"
        place = f"row {self._row + 1} of {len(table.rows)} (r)"
        text.append(f"\n {row.subject.name}: ").append(shown, style="bold")
        text.append(f"   {place}; the last layer is the output; ° the language's own", style="dim")
        caption.update(text)
        self.query_one(LayerMap).show(lens_heat(table, self._row, change))
        self.refresh_command()
