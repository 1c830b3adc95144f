"""SQuAD's metric against the official rules, written out once more, and its corner cases."""

from __future__ import annotations

import collections
import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_texts import pairs, texts

from kit.score import exact_match, f1
from kit.score.squad import normalize

PUNCTUATION = set(string.punctuation)


def official_form(text: str) -> str:
    """The official four steps, from the inside out: lower, punctuation, articles, white space."""
    lowered = text.lower()
    bare = "".join(char for char in lowered if char not in PUNCTUATION)
    without = re.compile(r"\b(a|an|the)\b", re.UNICODE).sub(" ", bare)
    return " ".join(without.split())


def official_f1(gold: str, prediction: str) -> float:
    gold_tokens = official_form(gold).split() if gold else []
    predicted = official_form(prediction).split() if prediction else []
    shared = collections.Counter(gold_tokens) & collections.Counter(predicted)
    same = sum(shared.values())
    if len(gold_tokens) == 0 or len(predicted) == 0:
        return int(gold_tokens == predicted)
    if same == 0:
        return 0
    precision = 1.0 * same / len(predicted)
    recall = 1.0 * same / len(gold_tokens)
    return (2 * precision * recall) / (precision + recall)


def official_golds(golds: list[str]) -> list[str]:
    """Golds that normalise to nothing are left out; where none remains, the empty answer is the gold."""
    return [gold for gold in golds if official_form(gold)] or [""]


@settings(max_examples=2_500, deadline=None)
@given(pairs())
def test_equals_the_official_rules_on_one_gold(pair: tuple[str, str]) -> None:
    prediction, gold = pair
    assert normalize(prediction) == official_form(prediction)
    assert exact_match(prediction, gold) == int(official_form(prediction) == official_form(gold))
    assert f1(prediction, gold) == official_f1(gold, prediction)


@settings(max_examples=500, deadline=None)
@given(pairs(), st.lists(texts(), max_size=3))
def test_equals_the_official_rules_on_several_golds(pair: tuple[str, str], others: list[str]) -> None:
    prediction, gold = pair
    golds = [*others, gold]
    kept = official_golds(golds)
    assert f1(prediction, golds) == max(official_f1(one, prediction) for one in kept)
    assert exact_match(prediction, golds) == max(
        int(official_form(one) == official_form(prediction)) for one in kept
    )


@pytest.mark.parametrize(
    ("prediction", "gold", "exact", "overlap"),
    [
        ("The Denver Broncos!", "denver broncos", 1, 1),
        ("Denver", "the Denver Broncos", 0, 2 / 3),
        ("", "", 1, 1),
        ("the", "...", 1, 1),
        ("", "Denver", 0, 0),
        ("Denver", "a", 0, 0),
        ("theatre", "the atre", 0, 0),
        ("दिल्ली।", "दिल्ली", 0, 0),  # trap 7: the danda stays
        ("to be or to be", "to be", 0, 4 / 7),
    ],
)
def test_cases(prediction: str, gold: str, exact: float, overlap: float) -> None:
    assert exact_match(prediction, gold) == exact
    assert f1(prediction, gold) == pytest.approx(overlap)


def test_the_best_gold_counts() -> None:
    assert f1("Denver Broncos", ["Broncos", "the Denver Broncos"]) == 1
    assert exact_match("Broncos", ("Denver", "Broncos")) == 1


def test_a_gold_without_tokens_counts_only_alone() -> None:
    assert f1("", ["the", "Denver"]) == 0
    assert f1("", ["the", "..."]) == 1


def test_no_gold_is_refused() -> None:
    for metric in (f1, exact_match):
        with pytest.raises(ValueError, match="no gold answer"):
            metric("x", [])


def test_gold_plus_words_loses_as_much_as_length_says() -> None:
    """Trap 18: two words of gold and two more score 66.7, five more 44.4, with all of the answer there."""
    assert f1("red green and blue", "red green") == pytest.approx(2 / 3)
    assert f1("red green w v x y z", "red green") == pytest.approx(4 / 9)
