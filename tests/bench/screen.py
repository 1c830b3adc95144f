"""How quickly the terminal UI is there: seconds from the command to what it paints in a real terminal, seven starts."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from tests.bench.record import keep
from tests.kit_command import ROOT

FIRST_PAINT, LISTED = 0.35, 1.0
"""Seconds that are aimed at."""
_RECIPE = "schema: 1\nname: recipe-{at:03}\ntitle: number {at}\nneeds: little\nmodels: [tiny-bloom]\n"


def seconds(words: list[str], home: Path, marks: tuple[bytes, ...], rows: int) -> list[float]:
    """One start in a terminal of `rows` x 100: the seconds until each mark is painted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
    environment = {**os.environ, "XLT_KIT_HOME": str(home), "TERM": "xterm-256color"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("xlt-kit"), *words],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    seen, found = b"", {}
    while len(found) < len(marks):
        if not select.select([ours], [], [], 30)[0]:
            raise SystemExit(f"nothing more is painted; still to come: {set(marks) - set(found)}")
        seen += os.read(ours, 1 << 16)
        for mark in marks:
            if mark in seen and mark not in found:
                found[mark] = time.perf_counter() - begin
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(ours)
    return [found[mark] for mark in marks]


def row(what: str, taken: list[float], bar: float) -> tuple[str, ...]:
    """Median, spread and what is aimed at."""
    return what, f"{statistics.median(taken):.3f} s ({min(taken):.3f} to {max(taken):.3f})", f"{bar} s"


def main() -> None:
    """Measure and keep."""
    with tempfile.TemporaryDirectory() as name:
        home, many = Path(name) / "home", Path(name) / "recipes"
        many.mkdir()
        for at in range(200):
            (many / f"r{at:03}.yaml").write_text(_RECIPE.format(at=at))
        seconds([], home, (b"Runs",), 24)  # warms the disk
        painted = [seconds([], home, (b"Runs", b"smoke"), 24) for _ in range(7)]
        rows = [row("first paint", [first for first, _ in painted], FIRST_PAINT)]
        rows.append(row("recipes listed", [listed for _, listed in painted], LISTED))
        words = ["tui", "--recipes", str(many)]
        listed = [seconds(words, home, (b"recipe-000", b"recipe-199"), 230)[1] for _ in range(7)]
        rows.append(row("200 recipes listed", listed, LISTED))
    words = "From the command to what it paints in a real terminal; medians of 7 starts, least to most in brackets."
    keep("screen", "Terminal UI, start", ("what", "measured", "bar"), rows, words)


if __name__ == "__main__":
    main()
