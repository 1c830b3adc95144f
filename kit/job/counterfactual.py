"""Counterfactuals: what a test could have said instead, fixed by the data alone. Pure text.

An item's foils are gold answers of other contexts of the slice, and so of the same language and data set, of the same
kind: those of the same shape (as many words, digits or none), first those whose questions share most words with the
item's (Jaccard), among these in an order that digests of the ids give. Left out are the item's own golds, what stands
in its context, and answers to the very same question, which may be right as well.

A counterfactual context is the context with every gold answer that stands in it, wherever it does, replaced by a foil
of its item: all else is the same to the letter. So truth and counterfactual are exchangeable for a model that knows
neither, and the expected difference of their log-likelihoods is 0. An answer that the context begins with stays:
nothing comes before it from which it could be told.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kit.data.example import Example
from kit.job.spans import Range, words
from kit.score.squad import normalize


class Counterfactuals:
    """Foils, counterfactual contexts and swapped contexts of the examples of one slice, by their places in it."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self._golds = [gold_of(e) if e.answers else "" for e in examples]
        self._folded = [gold.casefold() for gold in self._golds]
        self._forms = [normalize(gold) or gold for gold in self._golds]
        self._shapes = _numbered([_shape(gold) for gold in self._golds])
        self._contexts = _numbered([e.context_id for e in examples])
        self._questions = _numbered([e.question for e in examples])
        self._answered = np.array([bool(e.answers) for e in examples])
        self._order = np.array([_digest(e.id) for e in examples], dtype=np.uint64)
        asked = [frozenset(_words(e.question)) for e in examples]
        column = {word: at for at, word in enumerate(sorted(frozenset().union(*asked)))}
        holds = np.zeros((len(asked), len(column)), dtype=np.float32)  # (items, words of all questions)
        for at, own in enumerate(asked):
            holds[at, [column[word] for word in own]] = 1
        self._sizes = holds.sum(axis=1)
        self._shared = holds @ holds.T  # (items, items): words that two questions share

    def foils(self, item: int, context: str, most: int) -> list[str]:
        """At most so many foils of an item, the best first, none of which stands in `context` or in its own."""
        own, found = self._examples[item], dict[str, str]()
        around = (own.context.casefold(), context.casefold())
        same = {normalize(answer) for answer in own.answers}
        for at in self._like(item):
            form = self._forms[at]
            if form in found or form in same or any(self._folded[at] in text for text in around):
                continue
            found[form] = self._golds[at]
            if len(found) == most:
                break
        return list(found.values())

    def contexts(self, most: int) -> Iterator[tuple[list[int], int, list[str]]]:
        """Of each context in turn: its items, how many of its answers are swapped, and at most so many
        counterfactuals, none where no answer has a foil.
        """
        for items in self._items.values():
            context = self._examples[items[0]].context
            places = _places(context, [self._golds[at] for at in items])
            foils = {self._golds[at]: self.foils(at, context, most + len(items)) for at in items}
            swapped = [gold for gold in places if foils[gold]]
            made = (_swapped(context, places, {g: foils[g] for g in swapped}, turn) for turn in range(most))
            yield items, len(swapped), list(dict.fromkeys(made)) if swapped else []

    def other_context(self, item: int) -> str | None:
        """The context of the likest item that holds none of this one's gold answers; None where there is none."""
        answers = [answer.casefold() for answer in self._examples[item].answers]
        contexts = (self._examples[at].context for at in self._like(item))
        return next((c for c in contexts if not any(answer in c.casefold() for answer in answers)), None)

    @cached_property
    def _items(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for at, example in enumerate(self._examples):
            found[example.context_id].append(at)
        return found

    def _like(self, item: int) -> list[int]:
        """Items of other contexts that ask something else and have an answer of the same shape, the likest first."""
        other = self._answered & (self._contexts != self._contexts[item])
        other &= (self._questions != self._questions[item]) & (self._shapes == self._shapes[item])
        kept = np.flatnonzero(other)
        shared = self._shared[item, kept]
        near = shared / np.maximum(self._sizes[kept] + self._sizes[item] - shared, 1)
        turned = self._order[kept] - self._order[item]  # modulo 2 ** 64, so that no foil is everybody's first
        return [int(at) for at in kept[np.lexsort((turned, -near))]]


def gold_of(example: Example) -> str:
    """The first gold answer that stands in the context; the first of all, where none does."""
    return next((text for text in example.answers if text in example.context), example.answers[0])


def _numbered(values: Sequence[Hashable]) -> NDArray[np.int64]:
    """The same number for the same value."""
    number = {value: at for at, value in enumerate(dict.fromkeys(values))}
    return np.array([number[value] for value in values], dtype=np.int64)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _words(text: str) -> list[str]:
    return [text[start:end].casefold() for start, end in words(text)]


def _shape(gold: str) -> tuple[int, bool]:
    return len(words(gold)), any(char.isdecimal() for char in gold)


def _places(context: str, golds: Sequence[str]) -> dict[str, list[Range]]:
    """Where golds stand in a context as whole words; a longer one has what a shorter one within it would have.

    One that the context begins with is left out.
    """
    whole_words = words(context)
    starts, ends = ({place[side] for place in whole_words} for side in (0, 1))
    taken: list[Range] = []
    found: dict[str, list[Range]] = {}
    for gold in sorted({gold for gold in golds if words(gold)}, key=lambda gold: (-len(gold), gold)):
        own = []
        at = context.find(gold)
        while at >= 0:
            inner, stop = words(gold), at + len(gold)
            whole = at + inner[0][0] in starts and at + inner[-1][1] in ends
            if whole and not any(at < end and start < stop for start, end in taken):
                own.append((at, stop))
            at = context.find(gold, at + 1)
        if own and own[0][0] > 0:
            own = [place for n, place in enumerate(own) if not n or place[0] >= own[n - 1][1]]
            found[gold] = own
            taken += own
    return found


def _swapped(context: str, places: dict[str, list[Range]], foils: dict[str, list[str]], turn: int) -> str:
    """The context with a foil in each place: the one of that turn, and where another answer has it, the next."""
    chosen: dict[str, str] = {}
    for gold, own in foils.items():
        order = [*own[turn % len(own) :], *own[: turn % len(own)]]
        chosen[gold] = next((foil for foil in order if foil not in chosen.values()), order[0])
    spots = sorted((place, gold) for gold in foils for place in places[gold])
    text, after = "", 0
    for (start, stop), gold in spots:
        text += context[after:start] + chosen[gold]
        after = stop
    return text + context[after:]
