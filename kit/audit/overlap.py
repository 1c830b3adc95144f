"""Whether a training set holds what an evaluation set asks."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from kit.data.example import Example


@dataclass(frozen=True)
class Overlap:
    """How many training items share their id, their context, or context and question with an evaluation set's."""

    dataset: str
    language: str
    split: str
    ids: int
    contexts: int
    items: int


@dataclass(frozen=True)
class Pool:
    """An evaluation set, ready to be looked up in: its ids and the normal forms of its texts."""

    dataset: str
    language: str
    split: str
    ids: frozenset[str]
    contexts: frozenset[str]
    items: frozenset[tuple[str, str]]

    @staticmethod
    def of(dataset: str, language: str, split: str, examples: Sequence[Example]) -> Pool:
        """The pool of an evaluation set's examples."""
        texts = frozenset((normal(e.context), normal(e.question)) for e in examples)
        contexts = frozenset(context for context, _ in texts)
        return Pool(dataset, language, split, frozenset(e.id for e in examples), contexts, texts)


def overlaps(examples: Sequence[Example], pools: Sequence[Pool]) -> tuple[Overlap, ...]:
    """Where a training set meets evaluation sets, the worst first; sets that it does not meet are left out.

    Texts are compared without regard to case, white space and Unicode form. Equal ids in another language mean the same
    item where both sets number their items alike, as the parallel ones do.
    """
    texts = [(normal(example.context), normal(example.question)) for example in examples]
    found = [
        Overlap(
            pool.dataset,
            pool.language,
            pool.split,
            sum(example.id in pool.ids for example in examples),
            sum(context in pool.contexts for context, _ in texts),
            sum(text in pool.items for text in texts),
        )
        for pool in pools
    ]
    meeting = [one for one in found if one.ids or one.contexts]
    return tuple(sorted(meeting, key=lambda one: (-one.items, -one.contexts, -one.ids)))


def normal(text: str) -> str:
    """The form in which texts are compared: NFC, case folded, white space as single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
