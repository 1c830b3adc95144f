"""How quickly the host starts: whole-process seconds of the commands that people type most, medians of seven."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = (["--help"], ["--version"], ["schema"], ["recipes"])


def seconds(words: list[str]) -> float:
    """One run of `xlt-kit`, in seconds."""
    start = time.perf_counter()
    subprocess.run([Path(sys.executable).with_name("xlt-kit"), *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print a line a command."""
    for words in COMMANDS:
        seconds(words)
        taken = [seconds(words) for _ in range(7)]
        low, high = min(taken), max(taken)
        print(
            f"xlt-kit {' '.join(words):10} median {statistics.median(taken):.3f} s ({low:.3f} to {high:.3f})"
        )


if __name__ == "__main__":
    main()
