"""Items with choices: Belebele's files, and JSON lines of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit.data.example import Example, read_slice, render_slice
from kit.data.read import read
from kit.errors import DataError
from tests.made_up import belebele_lines

ROW = {"id": "a", "context": "One.", "question": "Which?", "choices": ["x", " y ", "z"]}


def saved(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def belebele(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(belebele_lines("en", 1))
    return row | changes


def test_belebele_as_it_is_published(tmp_path: Path) -> None:
    rows = [
        belebele(link="https://w/1", question_number=2, mc_answer1="b ", correct_answer_num="1"),
        belebele(link="https://w/1", question_number=1, question=" Who? ", correct_answer_num=4),
        belebele(link="https://w/2", question_number=1, flores_passage="Another."),
    ]
    found = read(saved(tmp_path, *rows), "belebele", "or")
    assert [e.id for e in found] == ["https://w/1#2", "https://w/1#1", "https://w/2#1"]
    assert [e.context_id for e in found] == ["c-https://w/1#1", "c-https://w/1#1", "c-https://w/2#1"]
    assert (found[0].choices[0], found[0].right, found[0].answers) == ("b", 0, ("b",))
    assert (found[1].question, found[1].right, found[1].answers) == ("Who?", 3, (rows[1]["mc_answer4"],))
    assert {e.language for e in found} == {"or"}


def test_two_choices_of_one_text_are_kept(tmp_path: Path) -> None:
    row = belebele(mc_answer1="same", mc_answer2="same", correct_answer_num="2")
    (found,) = read(saved(tmp_path, row), "belebele", "en")
    assert (found.choices[:2], found.right) == (("same", "same"), 1)


@pytest.mark.parametrize(
    ("named", "right"),
    [
        ({"answer": "y"}, 1),
        ({"answer": " z"}, 2),
        ({"correct": 1}, 0),
        ({"correct": "3"}, 2),
        ({"correct": "B"}, 1),
    ],
)
def test_the_right_choice_is_named_by_text_number_or_letter(
    tmp_path: Path, named: dict[str, Any], right: int
) -> None:
    (found,) = read(saved(tmp_path, ROW | named), "jsonl", "en")
    assert found == Example(
        "a", "c-a", "One.", "Which?", (found.choices[right],), "en", ("x", "y", "z"), right
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW, "neither of"),
        (ROW | {"answer": "x", "correct": 1}, "both of"),
        (ROW | {"answer": "w"}, "'w' is the text of no choice"),
        (ROW | {"choices": ["x", "x"], "answer": "x"}, "'x' is the text of several choices"),
        (ROW | {"correct": 0}, "'0' is the number of no choice"),
        (ROW | {"correct": 4}, "'4' is the number of no choice"),
        (ROW | {"correct": "AB"}, "'AB' is the number of no choice"),
        (ROW | {"correct": "0010"}, "'0010' is the number of no choice"),
        (ROW | {"correct": True}, "correct: text was expected, not a boolean"),
        (ROW | {"choices": ["x"], "correct": 1}, "1 choices"),
        (ROW | {"choices": [str(at) for at in range(27)], "correct": 1}, "27 choices"),
        (ROW | {"choices": ["x", " "], "correct": 1}, "choices[1]: the text is empty"),
        (ROW | {"choices": "xy", "correct": 1}, "choices: a list was expected"),
        ({"id": "b", "context": "c", "question": "q", "answer": "a"}, "no choices, and 'good' has"),
    ],
)
def test_bad_choices_are_refused_with_their_line(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = saved(tmp_path, ROW | {"id": "good", "correct": 1}, row)
    with pytest.raises(DataError) as caught:
        read(path, "jsonl", "en")
    assert message in caught.value.message
    assert caught.value.where is not None and caught.value.where.line == 2
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"correct_answer_num": "5"}, "correct_answer_num: '5' is the number of no choice"),
        ({"mc_answer3": ""}, "mc_answer3: the text is empty"),
        ({"link": None}, "link: text was expected, not null"),
    ],
)
def test_bad_belebele_files(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=r"data\.jsonl:1") as caught:
        read(saved(tmp_path, belebele(**changes)), "belebele", "en")
    assert message in caught.value.message


def test_slices_keep_choices_and_open_ones_keep_their_ids(tmp_path: Path) -> None:
    open_one = Example("a", "c-a", "One.", "Who?", ("x",), "en")
    assert b"choices" not in render_slice([open_one])
    found = read(saved(tmp_path, ROW | {"correct": 2}), "jsonl", "en")
    path = tmp_path / "slice"
    path.write_bytes(render_slice(found))
    assert read_slice(path, "en") == found
