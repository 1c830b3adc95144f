"""What a heat map costs: from the values of a transfer table to the frame in which it stands on a page of the app.

`python -m tests.bench.heat`: medians of some rounds with their spread. The table is made up, its
values and intervals are random; its page is the real one, without a run behind it.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from kit.api import Workspace
from kit.report.heat import heat_of
from kit.results import METRICS, Column, Row, Subject, TableCell, TransferTable
from kit.schedule import RunFolder
from kit.stats import Bootstrap, Estimate
from kit.tui.app import XltKit
from kit.tui.screens.table import TablePage
from kit.tui.widgets.heatmap import HeatMap
from tests.bench.record import keep

BAR = 150.0
"""Milliseconds for 60 x 60."""
_ROUNDS = 15
_ROWS: list[tuple[str, ...]] = []


def table_of(side: int) -> TransferTable:
    """A table of `side` rows, the base among them, and as many columns."""
    columns = tuple(Column("xquad", f"l{at:03}", "test", f"d{at}") for at in range(side))
    base = tuple(_cell(None) for _ in columns)
    rows = [Row(Subject("bloomz-7b1"), base, ())]
    for at in range(1, side):
        cells = tuple(_cell(column) for column in range(side))
        rows.append(Row(Subject("bloomz-7b1", f"xquad/l{at:03}", f"l{at:03}", 60), cells, ()))
    return TransferTable(
        "grid",
        "bloomz-7b1",
        "qa",
        "generate",
        METRICS["f1"],
        columns,
        (),
        tuple(rows),
        (),
        (),
        "",
        Bootstrap(),
    )


def _cell(column: int | None) -> TableCell:
    base = random.uniform(10, 60)
    if column is None:
        return TableCell(base=_estimate(base), n=1190, complete=True, base_keys=("b",))
    delta = random.gauss(2, 6)
    return TableCell(
        _estimate(base), _estimate(base + delta), _estimate(delta), _estimate(1 + delta / base),
        n=1190, seeds=(1, 2, 3), replicates=1, complete=True, keys=("k",), base_keys=("b",),
    )  # fmt: skip


def _estimate(value: float) -> Estimate:
    return Estimate(value, value - 2, value + 2, 1190, 240, 3)


def told(what: str, taken: list[float], bar: float | None = None) -> None:
    """A row."""
    figure = f"{statistics.median(taken):.1f} ms ({min(taken):.1f} to {max(taken):.1f})"
    _ROWS.append((what, figure, f"{bar:.0f} ms" if bar else ""))


async def painted(page: TablePage, act: Callable[[], object]) -> float:
    """Milliseconds from the act to the end of the frame that shows it."""
    done = asyncio.Event()
    begin = time.perf_counter()
    act()
    page.call_after_refresh(done.set)
    await done.wait()
    page.screen._compositor.render_strips()  # what a terminal would be sent
    return (time.perf_counter() - begin) * 1000


async def measured(home: Path) -> None:
    """All figures."""
    app = XltKit(Workspace(home), home)
    async with app.run_test(size=(200, 60)) as pilot:
        page = TablePage(RunFolder(home / "runs" / "none"))
        page.begin = lambda: None  # type: ignore[method-assign]  # nothing to read: the table is given
        await app.push_screen(page)
        await pilot.pause()
        for side in (10, 60, 200):
            await sized(page, side)


async def sized(page: TablePage, side: int) -> None:
    """One size of table: its first frame, the change of a cell, keys."""
    name = f"{side} x {side}"
    heat = page.query_one(HeatMap)
    first, changed, moved, drawn = [], [], [], []
    for _ in range(_ROUNDS):
        table, other = table_of(side), table_of(side)
        begin = time.perf_counter()
        heat_of(table, "delta")
        drawn.append((time.perf_counter() - begin) * 1000)

        def take(tables: list[TransferTable]) -> None:
            page._tables = tables
            page._draw()

        first.append(await painted(page, lambda table=table: take([table])))  # type: ignore[misc]
        changed.append(await painted(page, lambda other=other: take([other])))  # type: ignore[misc]
        moved.append(await painted(page, lambda: heat.action_move(1, 1)))
    told(f"{name}, ready: from the values to its frame", first, BAR if side == 60 else None)
    told(f"{name}, of that what each cell says", drawn)
    told(f"{name}, every value changed", changed)
    told(f"{name}, the cursor one on", moved)


def main() -> None:
    """Measure."""
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measured(Path(folder)))
    words = (
        f"Transfer tables as heat maps, 200 x 60 characters; medians of {_ROUNDS}, least to most in brackets."
    )
    keep("heat", "Heat map", ("what", "measured", "bar"), _ROWS, words)


if __name__ == "__main__":
    main()
