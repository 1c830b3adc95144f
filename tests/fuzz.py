"""What property tests of written files share: how much is tried, and how a right file is spoilt.

FUZZ times the examples of an ordinary run are tried (`make fuzz` sets it).
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

FACTOR = float(os.environ.get("FUZZ", "2"))


def examples(ordinary: int) -> int:
    """The number of examples of a property test whose ordinary number this is."""
    return max(10, round(ordinary * FACTOR))


def plain(keys: Sequence[str], words: Sequence[str]) -> st.SearchStrategy[Any]:
    """Plain data of any shape, with keys and words that mean something among it."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
        | st.sampled_from(words)
    )
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys), inner, max_size=3),
        max_leaves=6,
    )


@st.composite
def mutated(
    draw: st.DrawFn, right: dict[str, Any], keys: Sequence[str], words: Sequence[str]
) -> dict[str, Any]:
    """What is right, with one to three entries replaced, removed, added or repeated."""
    value = copy.deepcopy(right)
    for _ in range(draw(st.integers(1, 3))):
        holder: Any = value
        while True:
            here = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = draw(st.sampled_from(here)) if here else None
            if key is None or not isinstance(holder[key], (dict, list)) or draw(st.booleans()):
                break
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "remove", "add", "repeat"]))
        if action == "add" or key is None:
            new = draw(plain(keys, words))
            if isinstance(holder, dict):
                holder[draw(st.sampled_from(keys))] = new
            else:
                holder.append(new)
        elif action == "repeat" and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif action == "remove":
            del holder[key]
        else:
            holder[key] = draw(plain(keys, words))
    return value
