"""Whatever a file holds, a reader accepts it or says what is wrong; never anything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.data.example import read_slice, render_slice
from kit.data.read import QUESTION_FORMATS, read
from kit.data.translations import read_lines, read_pairs
from kit.errors import DataError
from tests.fuzz import examples

TEXTS = st.text(max_size=8) | st.sampled_from(["", " ", "a", "\ud800", "english-1"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects of nearly the right shape: each field right, of any shape, or missing."""
    return st.fixed_dictionaries({}, optional={key: value | VALUES for key, value in fields.items()})


ANSWERS = st.lists(shaped(text=TEXTS) | TEXTS, max_size=3)
ITEM = shaped(
    id=TEXTS | st.integers(), question=TEXTS, context=TEXTS, answers=ANSWERS, answer=TEXTS, context_id=TEXTS
)
CHOOSING = shaped(
    id=TEXTS,
    question=TEXTS,
    context=TEXTS,
    choices=st.lists(TEXTS, max_size=3),
    answer=TEXTS,
    correct=st.integers(-1, 4) | st.sampled_from("ABCD"),
)
BELEBELE = shaped(
    link=TEXTS,
    question_number=st.integers(0, 3),
    flores_passage=TEXTS,
    question=TEXTS,
    **{f"mc_answer{at}": TEXTS for at in range(1, 5)},
    correct_answer_num=st.integers(-1, 5) | TEXTS,
)
PARAGRAPH = shaped(context=TEXTS, qas=st.lists(ITEM, max_size=3))
NESTED = shaped(data=st.lists(shaped(paragraphs=st.lists(PARAGRAPH, max_size=2)), max_size=2))
FLAT = shaped(examples=st.lists(ITEM, max_size=3))
PAIRS = shaped(examples=st.lists(shaped(source=TEXTS, target=TEXTS), max_size=3))
GOOD_ITEM = st.builds(
    lambda name, context, question, gold: {
        "id": f"english-{name}",
        "context": f"c{context}",
        "question": f"q{question}",
        "answers": [{"text": text} for text in gold],
    },
    st.integers(0, 30),
    st.text(max_size=5),
    st.text(max_size=5),
    st.lists(st.text(max_size=3), max_size=2),
)
GOOD = st.lists(GOOD_ITEM, min_size=1, max_size=4).flatmap(
    lambda items: st.sampled_from(
        [
            json.dumps({"examples": items}),
            json.dumps({"data": [{"paragraphs": [{"context": i["context"], "qas": [i]} for i in items]}]}),
            "\n".join(json.dumps(i) for i in items),
        ]
    )
)
CONTENT = (
    GOOD.map(str.encode)
    | st.binary(max_size=40)
    | (VALUES | NESTED | FLAT | PAIRS).map(lambda value: json.dumps(value).encode())
    | st.lists(ITEM | CHOOSING | BELEBELE, max_size=3).map(
        lambda items: "\n".join(json.dumps(i) for i in items).encode()
    )
)
CALM = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("format_name", QUESTION_FORMATS)
@given(content=CONTENT, answerable_only=st.booleans())
@CALM
def test_readers_accept_or_say_why_not(
    tmp_path: Path, format_name: str, content: bytes, answerable_only: bool
) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)
    try:
        examples = read(path, format_name, "en", answerable_only)
    except DataError as problem:
        assert problem.message and problem.remedy and problem.where, str(problem)  # noqa: PT017
        return
    assert examples
    assert len({e.id for e in examples}) == len(examples)
    assert all(e.context.strip() and e.question.strip() and e.language == "en" for e in examples)
    assert all(e.answers for e in examples) or not answerable_only
    for example in examples:
        assert (example.right is None) == (not example.choices)
        assert example.right is None or example.answers == (example.choices[example.right],)
    slice_path = tmp_path / "slice.jsonl"
    slice_path.write_bytes(render_slice(examples))
    assert read_slice(slice_path, "en") == examples


@given(content=CONTENT)
@CALM
def test_translations_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)
    for reader in (lambda: read_pairs(path, "or"), lambda: read_lines(path)):
        try:
            assert reader()
        except DataError as problem:
            assert problem.where is not None and problem.remedy, str(problem)  # noqa: PT017
