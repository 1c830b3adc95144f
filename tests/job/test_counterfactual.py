"""What a test could have said instead: foils, counterfactual and swapped contexts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.corpus import examples as tiny_qa
from kit.corpus import load_templates
from kit.data.example import Example
from kit.job.counterfactual import Counterfactuals

TEXTS = st.text(st.sampled_from("ab ,.कि्ଓଡ଼ିआ中文กำ 1’"), max_size=24)


def made(context: str, question: str, *answers: str, at: int) -> Example:
    return Example(f"q{at}", f"c{context[:4]}", context, question, answers, "en")


SLICE = [
    made("Mira lives in Kano. She left Kano in 1950.", "Where does Mira live?", "Kano", at=0),
    made("Mira lives in Kano. She left Kano in 1950.", "When did Mira leave?", "1950", at=1),
    made("Jon has a house in Lima since 1967.", "Where does Jon live?", "Lima", at=2),
    made("Jon has a house in Lima since 1967.", "When did Jon come?", "1967", at=3),
    made("Ana works as a cook.", "What does Ana do?", "cook", at=4),
    made("Bonn has been the home of Ben.", "Where does Ben live?", "Bonn", at=5),
]


def test_foils_are_of_the_same_shape_and_question_and_from_other_contexts() -> None:
    counter = Counterfactuals(SLICE)
    assert sorted(counter.foils(0, "", 2)) == ["Bonn", "Lima"]
    assert counter.foils(0, "", 3)[2] == "cook", "a word, but another question"
    assert counter.foils(1, "", 1) == ["1967"]
    assert counter.foils(0, "The road to lima", 1) == ["Bonn"], "none that the context holds"
    assert len(counter.foils(0, "", 99)) == 3, "no number for a word"


def test_the_answer_to_the_very_same_question_may_be_right_too() -> None:
    twin = replace(SLICE[2], question=SLICE[0].question)
    assert "Lima" not in Counterfactuals([SLICE[0], twin, SLICE[5]]).foils(0, "", 9)


def test_a_counterfactual_context_swaps_every_gold_answer_wherever_it_stands() -> None:
    first, *_ = Counterfactuals(SLICE).contexts(2)
    items, swaps, others = first
    assert (items, swaps) == ([0, 1], 2)
    assert set(others) == {
        "Mira lives in Bonn. She left Bonn in 1967.",
        "Mira lives in Lima. She left Lima in 1967.",
    }


def test_an_answer_that_the_context_begins_with_stays() -> None:
    *_, last = Counterfactuals(SLICE).contexts(2)
    assert last == ([5], 0, [])


def test_no_part_of_a_word_and_no_answer_within_a_longer_one_is_swapped() -> None:
    text = "In Kanoa lies New Kano, not Kano."
    slice_ = [
        made(text, "Where is it?", "Kano", at=0),
        made(text, "Where is the new one?", "New Kano", at=1),
        made("So it is Old Lima.", "Where is the old one?", "Old Lima", at=2),
        made("But it is Bonn.", "Where is this?", "Bonn", at=3),
    ]
    [(_, swaps, others), *_] = Counterfactuals(slice_).contexts(1)
    assert swaps == 2 and others == ["In Kanoa lies Old Lima, not Bonn."]


def test_a_swapped_context_holds_none_of_the_answers() -> None:
    slice_ = [replace(SLICE[0], answers=("Kano", "lima")), *SLICE[1:]]
    counter = Counterfactuals(slice_)
    assert counter.other_context(0) == SLICE[5].context
    assert counter.other_context(1) == SLICE[2].context
    assert Counterfactuals(SLICE[:2]).other_context(0) is None


def test_questions_without_an_answer_have_and_are_no_foils() -> None:
    slice_ = [SLICE[0], replace(SLICE[2], answers=()), SLICE[5]]
    assert Counterfactuals(slice_).foils(0, "", 9) == ["Bonn"]
    assert [swaps for _, swaps, _ in Counterfactuals(slice_).contexts(3)] == [1, 0, 0]


def test_what_is_left_out_of_a_slice_does_not_reorder_the_rest() -> None:
    whole = Counterfactuals(SLICE).foils(0, "", 9)
    assert Counterfactuals([SLICE[0], *SLICE[3:]]).foils(0, "", 9) == [f for f in whole if f != "Lima"]


@pytest.mark.parametrize("language", ["de", "hi", "te"])
def test_foils_of_the_embedded_corpus_are_values_of_the_same_relation(language: str) -> None:
    items = tiny_qa(language, "test")[:150]
    counter = Counterfactuals(
        [Example(i.id, i.context_id, i.context, i.question, (i.answer,), language) for i in items]
    )
    words = load_templates().languages[language]
    for at in range(0, 150, 10):
        values = {
            words.value(items[at].relation, value) for value in load_templates().pool(items[at].relation)
        }
        assert set(counter.foils(at, "", 8)) <= values - {items[at].answer}
    assert all(swaps == 3 and len(others) == 8 for _, swaps, others in counter.contexts(8))


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=6), st.integers(1, 4))
def test_counterfactuals_of_any_text_differ_from_it_and_begin_as_it_does(
    rows: list[tuple[str, str, str]], most: int
) -> None:
    slice_ = [
        Example(f"q{at}", f"c{at // 2}", rows[at // 2 * 2][0], question, (answer,) if answer else (), "xx")
        for at, (_, question, answer) in enumerate(rows)
    ]
    seen = []
    for items, swaps, others in Counterfactuals(slice_).contexts(most):
        seen += items
        context = slice_[items[0]].context
        assert len(others) <= most and len(set(others)) == len(others) and bool(others) == bool(swaps)
        for other in others:
            assert other != context and other[0] == context[0]
    assert sorted(seen) == list(range(len(slice_)))
