"""What the three metrics share: the token F1, the forms of a gold answer, a lazy character table."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache


class CharMap(dict[int, str | None]):
    """A table for `str.translate` that asks `rule` once for each code point and remembers the reply.

    A plain dict costs an exception for every character that it does not hold, which is nearly all of them in
    Indic text; filling one beforehand means looking at all 1.1 million code points.
    """

    def __init__(self, rule: Callable[[str], str | None]) -> None:
        super().__init__()
        self._rule = rule

    def __missing__(self, point: int) -> str | None:
        self[point] = reply = self._rule(chr(point))
        return reply


def as_golds(gold: str | Sequence[str]) -> tuple[str, ...]:
    """Return the gold answers as a tuple; one string is one answer.

    Raises ValueError for an empty sequence: an unanswerable question has the gold `""`, not none.
    """
    golds = (gold,) if isinstance(gold, str) else tuple(gold)
    if not golds:
        raise ValueError('no gold answer to score against; an unanswerable question has the gold ""')
    return golds


@lru_cache(maxsize=1 << 14)
def f1_of_counts(same: int, length: int, width: int) -> float:
    """F1 of so many tokens with a gold of that width, if `same` of them, one at least, are shared.

    The arithmetic is that of the official SQuAD and MLQA scripts, operation by operation, so that the last
    bit agrees. The few counts that there are come again and again.
    """
    precision = 1.0 * same / length
    recall = 1.0 * same / width
    return (2 * precision * recall) / (precision + recall)


def token_f1(prediction: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of two bags of tokens, 0 to 1; 0 where they share none (also where both are empty)."""
    words = set(prediction)
    shared = words.intersection(gold)
    if not shared:
        return 0.0
    # Where no token of the prediction comes twice, which is the rule, sets count as bags do and much faster.
    same = len(shared) if len(words) == len(prediction) else _shared_tokens(prediction, gold)
    return f1_of_counts(same, len(prediction), len(gold))


def best_f1(prediction: Sequence[str], golds: Sequence[Sequence[str]]) -> float:
    """`token_f1` against the best of one gold or more."""
    if len(golds) == 1:
        return token_f1(prediction, golds[0])
    return max(token_f1(prediction, gold) for gold in golds)


def _shared_tokens(prediction: Sequence[str], gold: Sequence[str]) -> int:
    """How many tokens two bags have in common."""
    return (Counter(prediction) & Counter(gold)).total()
