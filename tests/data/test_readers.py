"""Each format: what a good file gives, and where a bad one is bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.data.example import Example
from kit.data.read import QUESTION_FORMATS, read
from kit.data.translations import read_lines, read_pairs
from kit.errors import DataError, MissingInputError


def item(name: Any, question: str = "Why?", *answers: str, **more: Any) -> dict[str, Any]:
    gold = [{"text": answer, "answer_start": 0} for answer in answers]
    return {"id": name, "question": question, "answers": gold, **more}


def squad(*paragraphs: tuple[str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {"data": [{"title": "t", "paragraphs": [{"context": c, "qas": q}]} for c, q in paragraphs]}


def save(folder: Path, content: Any) -> Path:
    path = folder / "data.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_squad(tmp_path: Path) -> None:
    path = save(tmp_path, squad(("One.", [item("b", "What?", " one\n", "One"), item("a", "Who?", "x")])))
    assert read(path, "squad", "de") == [
        Example("b", "c-a", "One.", "What?", ("one", "One"), "de"),
        Example("a", "c-a", "One.", "Who?", ("x",), "de"),
    ]


def test_indicqa_keeps_or_drops_unanswerable_questions(tmp_path: Path) -> None:
    content = squad(("One.", [item(0, "A?", ""), item(7, "B?", "b"), item(10, "C?", " "), item(11, "D?")]))
    path = save(tmp_path, content)
    kept = read(path, "squad", "or", answerable_only=True)
    assert [(e.id, e.answers) for e in kept] == [("7", ("b",))]
    everything = read(path, "squad", "or")
    assert [(e.id, e.answers) for e in everything] == [("0", ()), ("7", ("b",)), ("10", ()), ("11", ())]
    assert {e.context_id for e in everything} == {e.context_id for e in kept} == {"c-0"}


def test_tydiqa_takes_one_language_and_all_its_answers_in_order(tmp_path: Path) -> None:
    content = squad(
        ("Yksi.", [item("finnish-1-0", "Mikä?", "yksi", "Yksi", "yksi.")]),
        ("One.", [item("english-1-0", "What?", "one")]),
    )
    path = save(tmp_path, content)
    assert [e.answers for e in read(path, "tydiqa", "fi")] == [("yksi", "Yksi", "yksi.")]
    with pytest.raises(DataError, match=r"'telugu-'.*holds: english, finnish"):
        read(path, "tydiqa", "te")


def test_xquad_in_is_labelled_by_the_caller(tmp_path: Path) -> None:
    examples = [item("q", "Was?", "eins", context="Eins.", lang="en", title="")]
    path = save(tmp_path, {"canary": "x", "examples": examples})
    assert read(path, "xquad-in", "de") == [Example("q", "c-q", "Eins.", "Was?", ("eins",), "de")]


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "context": "A\u2028b.", "question": "Q?", "answer": " one "},
        {"id": "2", "context": "A\u2028b.", "question": "Q?", "answers": ["two", "zwei"]},
        {"id": "3", "context": "C.", "question": "Q?", "answers": [{"text": "three"}], "context_id": "mine"},
    ]
    text = "\n\r\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n"
    found = read(save(tmp_path, text), "jsonl", "en")
    assert [(e.id, e.context_id, e.answers) for e in found] == [
        ("1", "c-1", ("one",)),
        ("2", "c-1", ("two", "zwei")),
        ("3", "mine", ("three",)),
    ]


def test_clusters_do_not_depend_on_order_or_language(tmp_path: Path) -> None:
    flat = [("z", "A."), ("y", "B."), ("a", "A."), ("x", "B.")]
    german = [item(i, "?", "x", context=f"{c} auf Deutsch") for i, c in reversed(flat)]
    one = read(
        save(tmp_path, {"examples": [item(i, "?", "x", context=c) for i, c in flat]}), "xquad-in", "en"
    )
    two = read(save(tmp_path, {"examples": german}), "xquad-in", "de")
    assert {e.id: e.context_id for e in one} == {e.id: e.context_id for e in two}
    assert {e.context_id for e in one} == {"c-a", "c-x"}


GOOD = json.dumps(squad(("One.", [item("a", "What?", "one")])), indent=1)


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (GOOD[: len(GOOD) // 2], None, "ends too early"),
        ("", None, "empty"),
        ("<!DOCTYPE html><html>", 1, "web page"),
        ('{"data": [\n1,\n2 3]}', 3, "not JSON"),
        ('{"data": NaN}', None, "NaN"),
        ("[" * 100_000, None, "nested too deeply"),
        ('{"data": ' + "9" * 5000 + "}", None, "not JSON"),
        ("[]", None, "an object was expected, not a list"),
        ('{"examples": []}', None, "`data` is missing (keys here: examples)"),
        ('{"data": {}}', None, "data: a list was expected, not an object"),
        ('{"data": []}', None, "holds no question"),
        (json.dumps(squad(("One.", [item("a"), item("a")]))), None, "qas[1]: the id 'a' is used twice"),
        (json.dumps(squad(("One.", [item(1), item("1")]))), None, "used twice"),
        (json.dumps(squad(("One.", [item(True)]))), None, "qas[0].id: text was expected, not a boolean"),
        (json.dumps(squad(("One.", [item("")]))), None, "qas[0].id: the text is empty"),
        (json.dumps(squad((" ", [item("a")]))), None, "data[0].paragraphs[0].context: the text is empty"),
        (json.dumps(squad(("\ud800", [item("a")]))), None, "half a surrogate pair"),
        (json.dumps(squad(("One.", [item("a") | {"answers": None}]))), None, "answers: a list was expected"),
        (json.dumps(squad(("One.", [item("a") | {"answers": [{"txt": "b"}]}]))), None, "`text` is missing"),
    ],
)
def test_bad_json_files(tmp_path: Path, content: str, line: int | None, message: str) -> None:
    path = save(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read(path, "squad", "en")
    assert message in caught.value.message
    assert caught.value.where is not None
    assert caught.value.where.path == str(path)
    if line:
        assert caught.value.where.line == line


def test_bad_lines_have_their_number(tmp_path: Path) -> None:
    good = '{"id": "%s", "context": "c", "question": "q", "answer": "a"}\n'
    for bad, message in (
        (good % 1, "used twice, first at line 1"),
        ('{"id": "2", "context": "c", "question": "q"}', "`answers` is missing"),
        ('{"id": "2", "context": "c", "question": "q", "answer": "a", "answers": []}', "side by side"),
        ('{"id": "2", "context"', "ends too early"),
        ("17", "an object was expected"),
    ):
        path = save(tmp_path, good % 1 + "\n" + bad)
        with pytest.raises(DataError) as caught:
            read(path, "jsonl", "en")
        assert message in caught.value.message
        assert caught.value.where is not None
        assert caught.value.where.line == 3


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b'{\n"data": "\xe9"}')
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read(path, "squad", "en")
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (2, 10)
    path.write_bytes('{"data": "ଓ'.encode()[:-1])
    with pytest.raises(DataError, match="cut off"):
        read(path, "squad", "en")


def test_absent_files_folders_and_unknown_formats(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such file"):
        read(tmp_path / "absent.json", "squad", "en")
    with pytest.raises(DataError, match="no regular file"):
        read(tmp_path, "squad", "en")
    with pytest.raises(DataError, match="use squad, xquad-in"):
        read(tmp_path, "csv", "en")
    assert QUESTION_FORMATS == ("squad", "xquad-in", "tydiqa", "jsonl", "belebele")


def test_pairs_and_lines(tmp_path: Path) -> None:
    path = save(tmp_path, {"examples": [{"source": "a", "target": "b", "lang": "or"}]})
    assert [(p.id, p.source, p.target, p.language) for p in read_pairs(path, "or")] == [("0", "a", "b", "or")]
    with pytest.raises(DataError, match="no pair"):
        read_pairs(save(tmp_path, {"examples": []}), "or")
    assert read_lines(save(tmp_path, "a\r\nb c\n")) == ["a", "b c"]
    with pytest.raises(DataError, match="line is empty") as caught:
        read_lines(save(tmp_path, "a\n\nb\n"))
    assert caught.value.where is not None
    assert caught.value.where.line == 2
