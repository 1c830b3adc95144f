"""Which examples become shots."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kit.data.example import Example
from kit.data.shots import draw


def example(id_: int, context: int, answers: tuple[str, ...] = ("a",)) -> Example:
    return Example(f"q{id_}", f"c{context}", f"context {context}", f"question {id_}", answers, "xx")


@st.composite
def sets(draw_: st.DrawFn) -> tuple[list[Example], list[Example]]:
    """A training set and a test; they may share ids and contexts."""
    rows = st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 8)), max_size=20, unique_by=lambda row: row[0]
    )
    return [example(*row) for row in draw_(rows)], [example(*row) for row in draw_(rows)]


@given(sets(), st.integers(1, 8), st.integers(0, 3))
def test_shots_are_not_of_the_test_and_hang_on_seed_and_ids_alone(
    both: tuple[list[Example], list[Example]], count: int, seed: int
) -> None:
    train, test = both
    shots = draw(train, count, seed, test)
    ids, contexts = {one.id for one in test}, {one.context for one in test}
    fit = [one for one in train if one.id not in ids and one.context not in contexts]
    assert len(shots) == min(count, len(fit)) and set(shots) <= set(fit) and len(set(shots)) == len(shots)
    assert len({one.context for one in shots}) == min(len(shots), len({one.context for one in fit}))
    assert draw(random.Random(seed).sample(train, len(train)), count, seed, test) == shots
    assert draw(train, count + 1, seed, test)[: len(shots)] == shots


def test_another_seed_gives_other_shots_and_parallel_sets_the_same_items() -> None:
    train = [example(i, i) for i in range(40)]
    drawn = [[one.id for one in draw(train, 3, seed, [])] for seed in range(6)]
    assert len(set(map(tuple, drawn))) == 6
    odia = [
        Example(one.id, one.context_id, f"ଓ {one.context}", one.question, one.answers, "or") for one in train
    ]
    assert [[one.id for one in draw(odia, 3, seed, [])] for seed in range(6)] == drawn


def test_an_example_without_an_answer_is_no_shot() -> None:
    assert draw([example(1, 1, ()), example(2, 2)], 2, 0, []) == [example(2, 2)]
