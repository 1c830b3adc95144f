"""What the view of a log costs: a million lines, and 2,000 more a second from another process while it is followed.

`python -m tests.bench.log [LINES]`: a line a figure, the bar beside it where there is one. Lag is how late a task of
the event loop comes that wants to sleep for 5 ms.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from textual.app import App, ComposeResult

from kit.tui import app
from kit.tui.doors import DOORS
from kit.tui.widgets.logview import LogView
from tests.bench.record import keep

SECONDS = 10
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 3, in step\n    f()\nValueError: no\n'
WRITER = """
import sys, time
start, written = time.monotonic(), 0
with open(sys.argv[1], "a", buffering=1 << 20) as log:
    while (now := time.monotonic() - start) < float(sys.argv[2]):
        while written < now * 2000:
            log.write(f"10:00:02  {'warning: ' if written % 100 == 0 else ''}step {written}  loss 0.8528\\n")
            written += 1
            if written % 1000 == 0:
                log.write(sys.argv[3])
        log.flush()
        time.sleep(0.01)
"""


_ROWS: list[tuple[str, ...]] = []


class One(App[None]):
    """One log, and nothing else."""

    CSS_PATH = Path(app.__file__).with_name("app.tcss")

    def compose(self) -> ComposeResult:
        """The log."""
        yield LogView()


def told(what: str, figure: str, bar: str = "") -> None:
    """A row, printed at once."""
    _ROWS.append((what, figure, bar))
    print(f"{what:58} {figure:>12}   {bar}", flush=True)


def rss() -> float:
    """What this process holds of memory, in megabytes."""
    return psutil.Process().memory_info().rss / 1e6


def made(path: Path, lines: int) -> None:
    """A log such as jobs write: one line in fifty a warning, one in two hundred an error."""
    with path.open("w") as log:
        for number in range(0, lines, 1000):
            steps = "".join(
                f"10:00:02  {'warning: ' if n % 50 == 0 else ''}step {n}/{lines}  loss 0.8528  8784 tokens/s\n"
                for n in range(number, number + 996)
            )
            log.write(steps + TRACEBACK)


async def until(condition: Callable[[], object]) -> float:
    """The seconds that it takes to become so."""
    start = time.perf_counter()
    while not condition():
        await asyncio.sleep(0.002)
    return time.perf_counter() - start


async def lag(work: Awaitable[object]) -> list[float]:
    """How late the event loop was while this was done, in milliseconds."""
    late: list[float] = []

    async def look() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            late.append((time.perf_counter() - start - 0.005) * 1000)

    looking = asyncio.create_task(look())
    await work
    looking.cancel()
    return late


def tell_lag(what: str, late: list[float]) -> None:
    """Three figures."""
    p99 = statistics.quantiles(late, n=100, method="inclusive")[98]
    told(f"{what}: lag p50", f"{statistics.median(late):.1f} ms")
    told(f"{what}: lag p99", f"{p99:.1f} ms", "under 50 ms")
    told(f"{what}: lag max", f"{max(late):.1f} ms")


async def followed(log: LogView, path: Path) -> None:
    """Ten seconds of another process that writes, and its end."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(SECONDS), TRACEBACK])
    await until(lambda: writer.poll() is not None)


async def measured(path: Path) -> None:
    """All figures, one after the other."""
    one = One()
    async with one.run_test(size=(120, 40)):
        log, empty = one.screen.query_one(LogView), rss()
        told("resident memory before the log", f"{empty:.0f} MB")

        async def opened() -> None:
            log.show(path)
            told("seconds to open", f"{await until(lambda: log.rows.count and log.following):.3f} s")

        tell_lag("while it is opened", await lag(opened()))
        for name, act in (("all lines", None), ("errors only", "level"), ("folded", "wrap")):
            for _ in range({None: 0, "level": 2, "wrap": 1}[act]):
                getattr(log, f"action_{act}")()
            if act == "level":
                late = await lag(
                    until(lambda: log.rows.count and "looked at" not in str(log.border_subtitle))
                )
                tell_lag("while the levels are first found", late)
                told("seconds for that", f"{len(late) * 0.005 + sum(late) / 1000:.2f} s")
            if act == "wrap":
                log.action_level()
            log.following = True
            tell_lag(f"followed, {name}", await lag(followed(log, path)))
            await jumped(log, name)
            await searched(log, name)
        told("lines at the end", f"{log.rows.count:,}")
        told("growth of resident memory by the log", f"{rss() - empty:.0f} MB")
        told("resident memory of the process", f"{rss():.0f} MB", "under 100 MB")


async def jumped(log: LogView, name: str) -> None:
    """From line to line by the scroll bar, as far as the event loop is held up by it."""
    taken = []
    for _ in range(200):
        start = time.perf_counter()
        log.scroll_to(y=random.randrange(log.max_scroll_y), animate=False)
        for row in range(log.height):
            log.render_line(row)
        taken.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.005)
    told(f"a jump to any place, {name}: p50", f"{statistics.median(taken):.1f} ms")
    told(
        f"a jump to any place, {name}: p99",
        f"{statistics.quantiles(taken, n=100, method='inclusive')[98]:.1f} ms",
        "under 50 ms",
    )


async def searched(log: LogView, name: str) -> None:
    """The whole file, for words that are not there."""

    async def search() -> None:
        log.search_for("no such words")
        taken = await until(lambda: "searching" not in str(log.border_subtitle))
        told(f"a search of the whole log, {name}", f"{taken:.2f} s")

    tell_lag(f"searched, {name}", await lag(search()))


def main() -> None:
    """Make the log, and measure."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    random.seed(1)
    for door in DOORS:  # every page, as in the real process: its weight is weighed too
        door.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.txt"
        made(path, lines)
        told("the log", f"{path.stat().st_size / 1e6:.0f} MB", f"{lines:,} lines")
        asyncio.run(measured(path))
    words = f"A log of {lines:,} lines, followed while another process adds 2,000 a second."
    keep("log", "Terminal UI, log", ("what", "measured", "bar"), _ROWS, words)


if __name__ == "__main__":
    main()
