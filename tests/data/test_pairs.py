"""Translation pairs: three ways to write them, and what becomes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.data.example import Example
from kit.data.translations import PairsFormat, as_examples, read_pairs
from kit.errors import DataError, MissingInputError

PAIRS = [("Good day.", "శుభోదయం."), ("One\u2028line", 'ఒక "పంక్తి"')]
WRITTEN: dict[PairsFormat, str] = {
    "pairs": json.dumps(
        {"canary": "x", "examples": [{"source": s, "target": t, "lang": "te"} for s, t in PAIRS]}
    ),
    "pairs-jsonl": "\n".join(json.dumps({"idx": 1, "src": s, "tgt": t}) for s, t in PAIRS) + "\n\n",
    "pairs-tsv": "\r\n".join(f"{s}\t{t}" for s, t in PAIRS) + "\r\n",
}


@pytest.mark.parametrize("way", WRITTEN)
def test_three_ways_to_write_the_same_pairs(tmp_path: Path, way: PairsFormat) -> None:
    path = tmp_path / "pairs"
    path.write_text(WRITTEN[way], encoding="utf-8", newline="")
    pairs = read_pairs(path, "te", way)
    assert [(pair.source, pair.target) for pair in pairs] == PAIRS
    assert [pair.id for pair in pairs] == ["0", "1"]
    assert as_examples(pairs, "Translate!", "en")[1] == Example(
        "1", "c-1", PAIRS[1][0], "Translate!", (PAIRS[1][1],), "en"
    )


@pytest.mark.parametrize(
    ("way", "text", "message"),
    [
        ("pairs-tsv", "a\tb\nc\n", r"pairs:2.*with a tab between them were expected, not 1 columns"),
        ("pairs-tsv", "a\tb\tc\n", r"pairs:1.*not 3 columns"),
        ("pairs-tsv", "a\t \n", r"pairs:1.*one of the two columns is empty"),
        ("pairs-tsv", "\n", "the file holds no pair"),
        ("pairs-jsonl", '{"source": "a", "target": "b"}\n{"source": "a"}', r"pairs:2.*`target` is missing"),
        ("pairs-jsonl", '{"tgt": "a"}', r"pairs:1.*`src` is missing"),
        ("pairs-jsonl", '{"source": "a", "target": 3}', r"pairs:1.*text was expected, not a number"),
        ("pairs-jsonl", "{", r"pairs:1.*JSON"),
        ("pairs", '{"examples": []}', "the file holds no pair"),
        ("pairs", "[]", "an object was expected"),
    ],
)
def test_faults_name_the_line(tmp_path: Path, way: PairsFormat, text: str, message: str) -> None:
    path = tmp_path / "pairs"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_pairs(path, "te", way)


def test_an_absent_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read_pairs(tmp_path / "none", "te", "pairs-tsv")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=60), st.sampled_from(sorted(WRITTEN)))
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path: Path, content: bytes, way: PairsFormat
) -> None:
    path = tmp_path / "pairs"
    path.write_bytes(content)
    pairs, fault = [], None
    try:
        pairs = read_pairs(path, "te", way)
    except DataError as problem:
        fault = problem
    assert all(pair.source.strip() and pair.target.strip() for pair in pairs)
    assert pairs or (fault is not None and fault.where is not None and fault.where.path == str(path))
