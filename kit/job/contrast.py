"""Contrast: what a model prefers of the test itself to what the test could have said instead (experiment O6).

Of a context: its text against counterfactuals of it, each as a text of its own. What they share at the beginning is not
scored: it is the same for all. Of an answer: the gold against foils, without a context, or with that of another item.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kit.data.example import Example
from kit.job.counterfactual import Counterfactuals, gold_of
from kit.job.prompt import Encoder
from kit.job.scoring import Row, Scored
from kit.jobdir import ScoreTask

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Contrast:
    """What is asked once for some `items`: ids that come first, those of the truth, and those of each of the `others`.

    `swaps`: how many answers of a context are swapped; 1 where an answer itself is scored.
    """

    items: tuple[int, ...]
    before: Ids
    own: Ids
    others: tuple[Ids, ...]
    swaps: int = 1

    def rows(self) -> list[Row]:
        """What is to be scored: the truth, then the others."""
        return [(self.before, ids) for ids in (self.own, *self.others)]


def contrasts(encoder: Encoder, examples: Sequence[Example], task: ScoreTask) -> Iterator[Contrast]:
    """What a task asks of the examples of a slice; nothing of those that have no counterfactual."""
    counter = Counterfactuals(examples)
    if task.continuations == "context":
        for items, swaps, others in counter.contexts(task.counterfactuals):
            asked = _of_context(encoder, examples[items[0]].context, others)
            if asked is not None:
                yield replace(asked, items=tuple(items), swaps=swaps)
        return
    for item, example in enumerate(examples):
        context = counter.other_context(item) if task.context == "swapped" else ""
        if not example.answers or context is None:
            continue
        asking, placed = _placed(encoder, example, context)
        foils = counter.foils(item, context, task.counterfactuals)
        own, *rest = (tuple(asking.continuation_ids(placed, text)) for text in (gold_of(example), *foils))
        if rest:
            yield Contrast((item,), tuple(asking.prompt_ids(placed)), own, tuple(rest))


def told(asked: Contrast, scored: Sequence[Scored]) -> dict[str, Any]:
    """What is stored of it: log-likelihoods (sums over tokens, in nats) of the truth and of the others."""
    own, *others = (math.fsum(one.tokens) for one in scored)
    return {"own": own, "others": others, "swaps": asked.swaps}


def _of_context(encoder: Encoder, context: str, others: Sequence[str]) -> Contrast | None:
    """Ids from the first that is not shared by all. Those that differ in the very first one are left out, as that has
    nothing before it; None where no other is left.
    """
    own = [*encoder.start, *encoder.ids(context)]
    ids = [[*encoder.start, *encoder.ids(text)] for text in others]
    shared = [common for one in ids if (common := _common(own, one))]
    if not shared:
        return None
    first = min(shared)
    kept = tuple(tuple(one[first:]) for one in ids if _common(own, one))
    return Contrast((), tuple(own[:first]), tuple(own[first:]), kept)


def _placed(encoder: Encoder, example: Example, context: str) -> tuple[Encoder, Example]:
    """The example with another context; without one, the prompt begins with what came after it."""
    if context:
        return encoder, replace(example, context=context)
    template = encoder.prompt.template.replace("{context}", "").lstrip()
    return Encoder(encoder.tokenizer, replace(encoder.prompt, template=template), encoder.shots), example


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids they share at the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (left, right) in pairs if left != right), min(len(one), len(other)))
