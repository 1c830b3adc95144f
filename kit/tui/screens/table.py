"""The transfer table of a run as a heat map, filled while it is computed; every cell opens its examples."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import get_current_worker

from kit.api import export_tables, language_groups, results
from kit.catalog import Catalog
from kit.errors import KitError
from kit.report.text import VALUES, Values, caption, legend, title
from kit.report.units import duration
from kit.results import METRICS, Results, TransferTable, transfer_table
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.following import Watch
from kit.tui.heat import column_order, heat_of
from kit.tui.screens.examples import ExamplesPage
from kit.tui.screens.page import Page
from kit.tui.widgets.heatmap import HeatMap

_SHOWN = ("f1", "em", "mlqa_f1", "aware_f1", "aware_em", "overran", "answer_words", "p_stop")
_ORDERS = ("", "script", "family")
_SECONDS = 2.0


class TablePage(Page):
    """A table a model, prompt and task; `[` and `]` go from one to the next."""

    place = "table"
    also = ("table-more",)
    BINDINGS: ClassVar[Bindings] = [
        *bindings("table"),
        *bindings("table-more"),
    ]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder
        self._watch = Watch(folder)
        self._found: Results | None = None
        self._tables: list[TransferTable] = []
        self._at = 0
        self._metric, self._values, self._order = "f1", "delta", ""
        self._sorted: int | None = None
        self._transposed = self._hidden = False
        self._seen: tuple[object, ...] = ()

    def head(self) -> str:
        """The run's name."""
        return self.folder.name

    def body(self) -> ComposeResult:
        """What is shown at the top, the map, what the cursor's cell says."""
        yield Static("reading …", id="caption")
        yield HeatMap(self.kit.scale, id="heat")
        yield Static(id="detail")

    def begin(self) -> None:
        """Read now, and again while the run goes on."""
        remembered = self.kit.remembered
        metric, values = remembered.get("metric", "f1"), remembered.get("values", "delta")
        self._metric = metric if metric in METRICS else "f1"
        self._values = values if values in VALUES else "delta"
        self.query_one(HeatMap).focus()
        self._read()
        self.set_interval(_SECONDS, self._again)

    def action_metric(self, step: int) -> None:
        """The next metric."""
        at = _SHOWN.index(self._metric) if self._metric in _SHOWN else 0
        self._metric = _SHOWN[(at + step) % len(_SHOWN)]
        self.kit.remembered.put("metric", self._metric)
        self._compute()

    def action_values(self) -> None:
        """Difference, base, tuned, ratio."""
        self._values = VALUES[(VALUES.index(self._shown_values()) + 1) % len(VALUES)]
        self.kit.remembered.put("values", self._values)
        self._draw()

    def action_sort(self) -> None:
        """By the column of the cursor, or as in the recipe."""
        column = self.query_one(HeatMap).column
        self._sorted = None if self._sorted == column else column
        self._draw()

    def action_transpose(self) -> None:
        """Swap rows and columns."""
        self._transposed, self._sorted = not self._transposed, None
        self._draw()

    def action_group(self) -> None:
        """Columns by script, by family, as they are."""
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self._draw()

    def action_hide(self) -> None:
        """Hide what is not sure."""
        self._hidden = not self._hidden
        self._draw()

    def action_turn(self, step: int) -> None:
        """The next table of the run."""
        if self._tables:
            self._at = (self._at + step) % len(self._tables)
            self._draw()

    def action_live(self) -> None:
        """Back to the run."""
        self.kit.show("run", self.folder)

    def action_open_cell(self) -> None:
        """The examples under the cursor."""
        self.query_one(HeatMap).action_open_cell()

    def action_export(self) -> None:
        """Write the tables into the run's folder."""
        self._export()

    @on(HeatMap.Moved)
    def _moved(self, event: HeatMap.Moved) -> None:
        self.query_one("#detail", Static).update(Text(f" {event.cell.detail}"))

    @on(HeatMap.Opened)
    def _opened(self, event: HeatMap.Opened) -> None:
        if self._found is None or not self._tables:
            return
        table = self._tables[self._at]
        cell = table.rows[event.cell.row].cells[event.cell.column]
        if not cell.base_keys and not cell.keys:
            self.notify("this cell is not finished yet")
            return
        self.app.push_screen(ExamplesPage(self._found, table, event.cell.row, event.cell.column))

    def _again(self) -> None:
        if self._watch.alive or self._found is None or not self._found.cells:
            self._watch.look()
            cells = sum(1 for cell in self.folder.wanted().cells if self.kit.workspace.store().cell(cell.key))
            shape = (self._watch.status.stage, cells)
            if shape != self._seen:
                self._seen = shape
                self._read()
            else:
                self._draw_caption()

    @work(thread=True, exclusive=True, group="read")
    def _read(self) -> None:
        worker = get_current_worker()
        try:
            self._watch.look()
            found = results(self.kit.workspace, self.folder)
            tables = transfer_table(found, self._metric)
        except KitError as problem:
            self.bring(self.kit.tell, problem)
            return
        if not worker.is_cancelled:
            self.bring(self._take, found, tables)

    @work(thread=True, exclusive=True, group="compute")
    def _compute(self) -> None:
        worker = get_current_worker()
        if self._found is None:
            return
        tables = transfer_table(self._found, self._metric)
        if not worker.is_cancelled:
            self.bring(self._take, self._found, tables)

    def _take(self, found: Results, tables: list[TransferTable]) -> None:
        self._found, self._tables = found, tables
        self._at = min(self._at, max(0, len(tables) - 1))
        self._draw()

    @work(thread=True, exclusive=True, group="export")
    def _export(self) -> None:
        if self._found is None:
            return
        try:
            paths = export_tables(self._found, self.folder)
            picture = self.folder.tables / f"heat-{self._metric}-{self._values}.svg"
            self.folder.tables.mkdir(exist_ok=True)
            self.bring(self.app.save_screenshot, picture.name, str(picture.parent))
        except KitError as problem:
            self.bring(self.kit.tell, problem)
            return
        self.bring(self._exported, len(paths) + 1)

    def _exported(self, files: int) -> None:
        self.notify(f"{files} files in {self.folder.tables}", title="written")

    def _shown_values(self) -> Values:
        return next(v for v in VALUES if v == self._values)

    def _draw(self) -> None:
        self._draw_caption()
        if not self._tables:
            return
        table = self._tables[self._at]
        heat = heat_of(table, self._shown_values())
        if self._order:
            ways = language_groups(Catalog.load(), [self._order])[self._order]
            heat = heat.in_order(column_order(table, ways))
        if self._hidden:
            heat = heat.without_unsure()
        if self._transposed:
            heat = heat.transposed()
        if self._sorted is not None and self._sorted < len(heat.columns):
            heat = heat.sorted_by(self._sorted)
        self.query_one(HeatMap).show(heat)

    def _draw_caption(self) -> None:
        text = Text()
        watch = self._watch
        if self._tables:
            table = self._tables[self._at]
            text.append(f" {title(table)}", style="bold")
            if len(self._tables) > 1:
                text.append(f"   table {self._at + 1} of {len(self._tables)} ([ and ])", style="dim")
            names = {"delta": "tuned − base", "base": "base", "tuned": "tuned", "ratio": "tuned / base"}
            marks = [f"shows {names[self._shown_values()]}"]
            marks += [f"columns by {self._order}"] if self._order else []
            marks += ["unsure hidden"] if self._hidden else []
            marks += ["sorted"] if self._sorted is not None else []
            text.append(f"\n {', '.join(marks)}", style="dim")
            text.append(f"; {caption(table, self._shown_values())[1]}", style="dim")
            notes = [
                line for line in legend(table, self._shown_values()) if line[:2] in ("* ", "° ", "~ ", "† ")
            ]
            text.append("\n " + "   ".join(notes), style="dim")
        else:
            text.append(" no finished cells yet", style="bold")
        if watch.alive:
            left = watch.progress.seconds_left
            more = f", about {duration(left)} left" if left is not None else ""
            text.append(
                f"\n filling: {watch.progress.share:.0%}{more}",
                style="bold green",
            )
        self.query_one("#caption", Static).update(text)
