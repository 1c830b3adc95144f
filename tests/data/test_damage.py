"""Good files of every format come back as they were written; damaged ones are refused, or still mean what they say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.data.example import Example
from kit.data.read import QUESTION_FORMATS, read
from kit.errors import DataError, MissingInputError
from tests.fuzz import examples

LETTERS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda t: t.strip()
)
ITEMS = st.lists(
    st.tuples(LETTERS, LETTERS, st.lists(LETTERS.map(str.strip), min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)
CALM = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def written(format_name: str, items: list[tuple[str, str, list[str]]]) -> bytes:
    """Items as a file of the format has them; ids are `english-0` and so on."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"english-{i}",
            "context": c,
            "question": q,
            "answers": [{"text": a, "answer_start": -1} for a in gold],
        }
        for i, (c, q, gold) in enumerate(items)
    ]
    if format_name == "belebele":
        rows = [
            {
                "link": f"english-{i}",
                "question_number": 1,
                "flores_passage": row["context"],
                "question": row["question"],
                **{f"mc_answer{at}": gold for at in range(1, 5) for gold in [row["answers"][0]["text"]]},
                "correct_answer_num": str(i % 4 + 1),
            }
            for i, row in enumerate(rows)
        ]
    if format_name in ("jsonl", "belebele"):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if format_name == "xquad-in":
        return json.dumps({"canary": "x", "examples": rows}, ensure_ascii=False).encode()
    articles = [{"title": "t", "paragraphs": [{"context": row.pop("context"), "qas": [row]}]} for row in rows]
    return json.dumps({"data": articles}, ensure_ascii=False).encode()


def as_read(
    format_name: str, items: list[tuple[str, str, list[str]]]
) -> list[tuple[str, str, str, tuple[str, ...]]]:
    if format_name == "belebele":
        return [(f"english-{i}#1", c, q.strip(), (gold[0],)) for i, (c, q, gold) in enumerate(items)]
    return [(f"english-{i}", c, q, tuple(gold)) for i, (c, q, gold) in enumerate(items)]


def plain(found: list[Example]) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(e.id, e.context, e.question, e.answers) for e in found]


@pytest.mark.parametrize("format_name", QUESTION_FORMATS)
@given(items=ITEMS, bom=st.booleans())
@CALM
def test_what_is_written_is_read(
    tmp_path: Path, format_name: str, items: list[tuple[str, str, list[str]]], bom: bool
) -> None:
    path = tmp_path / "data"
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + written(format_name, items))
    assert plain(read(path, format_name, "en")) == as_read(format_name, items)


@pytest.mark.parametrize("format_name", QUESTION_FORMATS)
@given(items=ITEMS, at=st.floats(0, 1), bytes_=st.binary(max_size=4), cut=st.booleans())
@CALM
def test_damage_is_refused_or_harmless(
    tmp_path: Path,
    format_name: str,
    items: list[tuple[str, str, list[str]]],
    at: float,
    bytes_: bytes,
    cut: bool,
) -> None:
    path, good = tmp_path / "data", written(format_name, items)
    place = round(at * len(good))
    path.write_bytes(good[:place] + bytes_ + (b"" if cut else good[place + len(bytes_) :]))
    try:
        found = read(path, format_name, "en")
    except DataError as problem:
        assert problem.where is not None and problem.where.path == str(path)  # noqa: PT017
        assert problem.remedy, str(problem)  # noqa: PT017
        return
    assert len(found) <= len(items) + 1 and len({e.id for e in found}) == len(found)


HOSTILE = {
    "nested": b"[" * 100_000,
    "nested objects": b'{"data":' * 100_000,
    "twice": b'{"id": "1", "id": "2", "context": "c", "question": "q", "answers": ["a"]}',
    "digits": b'{"data": ' + b"9" * 5000 + b"}",
    "nan": b'{"data": NaN}',
    "utf-16": '{"data": []}'.encode("utf-16"),
    "nul": b'{"data": "\x00"}',
    "web page": b"<!DOCTYPE html><html></html>",
    "empty": b"",
    "long line": b'{"context": "' + b"x" * (1 << 20),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("format_name", QUESTION_FORMATS)
def test_hostile_files(tmp_path: Path, format_name: str, name: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(DataError) as caught:
        read(path, format_name, "en")
    assert caught.value.where is not None and caught.value.remedy
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("format_name", QUESTION_FORMATS)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, format_name: str) -> None:
    pipe, loop = tmp_path / "pipe", tmp_path / "loop"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    for path in (pipe, tmp_path, Path("/dev/zero"), loop):
        with pytest.raises((DataError, MissingInputError)) as caught:
            read(path, format_name, "en")
        assert caught.value.remedy
