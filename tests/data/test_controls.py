"""Training sets that are controls (S2): what is exchanged, what is taken away, what stays."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.data.controls import contexts_alone, with_shuffled_answers
from kit.data.example import Example


def questions(contexts: int, each: int) -> list[Example]:
    return [
        Example(f"q{c}-{n}", f"c{c}", f"text {c}", f"what {n}?", (f"answer {c}-{n}",), "xx")
        for c in range(contexts)
        for n in range(each)
    ]


@given(st.integers(2, 12), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_every_answer_goes_to_a_question_on_another_context(contexts: int, each: int, seed: int) -> None:
    before = questions(contexts, each)
    after = with_shuffled_answers(before, seed)
    assert Counter(e.answers for e in after) == Counter(e.answers for e in before)
    for own, made in zip(before, after, strict=True):
        assert (made.id, made.context, made.question) == (own.id, own.context, own.question)
        assert made.answers[0].split("-")[0] != own.answers[0].split("-")[0]
    assert after == with_shuffled_answers(before, seed)


def test_the_seed_decides() -> None:
    before = questions(20, 5)
    assert with_shuffled_answers(before, 0) != with_shuffled_answers(before, 1)


def test_on_one_context_no_answer_keeps_its_question() -> None:
    before = questions(1, 4)
    after = with_shuffled_answers(before, 0)
    assert all(made.answers != own.answers for own, made in zip(before, after, strict=True))


def test_answers_that_are_all_the_same_are_refused() -> None:
    same = [Example(f"q{n}", f"c{n}", "t", "q", ("Yes" if n else "yes ",), "xx") for n in range(3)]
    with pytest.raises(ValueError, match="too many of them are the same"):
        with_shuffled_answers(same, 0)


def test_contexts_alone_come_as_often_as_they_had_questions() -> None:
    made = contexts_alone(questions(2, 3))
    assert [e.context for e in made] == ["text 0"] * 3 + ["text 1"] * 3
    assert {(e.question, e.answers) for e in made} == {("", ("",))}
