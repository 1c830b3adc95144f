"""MLQA's metric against the official rules, written out once more, and its corner cases."""

from __future__ import annotations

import collections
import re
import string
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_texts import pairs, texts

from kit.score import MLQA_LANGUAGES, mlqa_exact_match, mlqa_f1
from kit.score.mlqa import normalize

PUNCTUATION = {
    chr(point) for point in range(sys.maxunicode) if unicodedata.category(chr(point)).startswith("P")
} | set(string.punctuation)
ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "\\sال^|ال",
}


def official_segments(text: str) -> list[str]:
    """Chinese: ideographs of the basic block and punctuation alone, the rest at white space."""
    segments: list[str] = []
    pending = ""
    for char in text:
        if re.search(r"[\u4e00-\u9fa5]", char) or char in PUNCTUATION:
            if pending != "":
                segments.extend(pending.split())
                pending = ""
            segments.append(char)
        else:
            pending += char
    if pending != "":
        segments.extend(pending.split())
    return segments


def official_form(text: str, language: str) -> str:
    bare = "".join(char for char in text.lower() if char not in PUNCTUATION)
    if language in ARTICLES:
        bare = re.sub(ARTICLES[language], " ", bare)
    pieces = official_segments(bare) if language == "zh" else bare.split()
    return " ".join(piece for piece in pieces if piece.strip() != "")


def official_f1(prediction: str, gold: str, language: str) -> float:
    predicted = official_form(prediction, language).split()
    wanted = official_form(gold, language).split()
    same = sum((collections.Counter(predicted) & collections.Counter(wanted)).values())
    if same == 0:
        return 0
    precision = 1.0 * same / len(predicted)
    recall = 1.0 * same / len(wanted)
    return (2 * precision * recall) / (precision + recall)


@settings(max_examples=1_500, deadline=None)
@given(pairs())
def test_equals_the_official_rules_on_one_gold(pair: tuple[str, str]) -> None:
    prediction, gold = pair
    for language in MLQA_LANGUAGES:
        wanted = official_form(prediction, language)
        assert normalize(prediction, language) == wanted
        assert mlqa_exact_match(prediction, gold, language) == (wanted == official_form(gold, language))
        assert mlqa_f1(prediction, gold, language) == official_f1(prediction, gold, language)


@settings(max_examples=300, deadline=None)
@given(pairs(), st.lists(texts(), max_size=3), st.sampled_from(MLQA_LANGUAGES))
def test_equals_the_official_rules_on_several_golds(
    pair: tuple[str, str], others: list[str], language: str
) -> None:
    prediction, gold = pair
    golds = [*others, gold]
    assert mlqa_f1(prediction, golds, language) == max(
        official_f1(prediction, one, language) for one in golds
    )
    assert mlqa_exact_match(prediction, golds, language) == max(
        official_form(prediction, language) == official_form(one, language) for one in golds
    )


@pytest.mark.parametrize(
    ("language", "prediction", "gold", "exact", "overlap"),
    [
        ("hi", "दिल्ली।", "दिल्ली", 1, 1),
        ("de", "Das ist die Donau", "Donau", 0, 2 / 3),
        ("es", "«El Escorial»", "escorial", 1, 1),
        ("vi", "của Hà Nội", "Hà Nội", 1, 1),
        ("ar", "رسالة", "رس ة", 1, 1),  # every article-like pair of letters goes
        ("zh", "北京大学。", "北京", 0, 2 / 3),
        ("zh", "1989年", "1989 年", 1, 1),
        ("en", "?", "!", 1, 0),  # equal and empty: exact, yet F1 0
        ("en", "€5", "5", 0, 0),
        ("en", "$5", "5", 1, 1),
    ],
)
def test_cases(language: str, prediction: str, gold: str, exact: float, overlap: float) -> None:
    assert mlqa_exact_match(prediction, gold, language) == exact
    assert mlqa_f1(prediction, gold, language) == pytest.approx(overlap)


def test_codes_with_a_script_are_read() -> None:
    assert mlqa_f1("的 the", "the", "zho_Hans") == mlqa_f1("的 the", "the", "zh")
    assert mlqa_exact_match("the x", "x", "eng_Latn") == 1


@pytest.mark.parametrize("language", ["or", "fr", "ja", ""])
def test_other_languages_are_refused_by_name(language: str) -> None:
    for metric in (mlqa_f1, mlqa_exact_match):
        with pytest.raises(ValueError, match="ar, de, en, es, hi, vi, zh"):
            metric("x", "x", language)


def test_no_gold_is_refused() -> None:
    with pytest.raises(ValueError, match="no gold answer"):
        mlqa_f1("x", [], "en")
