"""The job folder: what is written can be read, half-written things are not taken for whole ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.jobdir import (
    CellSpec,
    EvaluateSpec,
    GenerateTask,
    JobFolder,
    JobSpec,
    Piece,
    Prompt,
    ScoreTask,
    SeriesSpec,
    SpecError,
    TuneSpec,
    atomic_write,
    decode,
    encode,
)

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
CELLS = (
    CellSpec("b", "d", PROMPT, GenerateTask()),
    CellSpec("b", "d", PROMPT, ScoreTask(), adapters=("t@60",)),
)
SPEC = JobSpec(
    "evaluate", EvaluateSpec("b", CELLS), ("generate-1", "score-1"), {"b": "/models/b", "d": "/data/d"}
)


def test_a_spec_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "job")
    folder.write_spec(SPEC)
    assert folder.spec() == SPEC
    tuning = JobSpec("tune", TuneSpec("b", "d", PROMPT, save_steps=(13, 60)), ("tune-1",), {})
    folder.write_spec(tuning)
    assert folder.spec() == tuning
    assert folder.spec().kind == "tune"
    pieces = (
        Piece("tune", TuneSpec("b", "d", PROMPT), ("tune-1",), 0.25),
        Piece("eval", EvaluateSpec("b", CELLS), ("g", "s")),
    )
    series = JobSpec("series", SeriesSpec("b", pieces), ("tune-1", "g", "s"), {})
    folder.write_spec(series)
    assert folder.spec() == series and folder.spec().kind == "series"


def test_a_job_of_the_schema_before_series_is_read(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.write_spec(replace(SPEC, schema=1))
    assert folder.spec().work == SPEC.work


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 99}, "newer"),
        ({"colour": 1}, "unknown field 'colour'"),
        ({"threads": "two"}, "threads"),
        ({"device": "tpu"}, "'tpu' is none of"),
        ({"keys": "k"}, "expected a list"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, change: dict[str, object], says: str) -> None:
    folder = JobFolder(tmp_path)
    atomic_write(tmp_path / "job.json", json.dumps(encode(SPEC) | change))
    with pytest.raises(SpecError, match=says):
        folder.spec()


def test_a_missing_field_is_named() -> None:
    value = encode(SPEC)
    del value["inputs"]
    with pytest.raises(SpecError, match="'inputs' is missing"):
        decode(JobSpec, value)


def test_events_are_read_once_and_only_whole(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    folder.emit("progress", done=1, total=2)
    events, offset = folder.read_events()
    assert [event.kind for event in events] == ["progress"]
    with folder.events.open("a") as stream:
        stream.write('{"kind": "cell", "da')
    assert folder.read_events(offset) == ([], offset)
    with folder.events.open("a") as stream:
        stream.write('ta": {"key": "k"}, "time": 1.0}\n')
    assert [event.data for event in folder.read_events(offset)[0]] == [{"key": "k"}]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    atomic_write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        atomic_write(path, "\ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


@given(st.text(max_size=2000))
def test_the_log_tail_reads_any_text(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = JobFolder(Path(name))
        folder.log.write_bytes(text.encode("utf-8", "replace"))
        assert len(folder.log_tail(5)) <= 5
