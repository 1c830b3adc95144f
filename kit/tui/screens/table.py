"""The transfer table of a run as a heat map, filled while it is computed; every cell opens its examples."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Static
from textual.worker import get_current_worker

from kit.api import export_tables, headlines, language_groups, results
from kit.catalog import Catalog
from kit.errors import KitError
from kit.report.heat import NOTHING, Heat, detail_of, grouped, heat_of, signs_of
from kit.report.text import VALUES, Values, caption, legend, title
from kit.report.units import duration
from kit.results import METRICS, Results, TransferTable, transfer_table
from kit.results.types import of_task
from kit.schedule import RunFolder
from kit.tui.actions import Bindings, bindings
from kit.tui.screens.examples import ExamplesPage
from kit.tui.screens.following import FollowingPage
from kit.tui.widgets.heatmap import HeatMap

_SHOWN = (
    "f1", "em", "mlqa_f1", "mlqa_em", "aware_f1", "aware_em",
    "overran", "contains_gold", "answer_words", "raw_words", "at_limit", "p_stop", "gold_logprob",
    "f1_span", "lost_over", "lost_lead", "f1_foil", "known", "known_share", "p_stop_own", "span_first", "span_f1",
    "acc", "acc_norm", "acc_bytes", "choice_share",
)  # fmt: skip
_ORDERS = (("", False), ("script", False), ("script", True), ("family", False), ("family", True))
"""What columns are grouped by, and whether the means of the groups stand in their place."""
_NAMES = {"delta": "tuned − base", "base": "base", "tuned": "tuned", "ratio": "tuned / base"}
_LEGEND_FROM, _LEGEND_BY_LINES_FROM = 30, 40
"""Lines of a terminal from which on the marks are explained above the table, and each on a line of its own."""


class TablePage(FollowingPage):
    """A table a model, prompt and task; `[` and `]` go from one to the next."""

    place = "table"
    also = ("table-more",)
    BINDINGS: ClassVar[Bindings] = [
        *bindings("table"),
        *bindings("table-more"),
    ]

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder)
        self._found: Results | None = None
        self._tables: list[TransferTable] = []
        self._at = 0
        self._metric, self._values, self._order = "f1", "delta", 0
        self._sorted: str | None = None
        self._transposed = self._hidden = self._intervals = False

    def command(self) -> str:
        """Prints the same table."""
        way, means = _ORDERS[self._order]
        group = f" --group {way}" if means else ""
        return f"xlt-kit table {self.folder.name} --metric {self._metric} --values {self._values}{group}"

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
        self._intervals = remembered.get("intervals", "") == "yes"
        self.refresh_command()
        self.query_one(HeatMap).focus()
        self.follow()

    def action_metric(self, step: int) -> None:
        """The next metric."""
        there = self._metrics()
        at = there.index(self._metric) if self._metric in there else 0
        self._metric = there[(at + step) % len(there)]
        self.kit.remembered.put("metric", self._metric)
        self.refresh_command()
        self._compute()

    def _has(self, found: Results, metric: str) -> bool:
        """Whether the run asks for cells of that metric's task; of others it has no table."""
        return any(of_task(cell.at, METRICS[metric].task) for cell in found.wanted.cells)

    def _metrics(self) -> list[str]:
        """Those that some cell of the run has."""
        cells = self._found.cells if self._found else ()
        return [name for name in _SHOWN if any(name in cell.metrics for cell in cells)] or [_SHOWN[0]]

    def action_values(self) -> None:
        """Difference, base, tuned, ratio."""
        self._values = VALUES[(VALUES.index(self._shown_values()) + 1) % len(VALUES)]
        self.kit.remembered.put("values", self._values)
        self.refresh_command()
        self._draw()

    def action_intervals(self) -> None:
        """Beside each figure its interval, or not."""
        self._intervals = not self._intervals
        self.kit.remembered.put("intervals", "yes" if self._intervals else "")
        self._draw()

    def action_sort(self) -> None:
        """By the column of the cursor, or as in the recipe."""
        heat = self.query_one(HeatMap)
        if heat.heat.columns:
            self._sort_by(heat.heat.columns[heat.column])

    def _sort_by(self, column: str) -> None:
        self._sorted = None if self._sorted == column else column
        self._draw()

    @on(HeatMap.HeadChosen)
    def _head_chosen(self, event: HeatMap.HeadChosen) -> None:
        self._sort_by(event.column)

    def action_transpose(self) -> None:
        """Swap rows and columns."""
        self._transposed, self._sorted = not self._transposed, None
        self._draw()

    def action_group(self) -> None:
        """Columns by script, the means of scripts, by family, their means, as they are."""
        means = _ORDERS[self._order][1]
        self._order = (self._order + 1) % len(_ORDERS)
        self.refresh_command()
        if means or _ORDERS[self._order][1]:
            self._compute()
        else:
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
        if self._tables:
            detail = detail_of(self._tables[self._at], event.cell)
            self.query_one("#detail", Static).update(Text(f" {detail}"))

    @on(HeatMap.Opened)
    def _opened(self, event: HeatMap.Opened) -> None:
        if self._found is None or not self._tables:
            return
        if not event.cell.opens:
            self.notify("a mean has no examples of its own: b shows its columns")
            return
        table = self._tables[self._at]
        cell = table.rows[event.cell.row].cells[event.cell.column]
        if not cell.base_keys and not cell.keys:
            self.notify("this cell is not finished yet")
            return
        self.app.push_screen(ExamplesPage(self._found, table, event.cell.row, event.cell.column))

    def read(self) -> None:
        """Results, and the tables made of them."""
        found = results(self.kit.workspace, self.folder)
        if not self._has(found, self._metric):
            self._metric = headlines(found)[0]
            self.bring(self.refresh_command)
        self.bring(self._take, found, self._made(found))

    def unchanged(self) -> None:
        """How far the run is."""
        self._draw_caption()

    @work(thread=True, exclusive=True, group="compute")
    def _compute(self) -> None:
        worker = get_current_worker()
        if self._found is None:
            return
        tables = self._made(self._found)
        if not worker.is_cancelled:
            self.bring(self._take, self._found, tables)

    def _made(self, found: Results) -> list[TransferTable]:
        """In a thread: the tables, with means over groups where they are looked at."""
        way, means = _ORDERS[self._order]
        return transfer_table(
            found, self._metric, groups=language_groups(Catalog.load(), [way]) if means else None
        )

    def _take(self, found: Results, tables: list[TransferTable]) -> None:
        self._found, self._tables = found, tables
        self._at = min(self._at, max(0, len(tables) - 1))
        self._draw()

    @work(thread=True, exclusive=True, group="export")
    def _export(self) -> None:
        if self._found is None:
            return
        try:
            paths = export_tables(self._found, self.folder, self._metric, self._shown_values())
        except KitError as problem:
            self.bring(self.kit.tell, problem)
            return
        self.bring(self._exported, len(paths))

    def _exported(self, files: int) -> None:
        self.notify(
            f"{files} files in {self.folder.tables}", title="written as CSV, Markdown, LaTeX, SVG, JSON"
        )

    def _shown_values(self) -> Values:
        return next(v for v in VALUES if v == self._values)

    def _draw(self) -> None:
        self._draw_caption()
        self.query_one(HeatMap).show(self._heat(self._tables[self._at]) if self._tables else NOTHING)

    def _heat(self, table: TransferTable) -> Heat:
        """The table as it is to be seen."""
        way, means = _ORDERS[self._order]
        heat = heat_of(table, self._shown_values(), means)
        if not means and (state := self.watch_.status.state):
            heat = heat.with_signs(
                signs_of(table, {key: job.stage for job in state.jobs for key in job.keys})
            )
        if way and not means:
            heat = grouped(table, heat, language_groups(Catalog.load(), [way])[way])
        if self._hidden:
            heat = heat.without_unsure()
        if not self._intervals:
            heat = heat.without_intervals()
        if self._transposed:
            heat = heat.transposed()
        return heat.sorted_by(self._sorted) if self._sorted else heat

    def _draw_caption(self) -> None:
        """A line on what is shown, one on its counts; with room to spare the marks. No line is folded."""
        text = Text(no_wrap=True, overflow="ellipsis")
        if self._tables:
            table = self._tables[self._at]
            text.append(f" {title(table)}", style="bold").append_text(self._filling())
            if len(self._tables) > 1:
                text.append(f"   table {self._at + 1} of {len(self._tables)} ([ and ])", style="dim")
            text.append(
                f"\n {', '.join(self._choices())}; {caption(table, self._shown_values())[1]}", style="dim"
            )
            lines = legend(table, self._shown_values())
            if self.size.height >= _LEGEND_FROM:
                marks = [line for line in lines if line[:2] in ("* ", "° ", "~ ", "† ")]
                between = "\n " if self.size.height >= _LEGEND_BY_LINES_FROM else "   "
                text.append(f"\n {between.join(marks)}" if marks else "", style="dim")
            text.append("".join(f"\n {note}" for note in table.notes), style="dim")
        else:
            text.append(" no finished cells yet", style="bold").append_text(self._filling())
        self.query_one("#caption", Static).update(text)

    def _choices(self) -> list[str]:
        way, means = _ORDERS[self._order]
        chosen = [f"shows {_NAMES[self._shown_values()]}"]
        chosen += [f"means by {way}" if means else f"columns by {way}"] if way else []
        chosen += ["unsure hidden"] if self._hidden else []
        chosen += [f"sorted by {self._sorted}"] if self._sorted else []
        return chosen

    def _filling(self) -> Text:
        progress = self.watch_.progress
        if not self.watch_.alive:
            return Text()
        left = f", {duration(progress.seconds_left)} left" if progress.seconds_left is not None else ""
        return Text(f"   filling: {progress.share:.0%}{left}", style=self.ink("bold success"))
