"""Ranking: where the gold answer stands among the spans of its context that are as long, by the model's own likelihood.

Two questions of the protocol. After the prompt (O4): what does the model point at, and how near is that to the best
that any span could be? After the model's own words, up to where the gold or a foil first appears in its answer (O1):
does it know the answer, whatever it says before and after? A foil is the gold of another question on the context; an
answer that holds neither is not measured.

Spans have as many tokens as the gold (oracle length: the same for base and tuned), begin and end with whole words,
and come once for each text. Those that are the gold in other words (by SQuAD's normal form) are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from kit.data.example import Example, foils
from kit.job.counterfactual import gold_of
from kit.job.prompt import Encoder
from kit.job.scoring import Row, Scored
from kit.job.spans import first_of, spans
from kit.score import f1
from kit.score.squad import normalize

_TIE = 1e-6  # nats: two spans of the same ids differ by rounding
_TOP = 3
_ANCHOR = 40  # characters of the prompt that decide on how what follows is parted into tokens
_SLACK = 1  # tokens: a span's count alone may differ from that within its context


@dataclass(frozen=True)
class Asked:
    """One item to rank: ids that come first, the gold's text and ids, and the other spans with theirs."""

    item: int
    before: tuple[int, ...]
    lead: str
    gold: tuple[str, tuple[int, ...]]
    others: tuple[tuple[str, tuple[int, ...]], ...]


class Ranker:
    """Ranks the gold answers of a slice's examples under one prompt."""

    def __init__(self, encoder: Encoder, examples: Sequence[Example]) -> None:
        self._encoder, self._examples = encoder, examples
        self._pieces = lru_cache(maxsize=64)(self._spans_of)
        self._foils = foils(examples)

    def after_prompt(self, item: int) -> Asked:
        """The item as it is asked right after the prompt."""
        return self._asked(item, "")

    def after_own_words(self, item: int, answer: str) -> Asked | None:
        """The item as it is asked after what the model says before an answer; None where its answer holds none.

        `answer` is the first line of its output.
        """
        example = self._examples[item]
        place = first_of(answer, (*example.answers, *self._foils[example.id]))
        return None if place is None else self._asked(item, answer[: place[0]].strip())

    def rows(self, asked: Asked) -> list[Row]:
        """What is to be scored for an item: the gold, then the others."""
        return [(asked.before, ids) for _, ids in (asked.gold, *asked.others)]

    def _asked(self, item: int, lead: str) -> Asked:
        example, encoder = self._examples[item], self._encoder
        text = encoder.text(example) + (f"{encoder.joint}{lead}" if lead else "")
        before = (*encoder.opening, *encoder.ids(text))
        # After words a space follows; a chat template may end in a line break, which tokens that follow may look at.
        joint = encoder.prompt.joint if lead else encoder.joint
        anchor = text[-_ANCHOR:].rpartition("\n")[2] or text[-_ANCHOR:]
        gold = gold_of(example)
        own = self._ids(anchor, joint, [gold])[0]
        found = self._pieces(example.context, len(own))
        ids = self._ids(anchor, joint, found) if found else []
        same = {normalize(answer) for answer in (*example.answers, gold)}
        others = tuple(
            (span, each)
            for span, each in zip(found, ids, strict=True)
            if len(each) == len(own) and normalize(span) not in same
        )
        return Asked(item, before, lead, (gold, own), others)

    def _ids(self, anchor: str, joint: str, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Ids of joint and text as they follow a text that ends in `anchor`; on their own, where a token spans both."""
        tokenizer = self._encoder.tokenizer
        head = self._encoder.ids(anchor)
        whole = tokenizer([anchor + joint + text for text in texts], add_special_tokens=False)["input_ids"]
        if all(ids[: len(head)] == head for ids in whole):
            return [tuple(ids[len(head) :]) for ids in whole]
        alone = tokenizer([joint + text for text in texts], add_special_tokens=False)["input_ids"]
        return [tuple(ids) for ids in alone]

    def _spans_of(self, context: str, length: int) -> list[str]:
        """Distinct texts of the spans that have about so many tokens within their context."""
        encoded = self._encoder.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
        begins = [start for start, _ in encoded["offset_mapping"]]
        count = _counter(begins, len(context))
        near = range(length - _SLACK, length + _SLACK + 1)
        kept = (context[a:b] for a, b in spans(context, length + _SLACK) if count(a, b) in near)
        return list(dict.fromkeys(kept))


def ranked(asked: Asked, scored: Sequence[Scored], answers: Sequence[str]) -> dict[str, Any]:
    """What is stored of one item; `scored` as `Ranker.rows` has them.

    `rank` counts from 1, and `ties` how many others stand beside the gold; `share` is the gold's part of the softmax
    over all; `f1` that of the likeliest span against the best gold, `ceiling` the best that any span has.
    Log-likelihoods are sums over tokens, in nats.
    """
    sums = [math.fsum(one.tokens) for one in scored]
    texts = [asked.gold[0], *(text for text, _ in asked.others)]
    above = sum(one > sums[0] + _TIE for one in sums[1:])
    ties = sum(abs(one - sums[0]) <= _TIE for one in sums[1:])
    highest = max(sums)
    order = sorted(range(len(sums)), key=lambda at: -sums[at])[:_TOP]
    scores = [f1(text, list(answers)) for text in texts]
    return {
        "spans": len(sums),
        "rank": above + 1,
        "ties": ties,
        "share": math.exp(sums[0] - highest) / math.fsum(math.exp(one - highest) for one in sums),
        "f1": scores[order[0]],
        "ceiling": max(scores),
        "top": [{"text": texts[at], "logprob": sums[at]} for at in order],
    }


class Several(Protocol):
    """What is scored in several rows: one, and the others beside it."""

    @property
    def others(self) -> Sequence[Any]:
        """The others."""


S = TypeVar("S", bound=Several)


def in_parts(asked: Sequence[S], most: int) -> Iterator[list[S]]:
    """Items in their order, in parts of about `most` rows, so that neither rows nor prompts pile up."""
    part: list[S] = []
    rows = 0
    for one in asked:
        if part and rows + len(one.others) + 1 > most:
            yield part
            part, rows = [], 0
        part.append(one)
        rows += len(one.others) + 1
    if part:
        yield part


def _counter(begins: Sequence[int], end: int) -> Callable[[int, int], int]:
    """Counts the tokens of a range of characters by where they begin; one that begins at the space before it is its."""
    before = [0] * (end + 2)  # how many begin before each character
    for start in begins:
        before[start + 1] += 1
    for at in range(1, len(before)):
        before[at] += before[at - 1]

    def count(start: int, stop: int) -> int:
        first = start if before[start + 1] > before[start] else max(start - 1, 0)
        return before[stop] - before[first]

    return count
