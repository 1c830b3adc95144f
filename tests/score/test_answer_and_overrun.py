"""The cut to the answer, over-generation, and the one pass that scores an item."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_texts import pairs, texts

from kit.score import (
    METRICS_VERSION,
    MLQA_LANGUAGES,
    aware_exact_match,
    aware_f1,
    code,
    cut,
    exact_match,
    f1,
    mlqa_exact_match,
    mlqa_f1,
    overrun,
    score_item,
    score_items,
)
from kit.score.overlap import token_f1

LANGUAGES = ["en", "de", "hi_Deva", "or", "ml", "th", "zho_Hans", "ar", "tr", "fr", "vi", "km"]


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (" Denver\nQ: next", "Denver"),
        ("\n\n Denver\n", "Denver"),  # trap 8: strip comes before the cut
        ("Denver \nx", "Denver "),
        ("a\r\nb", "a\r"),
        ("a\u2028b", "a\u2028b"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_cut(raw: str, answer: str) -> None:
    assert cut(raw) == answer == raw.strip().split("\n")[0]


@given(st.text(alphabet="ab \n\r\t"))
def test_stopping_at_a_newline_is_the_same_only_after_a_visible_character(raw: str) -> None:
    blank = len(raw) - len(raw.lstrip())
    stopped = raw[:blank] + raw[blank:].split("\n")[0]
    assert cut(stopped) == cut(raw).rstrip()
    assert cut(raw.lstrip().split("\n")[0]) == cut(raw).rstrip()


@pytest.mark.parametrize(
    ("language", "raw", "gold", "contains", "overran", "answer_words", "gold_words"),
    [
        ("en", "Denver", "Denver", True, False, 1, 1),
        ("en", "The Denver Broncos won.", "Denver Broncos", True, True, 3, 2),
        ("en", "the Denver!", "Denver", True, False, 1, 1),
        ("en", "Denvers", "Denver", False, False, 1, 1),
        ("en", "Denver the Broncos", "Denver Broncos", True, False, 2, 2),
        ("en", "Denver old Broncos", "Denver Broncos", False, False, 3, 2),
        ("hi", "उसका जन्म १९८९ में हुआ।", "1989", True, True, 5, 1),
        ("hi", "दिल्लीवाला", "दिल्ली", False, False, 1, 1),
        ("th", "กรุงเทพมหานคร", "กรุงเทพ", True, True, 12, 6),
        ("th", "กรุงเทพ", "กรุงเท", True, True, 6, 5),
        ("zh", "在北京大学", "北京", True, True, 5, 2),
        ("th", "กี", "ก", False, False, 1, 1),  # a mark belongs to its letter
    ],
)
def test_overrun(
    language: str, raw: str, gold: str, contains: bool, overran: bool, answer_words: int, gold_words: int
) -> None:
    found = overrun(raw, gold, language)
    assert (found.contains_gold, found.overran) == (contains, overran)
    assert (found.answer_words, found.gold_words) == (answer_words, gold_words)
    assert found.length_ratio == pytest.approx(answer_words / gold_words)


def test_words_after_the_newline_are_counted_apart() -> None:
    found = overrun(" Denver\nQ: Who won it?\nA: Denver", "Denver", "en")
    words = (found.answer_words, found.raw_words)
    assert words == (1, 6)  # "A:" is an article
    assert not found.overran
    assert overrun("Denver \n", "Denver", "en").raw_words == 1


def test_the_best_gold_decides() -> None:
    assert not overrun("Paris France", ["Paris", "Paris France"], "en").overran
    assert overrun("Paris France today", ["Paris", "Paris France"], "en").gold_words == 2
    held = overrun("great city of Paris is where", ["the great old city of Paris", "Paris"], "en")
    assert held.contains_gold
    assert held.overran


def test_a_gold_without_tokens_is_in_nothing() -> None:
    found = overrun("Denver", "?", "en")
    assert not found.contains_gold
    assert math.isnan(found.length_ratio)


@settings(max_examples=500, deadline=None)
@given(pairs(), st.sampled_from(["en", "hi_Deva", "or", "th", "zho_Hans", "ar", "tr"]))
def test_one_pass_gives_what_the_metrics_give(pair: tuple[str, str], language: str) -> None:
    raw, gold = pair
    answer = cut(raw)
    golds = [gold, "x"]
    item = score_item(raw, golds, language)
    assert (item.em, item.f1) == (exact_match(answer, golds), f1(answer, golds))
    assert item.aware_em == aware_exact_match(answer, golds, language)
    assert item.aware_f1 == aware_f1(answer, golds, language)
    if code(language) in ("en", "hi", "zh", "ar"):
        assert item.mlqa_em == mlqa_exact_match(answer, golds, language)
        assert item.mlqa_f1 == mlqa_f1(answer, golds, language)
    else:
        assert item.mlqa_em is item.mlqa_f1 is None
    length = overrun(raw, golds, language)
    for name in ("contains_gold", "overran", "answer_words", "gold_words", "raw_words"):
        assert getattr(item, name) == getattr(length, name)
    assert item.raw_words >= item.answer_words
    assert not item.overran or (item.contains_gold and item.aware_em == 0)


def test_golden_scores_of_this_version() -> None:
    """A change here changes what stored scores mean: raise METRICS_VERSION with it."""
    assert METRICS_VERSION == 1
    item = score_item(" ଏହା ୧୯୮୯ ମସିହାରେ ହୋଇଥିଲା।\n\nQ:", "1989", "ory_Orya")
    assert (item.em, item.f1, item.mlqa_f1, item.aware_em, item.aware_f1) == (0, 0, None, 0, 0.4)
    assert (item.contains_gold, item.overran) == (True, True)
    assert (item.answer_words, item.gold_words, item.raw_words) == (4, 1, 5)


def test_the_whole_output_is_never_shorter_than_the_answer() -> None:
    found = overrun("a a\nDenver", "Denver", "en")  # articles alone are kept in the answer
    assert (found.answer_words, found.raw_words) == (2, 3)


@pytest.mark.parametrize(
    ("written", "short"),
    [("or", "or"), ("ory_Orya", "or"), ("ori", "or"), ("zh-Hans", "zh"), ("EN", "en"), ("yor_Latn", "yor")],
)
def test_codes(written: str, short: str) -> None:
    assert code(written) == short


def _apart(raw: str, gold: list[str], language: str) -> dict[str, object]:
    """What `score_items` must find, from the functions for one text."""
    answer, found = cut(raw), overrun(raw, gold, language)
    in_mlqa = code(language) in MLQA_LANGUAGES
    return {
        "em": exact_match(answer, gold),
        "f1": f1(answer, gold),
        "mlqa_em": mlqa_exact_match(answer, gold, language) if in_mlqa else None,
        "mlqa_f1": mlqa_f1(answer, gold, language) if in_mlqa else None,
        "aware_em": aware_exact_match(answer, gold, language),
        "aware_f1": aware_f1(answer, gold, language),
        "contains_gold": found.contains_gold,
        "overran": found.overran,
        "answer_words": found.answer_words,
        "gold_words": found.gold_words,
        "raw_words": found.raw_words,
    }


_GOLDS = st.lists(texts(), min_size=1, max_size=3)
_OUTPUTS = st.builds("\n".join, st.lists(texts(), max_size=3))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(_OUTPUTS | texts(), _GOLDS), max_size=6), st.sampled_from(LANGUAGES))
def test_outputs_scored_together_are_scored_as_each_alone(
    asked: list[tuple[str, list[str]]], language: str
) -> None:
    scores = score_items([raw for raw, _ in asked], [gold for _, gold in asked], language)
    assert [score._asdict() for score in scores] == [_apart(raw, gold, language) for raw, gold in asked]
    assert scores == [score_item(raw, gold, language) for raw, gold in asked]


@given(st.lists(st.sampled_from("abcd"), max_size=9), st.lists(st.sampled_from("abcd"), max_size=9))
def test_token_f1_counts_what_two_bags_share(prediction: list[str], gold: list[str]) -> None:
    left, same = list(gold), 0
    for token in prediction:
        if token in left:
            left.remove(token)
            same += 1
    precision, recall = same / max(len(prediction), 1), same / max(len(gold), 1)
    expected = (2 * precision * recall) / (precision + recall) if same else 0.0
    assert token_f1(prediction, gold) == expected
