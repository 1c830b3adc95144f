"""How quickly the host starts: whole-process seconds of the commands that people type most, medians of seven."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.record import keep

COMMANDS = (["--help"], ["--version"], ["schema"], ["recipes"])


def seconds(words: list[str]) -> float:
    """One run of `xlt-kit`, in seconds."""
    start = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("xlt-kit"), *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Measure and keep."""
    rows = []
    for words in COMMANDS:
        seconds(words)
        taken = [seconds(words) for _ in range(7)]
        figure = f"{statistics.median(taken):.3f} s ({min(taken):.3f} to {max(taken):.3f})"
        rows.append((f"xlt-kit {' '.join(words)}", figure))
    keep(
        "start",
        "Start",
        ("command", "measured"),
        rows,
        "Whole processes; medians of 7, least to most in brackets.",
    )


if __name__ == "__main__":
    main()
