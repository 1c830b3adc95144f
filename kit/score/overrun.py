"""Over-generation of one output: is the gold answer there, and how much stands around it?"""

from collections.abc import Sequence
from dataclasses import dataclass

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


def contains(answer: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    """Say whether the gold's tokens are a contiguous run of the answer's; an empty gold is in nothing."""
    width = len(gold)
    if not width or width > len(answer) or gold[0] not in answer:
        return False
    first, last = answer.index(gold[0]), len(answer) - width
    if answer[first : first + width] == gold:
        return True
    return any(answer[start : start + width] == gold for start in range(first + 1, last + 1))


def best_gold(answer: tuple[str, ...], golds: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the gold that fits best: one that the answer contains, then by F1, then the first."""
    if len(golds) == 1:
        return golds[0]
    return max(golds, key=lambda gold: (contains(answer, gold), pair_f1(answer, gold)))


def overrun(raw: str, gold: str | Sequence[str], language: str) -> Overrun:
    """Measure the over-generation of a raw output (uncut) against the gold that fits it best.

    Raises ValueError for an empty sequence of golds.
    """
    answer, beyond = parted(raw)
    words = tokens(answer, language)
    best = best_gold(words, gold_tokens(as_golds(gold), language))
    held = contains(words, best)
    return Overrun(
        answer_words=len(words),
        gold_words=len(best),
        length_ratio=len(words) / len(best) if best else float("nan"),
        contains_gold=held,
        overran=held and len(words) > len(best),
        raw_words=len(words) + len(tokens(beyond, language)),
    )
