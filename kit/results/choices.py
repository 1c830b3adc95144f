"""Accuracy over choices, read off the log-likelihoods of what an item has to choose from (O5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from kit.results.items import Continuation, ScoredItem
from kit.results.types import CellData, Floats

TASK = "score:continuations=choices"
"""The name of the task whose cells hold these columns."""
CHOICE_COLUMNS = ("acc", "acc_norm", "acc_bytes", "choice_share", "choice_ties", "choice_chance")
_TIE = 1e-6  # nats, as for spans: two choices of the same ids differ by rounding

_LENGTHS: Mapping[str, Callable[[str], int]] = {
    "acc": lambda text: 1,
    "acc_norm": len,
    "acc_bytes": lambda text: len(text.encode()),
}
"""What a sum of log-likelihoods is divided by before choices are compared, as lm-evaluation-harness 0.4.13 has it in
lm_eval/api/task.py, ConfigurableTask.process_results: nothing, the choice's characters (code points), its bytes in
UTF-8. What joins it to the prompt is not counted.
"""


def choice_columns(items: Sequence[ScoredItem]) -> dict[str, Floats]:
    """The columns of `CHOICE_COLUMNS`, (items,) each.

    An accuracy is 1 where the right choice is the likeliest, 0 where another is, and a share of 1 where it ties with
    others for the first rank: lm-evaluation-harness takes the first of them instead.
    """
    columns: dict[str, list[float]] = {name: [] for name in CHOICE_COLUMNS}
    for item in items:
        right = _right(item)
        for name, length in _LENGTHS.items():
            best = _best([_sum(c) / length(c.text) for c in item.continuations])
            columns[name].append(1 / len(best) if right in best else 0.0)
        sums = [_sum(c) for c in item.continuations]
        best, highest = _best(sums), max(sums)
        total = math.fsum(math.exp(one - highest) for one in sums)
        columns["choice_share"].append(math.exp(sums[right] - highest) / total)
        columns["choice_ties"].append(float(right in best and len(best) > 1))
        columns["choice_chance"].append(1 / len(sums))
    return {name: np.array(values, dtype=np.float64) for name, values in columns.items()}


def picks(items: Sequence[ScoredItem]) -> list[int]:
    """The place of the likeliest choice of each item, the first of several."""
    return [_best([_sum(c) for c in item.continuations])[0] for item in items]


def choice_notes(metric: str, cells: Sequence[CellData]) -> Iterator[str]:
    """What must stand under a table of an accuracy: what guessing scores, and how often the first rank is shared."""
    cells = [cell for cell in cells if "choice_chance" in cell.metrics]
    if metric not in _LENGTHS or not cells:
        return
    chances = [100 * float(np.mean(cell.metrics["choice_chance"])) for cell in cells]
    low, high = f"{min(chances):.1f}", f"{max(chances):.1f}"
    yield f"chance level: {low}" + (f" to {high}" if high != low else "")
    ties = sum(int(np.sum(cell.metrics["choice_ties"])) for cell in cells)
    if metric == "acc" and ties:
        yield (
            f"ties: in {ties:,} of {sum(cell.n for cell in cells):,} answers the right choice is as likely as another, "
            "and counts with its share"
        )


def _right(item: ScoredItem) -> int:
    assert item.right is not None  # `read_scored` was told that these are choices
    return item.right


def _sum(choice: Continuation) -> float:
    return math.fsum(choice.tokens)


def _best(scores: Sequence[float]) -> list[int]:
    highest = max(scores)
    return [at for at, score in enumerate(scores) if score >= highest - _TIE]
