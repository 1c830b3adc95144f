"""Over-generation of one output: is the gold answer there, and how much stands around it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kit.score.answer import parted
from kit.score.aware import gold_tokens, pair_f1, tokens
from kit.score.overlap import as_golds


@dataclass(frozen=True, slots=True)
class Overrun:
    """Lengths in tokens of the language-aware metric (words, or characters in scripts without spaces).

    `answer_words` and `gold_words` count the cut answer and the gold it fits best. `length_ratio` is the
    first over the second, NaN where the gold has no token. `contains_gold`: the gold's tokens stand in the
    answer, in order and without a gap; `overran`: they do, and the answer is longer. `raw_words` counts the
    whole output, with what stands after the first newline: the cut hides it (trap 8), and a cell that stops
    at the newline never made it (trap 19).
    """

    answer_words: int
    gold_words: int
    length_ratio: float
    contains_gold: bool
    overran: bool
    raw_words: int


class Lengths(NamedTuple):
    """What is counted of an output, as in `Overrun`."""

    contains_gold: bool
    overran: bool
    answer_words: int
    gold_words: int
    raw_words: int


def contains(answer: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Say whether the gold's tokens are a contiguous run of the answer's; an empty gold is in nothing."""
    width = len(gold)
    if not width or width > len(answer) or gold[0] not in answer:
        return False
    starts = range(answer.index(gold[0]), len(answer) - width + 1)
    return any(answer[start : start + width] == gold for start in starts)


def best_gold(answer: tuple[str, ...], golds: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the gold that fits best: one that the answer contains, then by F1, then the first."""
    if len(golds) == 1:
        return golds[0]
    return max(golds, key=lambda gold: (contains(answer, gold), pair_f1(answer, gold)))


def measure(answer: tuple[str, ...], beyond: str, gold: tuple[str, ...], language: str) -> Lengths:
    """Compare an answer's tokens, what stands behind it, and one gold's tokens; `overrun` takes plain text."""
    held, length = contains(answer, gold), len(answer)
    whole = length + len(tokens(beyond, language)) if beyond else length
    return Lengths(held, held and length > len(gold), length, len(gold), whole)


def overrun(raw: str, gold: str | Sequence[str], language: str) -> Overrun:
    """Measure the over-generation of a raw output (uncut) against the gold that fits it best.

    Raises ValueError for an empty sequence of golds.
    """
    answer, beyond = parted(raw)
    words = tokens(answer, language)
    found = measure(words, beyond, best_gold(words, gold_tokens(as_golds(gold), language)), language)
    return Overrun(
        answer_words=found.answer_words,
        gold_words=found.gold_words,
        length_ratio=found.answer_words / found.gold_words if found.gold_words else float("nan"),
        contains_gold=found.contains_gold,
        overran=found.overran,
        raw_words=found.raw_words,
    )
