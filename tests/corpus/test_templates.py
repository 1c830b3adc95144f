"""The words of the corpus: complete, unambiguous, and in the script that each language claims."""

from __future__ import annotations

import re
import string
import unicodedata

import pytest

from kit.corpus import RELATIONS, load_templates

TEMPLATES = load_templates()
CODES = sorted(TEMPLATES.languages)
SCRIPT_NAMES = {
    "Latn": "LATIN",
    "Cyrl": "CYRILLIC",
    "Deva": "DEVANAGARI",
    "Beng": "BENGALI",
    "Orya": "ORIYA",
    "Telu": "TELUGU",
}


def _sentences(code: str) -> list[str]:
    relations = TEMPLATES.languages[code].relations.values()
    return [line for r in relations for line in (*r.facts, *r.questions, *r.sentences)]


def test_nine_languages_in_six_scripts() -> None:
    assert len(CODES) == 9
    assert {language.script.code for language in TEMPLATES.languages.values()} == set(SCRIPT_NAMES)
    assert {language.resources for language in TEMPLATES.languages.values()} == {"high", "mid", "low"}


def test_resources_follow_the_weights() -> None:
    order = ["low", "mid", "high"]
    languages = sorted(TEMPLATES.languages.values(), key=lambda language: language.weight)
    ranks = [order.index(language.resources) for language in languages]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("code", CODES)
def test_letters_are_of_the_script(code: str) -> None:
    language = TEMPLATES.languages[code]
    text = " ".join([*_sentences(code), *language.connectives, *language.professions.values()])
    text = re.sub(r"\{[pv]\}", "", text) + language.script.name("bani") + language.script.name("dupe")
    letters = [character for character in text if unicodedata.category(character)[0] in "LM"]
    script = SCRIPT_NAMES[language.script.code]
    strangers = {letter for letter in letters if not unicodedata.name(letter).startswith(script)}
    assert not strangers


@pytest.mark.parametrize("code", CODES)
def test_text_is_composed(code: str) -> None:
    for line in (*_sentences(code), *TEMPLATES.languages[code].professions.values()):
        assert unicodedata.normalize("NFC", line) == line


@pytest.mark.parametrize("code", CODES)
def test_facts_and_sentences_name_person_and_value_and_questions_the_person_alone(code: str) -> None:
    fields = string.Formatter()
    for relation in TEMPLATES.languages[code].relations.values():
        for line in (*relation.facts, *relation.sentences):
            assert sorted(name for _, name, _, _ in fields.parse(line) if name) == ["p", "v"], line
        for line in relation.questions:
            assert [name for _, name, _, _ in fields.parse(line) if name] == ["p"], line


@pytest.mark.parametrize("code", CODES)
def test_every_value_is_written_in_a_way_of_its_own(code: str) -> None:
    language = TEMPLATES.languages[code]
    values = {(r, v): language.value(r, v) for r in RELATIONS for v in TEMPLATES.pool(r)}
    assert len(set(values.values())) == len(values) == 48 + 16 + 40 + 48
    assert all(re.fullmatch("[0-9]{4}", values["born", year]) for year in TEMPLATES.years)
