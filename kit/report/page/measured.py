"""Every table of a run that a page shows, and the same tables as its data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kit.report.formats import as_json, over_generation_json
from kit.report.interchange import swap_json
from kit.report.lens import lens_json
from kit.report.page.facts import RunFacts
from kit.report.windows import window_json
from kit.results import (
    LensTable,
    OverGenerationTable,
    SwapTable,
    TransferTable,
    WindowTable,
    lens_tables,
    over_generation_table,
    swap_tables,
    transfer_table,
    window_tables,
)

SPLITS = (
    ("by form", ("f1_span", "lost_over", "lost_lead")),
    ("by stopping and language", ("f1_free", "lost_stop", "lost_language")),
)
"""Ways to share F1 out, item by item: the first part less the other two."""


@dataclass(frozen=True, eq=False)
class Measured:
    """The tables of one run. `transfer` by metric, `splits` by their name and metric."""

    run: RunFacts
    transfer: dict[str, list[TransferTable]]
    splits: dict[str, dict[str, list[TransferTable]]]
    over: list[OverGenerationTable]
    lens: list[LensTable]
    swaps: list[SwapTable]
    windows: list[WindowTable]

    def as_data(self) -> dict[str, Any]:
        """The tables exactly as the run's files have them, by the names of those files."""
        parts = {name: tables for split in self.splits.values() for name, tables in split.items()}
        texts = {name: as_json(tables) for name, tables in (self.transfer | parts).items() if tables}
        if self.over:
            texts["over-generation"] = over_generation_json(self.over)
        if self.lens:
            texts["lens"] = lens_json(self.lens)
        if self.swaps:
            texts["interchange"] = swap_json(self.swaps)
        if self.windows:
            texts["layers"] = window_json(self.windows)
        return {name: json.loads(text) for name, text in texts.items()}


def measured(run: RunFacts) -> Measured:
    """The tables of a run.

    Raises:
        DataError: cells of one table do not hold the same items, or are damaged.
    """
    found = run.results
    there = {name for cell in found.cells if cell.kind == "generate" for name in cell.metrics}
    splits = {
        way: {name: transfer_table(found, name) for name in names}
        for way, names in SPLITS
        if set(names) <= there
    }
    if splits and "f1" not in run.metrics:
        splits = {}
    return Measured(
        run,
        {name: transfer_table(found, name) for name in run.metrics},
        splits,
        over_generation_table(found),
        lens_tables(found),
        swap_tables(found),
        window_tables(found),
    )
