"""The transfer table beside the jobs that fill it, where the terminal has room: F1, tuned − base, one model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import work

from kit.api import headlines, results
from kit.errors import KitError
from kit.report.colour import DARK
from kit.report.heat import Heat, heat_of, signs_of
from kit.results import transfer_table
from kit.schedule import RunFolder, RunState
from kit.tui.widgets.heatmap import HeatMap

if TYPE_CHECKING:
    from kit.tui.app import XltKit

_ROOM = (110, 36)
_MOST = 600
"""Cells of a run up to which its table is worked out again whenever one is finished."""


class MiniTable(HeatMap):
    """Hidden where there is no room or too much to show; a click on a cell opens the table."""

    def __init__(self, folder: RunFolder, **options: str) -> None:
        super().__init__(DARK, **options)
        self.can_focus = False
        self._folder = folder
        self._missing: set[str] | None = None
        self._seen: tuple[object, ...] = ()
        self.border_title = "F1, tuned − base: t or a click opens the table"

    def on_mount(self) -> None:
        """The colours of the theme."""
        self.recolour(self.kit.scale)

    @property
    def kit(self) -> XltKit:
        """The app, with its type."""
        return cast("XltKit", self.app)

    def follow(self, state: RunState) -> None:
        """Look whether cells have been finished, or jobs have begun or ended, since the last look."""
        room = all(have >= need for have, need in zip(self.app.size, _ROOM, strict=True))
        self.set_class(not (room and self.heat.rows), "hidden")
        if state.wanted > _MOST or not room:
            return
        try:
            if self._missing is None:
                self._missing = {cell.key for cell in self._folder.wanted().cells}
            store = self.kit.workspace.store()
            self._missing -= {key for key in self._missing if store.cell(key) is not None}
        except KitError:
            return  # the page of the table says what is wrong
        seen = (len(self._missing), *((job.id, job.stage) for job in state.jobs))
        if seen != self._seen:
            self._seen = seen
            self._read(state)

    @work(thread=True, exclusive=True, group="mini")
    def _read(self, state: RunState) -> None:
        try:
            found = results(self.kit.workspace, self._folder)
            tables = transfer_table(found, headlines(found)[0])
        except KitError:
            return
        if not tables:
            return
        stages = {key: job.stage for job in state.jobs for key in job.keys}
        heat = heat_of(tables[0], "delta").with_signs(signs_of(tables[0], stages)).without_intervals()
        self.app.call_later(self._take, heat)

    def _take(self, heat: Heat) -> None:
        if self.is_attached:
            self.set_class(not heat.rows, "hidden")
            self.show(heat)
