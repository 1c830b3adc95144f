"""Over-generation of one output: is the gold answer there, and how much stands around it?"""

from collections.abc import Sequence
from dataclasses import dataclass

from kit.score.answer import cut
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
    return any(answer[start : start + width] == gold for start in range(len(answer) - width + 1))


def best_gold(answer: tuple[str, ...], golds: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the gold that fits best: one that the answer contains, then by F1, then the first."""
    if len(golds) == 1:
        return golds[0]
    return max(golds, key=lambda gold: (contains(answer, gold), pair_f1(answer, gold)))


def measure(raw: str, answer: tuple[str, ...], gold: tuple[str, ...], language: str) -> Overrun:
    """Compare one output, its answer's tokens and one gold's tokens; `overrun` is the form for plain text."""
    held = contains(answer, gold)
    beyond = raw.strip()[len(cut(raw)) :]
    return Overrun(
        answer_words=len(answer),
        gold_words=len(gold),
        length_ratio=len(answer) / len(gold) if gold else float("nan"),
        contains_gold=held,
        overran=held and len(answer) > len(gold),
        raw_words=len(answer) + len(tokens(beyond, language)) if beyond else len(answer),
    )


def overrun(raw: str, gold: str | Sequence[str], language: str) -> Overrun:
    """Measure the over-generation of a raw output (uncut) against the gold that fits it best.

    Raises ValueError for an empty sequence of golds.
    """
    answer = tokens(cut(raw), language)
    return measure(raw, answer, best_gold(answer, gold_tokens(as_golds(gold), language)), language)
