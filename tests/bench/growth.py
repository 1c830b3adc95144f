"""How generation grows with questions, languages and the model: seconds, and the exponent of the growth.

`python -m tests.bench.growth [ROUNDS]`, by default 3. As `tests.bench.generate`: XQuAD-IN, float32, greedy, until the
newline. An exponent of 1 is growth in proportion; questions of one context share it, so theirs is below.
"""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers

from kit.jobdir import GenerateTask
from tests.bench.generate import LONG, Subject, ours, subject, timed
from tests.bench.record import keep

_TASK = GenerateTask(stop="newline", limit=LONG)


def seconds(made: Callable[[], Subject], rounds: int) -> float:
    """Median of some rounds, the model's making not counted."""
    asked = made()
    ours(asked, GenerateTask(stop="newline", limit=1))
    return statistics.median(timed(lambda: ours(asked, _TASK))[0] for _ in range(rounds))


def row(what: str, sizes: Sequence[float], taken: Sequence[float]) -> tuple[str, ...]:
    """Sizes, seconds, and the slope of their logarithms."""
    slope = float(np.polyfit(np.log(sizes), np.log(taken), 1)[0])
    figures = ", ".join(f"{size:g}: {second:.2f} s" for size, second in zip(sizes, taken, strict=True))
    return what, figures, f"{slope:.2f}"


def main() -> None:
    """Measure and keep."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    mirror = Path(os.environ["XLT_KIT_MIRROR"])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    counts, languages, layers = (10, 20, 40, 80), ("hi", "or", "bn", "te"), (4, 8, 16)
    by_count = [seconds(lambda count=count: subject(mirror, count), rounds) for count in counts]  # type: ignore[misc]
    by_language = [
        seconds(lambda some=languages[:number]: subject(mirror, 10, some), rounds)  # type: ignore[misc]
        for number in (1, 2, 4)
    ]
    by_layers = [
        seconds(lambda number=number: subject(mirror, 20, layers=number), rounds)  # type: ignore[misc]
        for number in layers
    ]
    rows = [
        row("questions (Hindi)", counts, by_count),
        row("languages, 10 questions each", (1, 2, 4), by_language),
        row("layers of 12.6 million numbers, 20 questions", layers, by_layers),
    ]
    words = f"XQuAD-IN, 103 million parameters where not said otherwise, float32; medians of {rounds}."
    keep("growth", "Growth of generation", ("what grows", "seconds", "exponent"), rows, words)


if __name__ == "__main__":
    main()
