"""Which examples stand, solved, before the question."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from kit.data.example import Example


def draw(candidates: Sequence[Example], count: int, seed: int, test: Collection[Example]) -> list[Example]:
    """`count` examples in an order that hangs on `seed` and their ids alone, so that parallel sets give the same shots
    in every language, and fewer shots are the first of more. As many contexts as there are; none that has an id or a
    context of the `test`, and none without an answer. Fewer than `count` where there are no more.
    """
    ids, contexts = {example.id for example in test}, {example.context for example in test}
    fit = [one for one in candidates if one.answers and one.id not in ids and one.context not in contexts]
    ordered = sorted(fit, key=lambda one: hashlib.sha256(f"{seed}:{one.id}".encode()).digest())
    firsts: dict[str, Example] = {}
    for one in ordered:
        firsts.setdefault(one.context, one)
    taken = {one.id for one in firsts.values()}
    return [*firsts.values(), *(one for one in ordered if one.id not in taken)][:count]
