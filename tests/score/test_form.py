"""The split of F1 by form: by hand, and against brute force."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.score import f1
from kit.score.form import Form, forms, oracles

WORDS = st.lists(st.sampled_from("abcde"), max_size=7)


def form(raw: str, gold: str | list[str], *foils: str) -> Form:
    [found] = forms([raw], [[gold] if isinstance(gold, str) else gold], [foils])
    return found


def test_a_tail_is_lost_by_running_on() -> None:
    found = form("Berlin is the capital city", "Berlin")
    assert found.span == 1.0
    assert found.lost_over == pytest.approx(1 - f1("Berlin is the capital city", "Berlin"))
    assert found.lost_lead == pytest.approx(0)


def test_a_sentence_before_it_is_lost_by_leading_in() -> None:
    found = form("It was held in Berlin", "Berlin")
    assert (found.span, found.lost_over) == (1.0, pytest.approx(0))
    assert found.lost_lead == pytest.approx(1 - f1("It was held in Berlin", "Berlin"))


def test_words_on_both_sides_share_the_loss() -> None:
    found = form("x y Berlin z w", "Berlin")
    assert found.lost_over == pytest.approx(found.lost_lead) and found.lost_over > 0.2


def test_a_wrong_answer_loses_nothing_by_its_form() -> None:
    assert form("Paris is the capital", "Berlin")[:3] == (0.0, 0.0, 0.0)


def test_a_parrot_of_its_context_holds_the_foil_as_well() -> None:
    found = form("In 1990 Berlin became the capital", "Berlin", "1990", "Bonn")
    assert (found.span, found.foil) == (1.0, 1.0)
    assert form("Berlin", "Berlin", "1990").foil == 0.0
    assert form("Berlin", "Berlin").foil is None
    assert form("Berlin", "Berlin", "the Berlin").foil is None, "the same answer in other words is no foil"


def test_only_the_first_line_counts_and_the_best_gold() -> None:
    assert form("Berlin\nQ: Paris", "Berlin").lost_over == 0
    assert form("Berlin now", ["Paris", "Berlin now"]) == (1.0, 0.0, 0.0, None)
    assert form("", "Berlin") == (0.0, 0.0, 0.0, None)


def brute(answer: list[str], gold: list[str]) -> tuple[float, float, float, float]:
    def score(part: list[str]) -> float:
        if not part or not gold:
            return float(part == gold)
        same = (Counter(part) & Counter(gold)).total()
        return 2 * same / (len(part) + len(gold))

    n = len(answer)
    return (
        score(answer),
        max(score(answer[:stop]) for stop in range(n + 1)),
        max(score(answer[start:]) for start in range(n + 1)),
        max(score(answer[start:stop]) for start in range(n + 1) for stop in range(start, n + 1)),
    )


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_oracles_are_those_of_brute_force(answer: list[str], golds: list[list[str]]) -> None:
    each = [brute(answer, gold) for gold in golds]
    assert oracles(answer, golds) == pytest.approx(tuple(max(values) for values in zip(*each, strict=True)))


@given(WORDS, WORDS)
def test_the_parts_add_up_and_none_is_negative(answer: list[str], gold: list[str]) -> None:
    raw, target = " ".join(answer), " ".join(gold)
    found = form(raw, target)
    assert found.span - found.lost_over - found.lost_lead == pytest.approx(f1(raw, target), abs=1e-12)
    assert found.lost_over >= -1e-12 and found.lost_lead >= -1e-12 and 0 <= found.span <= 1
