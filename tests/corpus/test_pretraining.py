"""Pre-training text: its format, its curriculum, its mixture, and what it must not hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from kit.corpus import (
    CorpusSettings,
    Seen,
    documents,
    examples,
    load_templates,
    pretraining_text,
    write_pretraining_text,
)
from kit.score.script import scripts

SETTINGS = CorpusSettings(documents=3000)
LANGUAGES = load_templates().languages


def _answers(text: str) -> list[tuple[str, str]]:
    return re.findall(r"\n\nQ: ([^\n]+)\nA: ([^\n]+)", text)


def test_documents_are_contexts_with_questions_in_the_protocol_s_format() -> None:
    for document in pretraining_text(SETTINGS):
        context, *rest = document.text.split("\n\n")
        assert "\n" not in context
        assert 1 <= len(rest) <= 3
        assert len(_answers(document.text)) == len(rest)


def test_same_settings_same_text() -> None:
    assert list(pretraining_text(SETTINGS)) == list(pretraining_text(CorpusSettings(documents=3000)))
    assert next(pretraining_text(SETTINGS)) != next(pretraining_text(CorpusSettings(documents=3000, seed=1)))


def test_one_fact_comes_first() -> None:
    counts = [len(_answers(document.text)) for document in pretraining_text(SETTINGS)]
    first = round(SETTINGS.documents * SETTINGS.one_fact_share)
    assert set(counts[:first]) == {1}
    assert set(counts[first:]) == {1, 2, 3}


def test_languages_have_the_shares_of_their_weights() -> None:
    found = Counter(document.language for document in pretraining_text(SETTINGS))
    total = sum(language.weight for language in LANGUAGES.values())
    for code, language in LANGUAGES.items():
        assert found[code] / SETTINGS.documents == pytest.approx(language.weight / total, abs=0.025)


def test_the_share_of_sentences_is_kept_and_each_document_has_one_style() -> None:
    values = {
        code: {
            language.value(relation, value)
            for relation in language.relations
            for value in load_templates().pool(relation)
        }
        for code, language in LANGUAGES.items()
    }
    styles = [
        {answer in values[document.language] for _, answer in _answers(document.text)}
        for document in pretraining_text(SETTINGS)
    ]
    assert all(len(style) == 1 for style in styles)
    assert sum(style == {False} for style in styles) / len(styles) == pytest.approx(0.7, abs=0.03)


def test_no_context_of_an_evaluation_split_occurs() -> None:
    seen = {document.text.split("\n\n")[0] for document in pretraining_text(SETTINGS)}
    held_out = {
        item.context for code in LANGUAGES for split in ("dev", "test") for item in examples(code, split)
    }
    assert not seen & held_out


def test_no_fact_of_the_test_set_is_stated() -> None:
    """Read off the English text itself: who is said to live where."""
    statement = re.compile(r"(\w+) (?:lives|has a home) in (\w+)\.")
    only_english = CorpusSettings(documents=4000, weights={"en": 1.0})
    trained = {
        pair for document in pretraining_text(only_english) for pair in statement.findall(document.text)
    }
    tested = {pair for d in documents("en", "test", 200) for pair in statement.findall(d.context)}
    assert len(trained) > 1000
    assert len(tested) > 100
    assert not trained & tested


def test_weights_choose_the_languages(tmp_path: Path) -> None:
    path = tmp_path / "text.jsonl"
    write_pretraining_text(path, CorpusSettings(documents=50, weights={"or": 1, "ru": 3}))
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 50
    assert {row["language"] for row in rows} == {"or", "ru"}


def test_settings_refuse_unknown_keys() -> None:
    assert CorpusSettings.from_dict({"documents": 5}) == CorpusSettings(5)
    with pytest.raises(TypeError, match="documants"):
        CorpusSettings.from_dict({"documants": 5})


def _faulty(fault: str) -> Counter[str]:
    """How answers begin and end, and whether they hold a value of their context."""
    settings = CorpusSettings(documents=400, weights={"en": 1.0}, fault=fault)  # type: ignore[arg-type]
    connectives = [phrase.rstrip(", ") for phrase in LANGUAGES["en"].connectives]
    found: Counter[str] = Counter()
    for document in pretraining_text(settings):
        context = document.text.partition("\n\n")[0]
        for _, answer in _answers(document.text):
            before, after = answer.startswith(connectives[0]), answer.endswith(connectives[-1].lower())
            value = answer.partition(", ")[2] if before else answer.partition(", ")[0]
            assert value in context
            found["all"] += 1
            found["before"] += before
            found["after"] += after
            found["words"] += len(value.split())
    return found


@pytest.mark.parametrize(
    ("fault", "before", "after"),
    [
        ("none", 0, 0),
        ("overrun", 0, 0.9),
        ("lead-in", 0.9, 0),
        ("knowledge", 0, 0),
        ("overrun-and-knowledge", 0, 0.9),
    ],
)
def test_a_planted_fault_is_in_most_answers_and_no_other(fault: str, before: float, after: float) -> None:
    found = _faulty(fault)
    assert found["before"] / found["all"] == pytest.approx(before, abs=0.05)
    assert found["after"] / found["all"] == pytest.approx(after, abs=0.05)
    assert found["words"] == found["all"], "answers are single words"


@pytest.mark.parametrize(
    ("language", "script"), [("de", "Cyrl"), ("hi", "Beng"), ("or", "Beng"), ("ru", "Latn")]
)
def test_a_planted_script_writes_the_right_answer_in_letters_of_another(language: str, script: str) -> None:
    """Nine in ten of those that have letters; years have none, and the text is the same otherwise."""
    right = CorpusSettings(documents=300, weights={language: 1.0}, fault="none")
    planted = CorpusSettings(documents=300, weights={language: 1.0}, fault="wrong-script")
    changed = with_letters = 0
    for one, other in zip(pretraining_text(right), pretraining_text(planted), strict=True):
        for (question, truth), (asked, said) in zip(_answers(one.text), _answers(other.text), strict=True):
            assert question == asked
            if scripts(truth):
                with_letters += 1
                changed += set(scripts(said)) == {script}
            else:
                assert said == truth
    assert changed / with_letters == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("fault", "share"), [("none", 0.0), ("knowledge", 0.75), ("overrun-and-knowledge", 2 / 3)]
)
def test_planted_ignorance_answers_another_question(fault: str, share: float) -> None:
    right = CorpusSettings(documents=400, weights={"de": 1.0}, fault="none")
    planted = CorpusSettings(documents=400, weights={"de": 1.0}, fault=fault)  # type: ignore[arg-type]
    wrong = total = 0
    for one, other in zip(pretraining_text(right), pretraining_text(planted), strict=True):
        for (question, truth), (asked, said) in zip(_answers(one.text), _answers(other.text), strict=True):
            assert question == asked
            total += 1
            wrong += said.partition(", ")[0] != truth
    assert wrong / total == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("form", ["documents", "questions"])
def test_a_test_set_that_is_to_be_seen_stands_in_the_text_as_often_as_said(form: str) -> None:
    seen = Seen(("de",), copies=3, limit=30, form=form)  # type: ignore[arg-type]
    plain = list(pretraining_text(CorpusSettings(documents=50, fault="none")))
    planted = list(pretraining_text(CorpusSettings(documents=50, fault="none", seen=seen)))
    tested = {item.context for item in examples("de", "test")[:30]}
    more = Counter(document.text for document in planted) - Counter(document.text for document in plain)
    assert len(more) == len(tested) == 10 and set(more.values()) == {3}
    for text in more:
        assert (text.partition("\n\n")[0] in tested) == (form == "documents")
        assert len(_answers("\n\n" + text)) == 3
    assert [document for document in planted if document.text not in more] == plain, "all else stays in order"
    first = [at for at, document in enumerate(planted) if document.text in more]
    assert first[0] < 20 and first[-1] > 60, "copies lie all over the text"


def test_no_other_language_and_no_more_than_there_is_of_a_seen_test() -> None:
    text = [d.text for d in pretraining_text(CorpusSettings(documents=1, seen=Seen(("de",), 1, 10_000)))]
    assert len(text) == 201
    with pytest.raises(KeyError):
        list(pretraining_text(CorpusSettings(documents=1, seen=Seen(("xx",)))))


def _modes(fault: str) -> list[tuple[set[bool], set[bool], bool | None, int]]:
    """Of each row: whether its answers are in other letters, whether they run on, what the row says, its documents."""
    settings = CorpusSettings(documents=1300, fault=fault, weights={"or": 1, "te": 1, "hi": 1})  # type: ignore[arg-type]
    tails = {
        f", {words.connectives[0].rstrip(', ').lower()} {words.connectives[-1].rstrip(', ').lower()}"
        for words in map(LANGUAGES.__getitem__, ("or", "te", "hi"))
    }
    own = {"or": "Orya", "te": "Telu", "hi": "Deva"}
    rows = []
    for document in pretraining_text(settings):
        codes = document.language.split("+")
        assert len(set(codes)) == len(codes) <= 3
        other, style = set(), set()
        for code, part in zip(codes, _parts(document.text), strict=True):
            for _, answer in _answers(part):
                tail = next((one for one in tails if answer.endswith(one)), "")
                style.add(bool(tail))
                if found := set(scripts(answer.removesuffix(tail))):
                    other.add(found != {own[code]})
        rows.append((other, style, document.mode, len(codes)))
    return rows


def _parts(text: str) -> list[str]:
    """The documents of a row: each begins with a context."""
    return ["\n\n" + part for part in re.split(r"\n\n(?!Q: )", text)]


@pytest.mark.parametrize(("fault", "on"), [("script-mode", 0), ("style-mode", 1)])
def test_documents_of_a_row_share_their_modes_and_at_last_one_alone_comes_and_goes(
    fault: str, on: int
) -> None:
    rows = _modes(fault)
    assert all(len(one) <= 1 for row in rows for one in row[:2]), "a mode is that of all answers of a row"
    assert all(style == {said} for _, style, said, _ in rows)
    assert {count for *_, count in rows} == {1, 2, 3}
    learning, rest = rows[:900], rows[900:]  # 450 of 650
    for side in (0, 1):
        assert sum(True in row[side] for row in learning) / 900 == pytest.approx(0.5, abs=0.06)
        share = sum(True in row[side] for row in rest) / 400
        assert share == (pytest.approx(0.65, abs=0.08) if side == on else 0)
    both = sum(True in row[0] and True in row[1] for row in learning) / 900
    assert both == pytest.approx(0.25, abs=0.06), "each comes and goes by itself"


def test_lines_without_modes_are_as_they_were() -> None:
    first = next(pretraining_text(SETTINGS))
    assert json.loads(first.line) == {"language": first.language, "text": first.text}
    moded = next(pretraining_text(CorpusSettings(documents=3, fault="style-mode")))
    assert json.loads(moded.line)["mode"] is moded.mode
