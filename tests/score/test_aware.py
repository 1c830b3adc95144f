"""The language-aware metric: each rule by real examples, and what must hold for any text."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_texts import SCRIPTS, pairs, texts

from kit.score import DIFFERENCES, Difference, aware_exact_match, aware_f1, mlqa, mlqa_f1, squad
from kit.score import aware as room
from kit.score.aware import tokens

_CODES = "en de es fr it pt ru el tr th vi zh ja ko ar hi bn as or pa ta te kn ml mr gu ur id sv fi km xx"
LANGUAGES = _CODES.split()


@pytest.mark.parametrize(
    ("language", "prediction", "gold"),
    [
        # one spelling of one text
        ("hi", "\u0958लम", "\u0915\u093cलम"),
        ("hi", "\u0928\u093c", "\u0929"),
        ("bn", "বা\u09dcি", "বা\u09a1\u09bcি"),
        ("or", "ଓ\u0b5cିଶା", "ଓ\u0b21\u0b3cିଶା"),
        ("pa", "\u0a36ਹਿਰ", "\u0a38\u0a3cਹਿਰ"),
        ("ta", "க\u0bc6\u0bbe", "க\u0bca"),
        ("vi", unicodedata.normalize("NFD", "Hà Nội"), "Hà Nội"),
        ("ko", unicodedata.normalize("NFD", "서울"), "서울"),
        ("th", "น้ำ", "น\u0e49\u0e4d\u0e32"),
        ("ja", "ｶﾞﾗｽ", "ガラス"),
        ("zh", "ＡＢＣ１２", "ABC12"),
        ("ar", "\ufedf\ufe8e", "لا"),
        ("de", "STRASSE", "Straße"),
        ("el", "ΟΔΟΣ", "οδος"),
        ("tr", "IĞDIR", "ığdır"),
        ("tr", "İstanbul", "istanbul"),
        # invisible characters
        ("te", "ఇంజనీరింగ్\u200cలో", "ఇంజనీరింగ్లో"),
        ("kn", "ಫೇಸ್\u200cಬುಕ್", "ಫೇಸ್ಬುಕ್"),
        ("mr", "दुसर\u094d\u200dया", "दुसर\u094dया"),
        ("ml", "അവന\u0d4d\u200d", "അവ\u0d7b"),
        ("bn", "হঠাত\u09cd\u200d", "হঠা\u09ce"),
        ("en", "\ufeffParis", "Paris"),
        ("th", "กรุง\u200bเทพ", "กรุงเทพ"),
        # Arabic script
        ("ar", "مُحَمَّد", "محمد"),
        ("ar", "محـــمد", "محمد"),
        ("ur", "پاکستانی", "پاكستاني"),
        ("ar", "الكتاب", "كتاب"),
        # digits
        ("bn", "১৯৮৯ সালে", "1989 সালে"),
        ("as", "৪৫", "45"),
        ("ar", "١٩٨٩", "1989"),
        ("ur", "۱۹۸۹", "1989"),
        ("th", "พ.ศ. ๒๕๓๒", "พ.ศ. 2532"),
        # punctuation and symbols
        ("hi", "दिल्ली।", "दिल्ली"),
        ("or", "ଭୁବନେଶ୍ୱର॥", "ଭୁବନେଶ୍ୱର"),
        ("ar", "باريس؟", "باريس"),
        ("zh", "《北京》。", "北京"),
        ("hi", "भारत-पाकिस्तान", "भारत पाकिस्तान"),
        ("hi", "₹1,000", "1000"),
        ("hi", "यू॰एस॰", "यूएस"),
        ("en", "U.S.", "US"),
        ("en", "don’t", "dont"),
        ("en", "20°C", "20 c"),
        ("el", "΄50", "50"),
        # articles
        ("en", "the Seine", "Seine"),
        ("fr", "l’eau", "eau"),
        ("fr", "L'Été", "été"),
        ("de", "der Rhein", "Rhein"),
        ("el", "τους Έλληνες", "Έλληνες"),
        ("sv", "ett hus", "hus"),
        ("vi", "những người", "người"),
        ("vi", "cái bàn", "bàn"),
    ],
)
def test_one_answer_in_two_spellings(language: str, prediction: str, gold: str) -> None:
    assert aware_exact_match(prediction, gold, language) == 1
    assert aware_f1(prediction, gold, language) == 1


@pytest.mark.parametrize(
    ("language", "prediction", "gold", "overlap"),
    [
        ("ar", "رسالة", "رسة", 0),  # no article inside a word
        ("ar", "ال", "ا", 0),  # nor is the article alone one
        ("hi", "राज", "राज\u093c", 0),  # a nukta left out is another spelling
        ("hi", "हिंदी", "हिन्दी", 0),
        ("hi", "कि", "की", 0),  # words are not shattered at their vowel signs
        ("vi", "là của", "của", 2 / 3),  # no articles
        ("tr", "ısı", "isi", 0),
        ("en", "ısı", "isi", 0),
        ("en", "A", "the", 0),  # articles alone are an answer
        ("hi", "the Seine", "Seine", 2 / 3),  # another language's articles are words
        ("zh", "北京大学", "北京", 2 / 3),
        ("en", "北京大学", "北京", 2 / 3),  # by script, whatever the language
        ("ja", "東京タワー", "東京", 4 / 7),
        ("th", "กรุงเทพ", "กรุง", 2 * 3 / (3 + 6)),
        ("ko", "서울 시", "서울", 2 / 3),
        ("xx", "alpha beta", "beta", 2 / 3),
    ],
)
def test_what_stays_apart(language: str, prediction: str, gold: str, overlap: float) -> None:
    assert aware_f1(prediction, gold, language) == pytest.approx(overlap)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("th", "สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("ja", "東京tower 2020年です", ["東", "京", "tower", "2020", "年", "で", "す"]),
        ("km", "ភ្នំពេញ", ["ភ្នំ", "ពេ", "ញ"]),
        ("my", "မန္တလေး", ["မ", "န္တ", "လေး"]),
        ("hi", "भक्ति और १०", ["भक्ति", "और", "10"]),
        ("zh", "𠀀中", ["𠀀", "中"]),
    ],
)
def test_tokens(language: str, text: str, expected: list[str]) -> None:
    assert list(tokens(text, language)) == expected


@pytest.mark.parametrize("case", DIFFERENCES, ids=lambda case: case.rule)
def test_every_difference_to_mlqa_is_one(case: Difference) -> None:
    assert aware_f1(case.prediction, case.gold, case.language) == pytest.approx(case.aware_f1)
    assert case.mlqa_f1 != case.aware_f1
    if case.mlqa_f1 is None:
        with pytest.raises(ValueError, match="MLQA"):
            mlqa_f1(case.prediction, case.gold, case.language)
    else:
        assert mlqa_f1(case.prediction, case.gold, case.language) == pytest.approx(case.mlqa_f1)


def test_plain_words_score_alike() -> None:
    """Without any of the features that the differences list, the two metrics agree."""
    words = {
        "en": ["cold", "the", "river"],
        "de": ["kalt", "der", "fluss"],
        "es": ["frío", "el", "río"],
        "hi": ["ठंडी", "नदी", "है"],
        "vi": ["cái", "bàn", "những"],
        "zh": ["中", "国", "年"],
    }
    compared = 0
    for language, pool in words.items():
        options = [" ".join(some) for count in (1, 2, 3) for some in itertools.permutations(pool, count)]
        for prediction, gold in itertools.product(options, repeat=2):
            if tokens(prediction, language) and not {prediction, gold} & {"the", "der", "el", "cái", "những"}:
                if any(set(text.split()) <= {"cái", "những"} for text in (prediction, gold)):
                    continue
                assert aware_f1(prediction, gold, language) == mlqa_f1(prediction, gold, language)
                compared += 1
    assert compared > 500


def test_both_sides_empty() -> None:
    assert aware_f1("।", "", "hi") == aware_exact_match("।", "", "hi") == 1
    assert aware_f1("।", "क", "hi") == aware_exact_match("", "क", "hi") == 0


def test_no_gold_is_refused_and_the_best_counts() -> None:
    with pytest.raises(ValueError, match="no gold answer"):
        aware_f1("x", [], "or")
    assert aware_f1("१० मई", ["मई", "10 मई"], "hi") == 1


def test_codes_with_a_script_are_read() -> None:
    assert tokens("the x", "eng_Latn") == tokens("the x", "en") == ("x",)
    assert tokens("الكتاب", "arb_Arab") == ("كتاب",)
    assert tokens("IĞDIR", "tur_Latn") == ("ığdır",)


def test_spacing_accents_are_the_characters_that_would_leave_a_lone_mark() -> None:
    for point in range(0x110000):
        char = chr(point)
        whole = unicodedata.normalize("NFKC", char)
        if len(whole) > 1 and whole[0] == " ":
            assert room._SPACING_ACCENT.match(char) or room._APOSTROPHE.match(char), hex(point)


def _place_by_place(text: str, language: str) -> str:
    """Steps 1 to 5 without a short cut: every rule on the whole text, every character looked up."""
    for sequence, letter in room._JOINED.items():
        text = text.replace(sequence, letter)
    text = room._SPACING_ACCENT.sub(" ", room._APOSTROPHE.sub("'", room._INVISIBLE.sub("", text)))
    text = unicodedata.normalize("NFKC", text)
    if language in room._DOTTED_I:
        text = text.replace("İ", "i").replace("I", "ı")
    text = unicodedata.normalize("NFKC", text.casefold())
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    apostrophe = " " if language in room._DIVIDING_APOSTROPHE else None
    return "".join(room._fold(char, apostrophe) or "" for char in text)


@settings(max_examples=1_000, deadline=None)
@given(texts(), st.sampled_from(LANGUAGES))
def test_the_short_cuts_change_nothing(text: str, language: str) -> None:
    assert room._plain(text, language) == _place_by_place(text, language)


@pytest.mark.parametrize("apostrophe", [None, " "])
def test_no_character_is_folded_into_one_that_is_folded(apostrophe: str | None) -> None:
    replies = {room._fold(chr(point), apostrophe) for point in range(0x110000)}
    assert all(room._fold(reply, apostrophe) == reply for reply in replies if reply)


@settings(max_examples=500, deadline=None)
@given(st.lists(texts(), min_size=1, max_size=6), st.sampled_from(LANGUAGES))
def test_no_rule_looks_across_a_newline(found: list[str], language: str) -> None:
    lines = [text.replace("\n", " ") for text in found]
    assert room.tokens_of_lines(lines, language) == [tokens(line, language) for line in lines]
    assert [" ".join(words) for words in squad.tokens_of_lines(lines)] == list(map(squad.normalize, lines))
    for of_mlqa in mlqa.MLQA_LANGUAGES:
        forms = [mlqa.normalize(line, of_mlqa) for line in lines]
        assert [" ".join(words) for words in mlqa.tokens_of_lines(lines, of_mlqa)] == forms


@settings(max_examples=1_000, deadline=None)
@given(texts(), st.sampled_from(LANGUAGES))
def test_what_holds_for_any_text(text: str, language: str) -> None:
    found = tokens(text, language)
    for token in found:
        assert not token.isspace()
        assert not any(unicodedata.category(char)[0] in "PSZ" for char in token)
        assert not any(unicodedata.category(char) == "Nd" and char not in "0123456789" for char in token)
    composed, apart = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)
    assert tokens(composed, language) == tokens(apart, language) == found
    assert tokens("  " + text + " \u0964", language) == found
    assert aware_f1(text, text, language) == aware_exact_match(text, text, language) == 1


@settings(max_examples=500, deadline=None)
@given(pairs(), st.sampled_from(LANGUAGES))
def test_scores_are_symmetric_and_within_bounds(pair: tuple[str, str], language: str) -> None:
    one, other = pair
    score = aware_f1(one, other, language)
    assert 0 <= score <= 1
    assert score == pytest.approx(aware_f1(other, one, language))
    assert score == 1 or aware_exact_match(one, other, language) == 0


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_token_begins_with_a_mark_that_had_a_base(script: str) -> None:
    plain = unicodedata.normalize("NFKD", SCRIPTS[script])  # Thai am begins with a mark
    letters = [char for char in plain if unicodedata.category(char)[0] == "L"]
    marks = [char for char in SCRIPTS[script] if unicodedata.category(char)[0] == "M"]
    for letter, mark in itertools.product(letters, marks):
        for token in tokens(letter + mark + letter + mark, "xx"):
            assert unicodedata.category(token[0])[0] != "M"


def test_each_language_of_real_data(mirror: object) -> None:
    """Every gold answer of XQuAD and XQuAD-IN has a token and fits itself after NFD and native digits."""
    import json
    from pathlib import Path

    files = sorted(Path(str(mirror)).glob("github/google-deepmind/xquad/*/xquad.*.json"))
    files += sorted(Path(str(mirror)).glob("github/Sachi-27/*/*/datasets/xquad_in/*/xquad_*_test.json"))
    assert len(files) >= 25
    for path in files:
        data = json.loads(path.read_text(encoding="utf-8"))
        name = path.stem.removeprefix("xquad.").removeprefix("xquad_").removesuffix("_test")
        items = data.get("examples") or [
            qa for article in data["data"] for part in article["paragraphs"] for qa in part["qas"]
        ]
        for item in items:
            for answer in item["answers"]:
                gold = answer["text"]
                assert tokens(gold, name), (path.name, gold)
                assert aware_exact_match(unicodedata.normalize("NFD", gold), gold, name) == 1
