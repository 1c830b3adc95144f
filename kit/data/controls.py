"""Training sets that are controls: the same examples without what is to be learnt from them (experiment S2)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from kit.data.example import Example


def with_shuffled_answers(examples: Sequence[Example], seed: int) -> list[Example]:
    """Each context and question with the answers of another example; which, says the seed. All answers stay in use.

    None comes from the same context, where there are contexts enough, and none is worded as the right one; so that
    nothing is learnt of where in a context an answer stands, and all of what answers look like.

    Raises:
        ValueError: all answers are the same, or half of them and more.
    """
    draw = random.Random(f"shuffled answers {seed}")
    order = list(range(len(examples)))
    draw.shuffle(order)
    for unfit in (_of_one_context, _of_one_wording):
        if _mend(order, examples, unfit):
            pairs = zip(examples, order, strict=True)
            return [replace(example, answers=examples[other].answers) for example, other in pairs]
    raise ValueError("its answers cannot be exchanged: too many of them are the same")


def contexts_alone(examples: Sequence[Example]) -> list[Example]:
    """Each context as often as it had questions, without them and without answers."""
    return [replace(example, question="", answers=("",)) for example in examples]


def _of_one_context(own: Example, other: Example) -> bool:
    return own.context_id == other.context_id or _of_one_wording(own, other)


def _of_one_wording(own: Example, other: Example) -> bool:
    return own.answers[0].strip().casefold() == other.answers[0].strip().casefold()


def _mend(order: list[int], examples: Sequence[Example], unfit: Callable[[Example, Example], bool]) -> bool:
    """Exchange places until no example has an answer that is unfit for it; False where that cannot be had so."""
    for at in range(len(order)):
        if not unfit(examples[at], examples[order[at]]):
            continue
        for other in range(len(order)):
            fits = not unfit(examples[at], examples[order[other]])
            if fits and not unfit(examples[other], examples[order[at]]):
                order[at], order[other] = order[other], order[at]
                break
        else:
            return False
    return True
