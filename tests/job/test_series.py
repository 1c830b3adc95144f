"""A series makes what single jobs make, bit for bit, on one base; a kill costs what is in flight, a failure a piece."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kit.data.example import render_slice
from kit.job.failures import InPiece, classify
from kit.job.work import work
from kit.jobdir import (
    PARENTS_FILE,
    CellSpec,
    EvaluateSpec,
    FailureCode,
    GenerateTask,
    JobFolder,
    JobSpec,
    Lora,
    Piece,
    ScoreTask,
    SeriesSpec,
    TrainerSettings,
    TuneSpec,
    key_of,
    read_json,
    sha256_file,
)
from tests.job.conftest import QA, events, examples

TRAINER = TrainerSettings(epochs=2, batch=2, accumulation=3, learning_rate=0.01)
TUNE = TuneSpec(
    "base-x",
    "data",
    replace(QA, start_token="written"),
    Lora(r=4, alpha=8, dropout=0.2),
    TRAINER,
    save_steps=(1, 2),
)
GENERATE, SCORE = GenerateTask(limit=8), ScoreTask()
SAMPLED = GenerateTask(limit=8, temperature=0.7, stream="item")

Piecemeal = tuple[TuneSpec | list[CellSpec], ...]


def tuned(spec: TuneSpec, step: int = 2) -> tuple[str, ...]:
    return (f"{key_of('tune', spec)}@{step}",)


def cells(adapters: tuple[str, ...] = (), **more: object) -> list[CellSpec]:
    return [
        CellSpec("base-x", "data", QA, task, adapters=adapters, **more)  # type: ignore[arg-type]
        for task in (GENERATE, SCORE, SAMPLED)
    ]


def pieces_of(works: Piecemeal) -> tuple[Piece, ...]:
    made = []
    for number, one in enumerate(works):
        if isinstance(one, TuneSpec):
            made.append(Piece(f"piece-{number}", one, (key_of("tune", one),), 1 / len(works)))
        else:
            keys = tuple(key_of(cell.task.kind, cell) for cell in one)
            made.append(Piece(f"piece-{number}", EvaluateSpec("base-x", tuple(one)), keys, 1 / len(works)))
    return tuple(made)


class Bench:
    """Job folders that share a model and a slice."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root = root
        data = root / "data.jsonl"
        data.write_bytes(render_slice(examples(9)))
        self.inputs = {"base-x": str(model), "data": str(data)}

    def write(self, name: str, pieces: tuple[Piece, ...]) -> JobFolder:
        folder = JobFolder(self.root / name)
        keys = tuple(key for piece in pieces for key in piece.keys)
        folder.write_spec(JobSpec(name, SeriesSpec("base-x", pieces), keys, self.inputs))
        return folder

    def run(self, folder: JobFolder) -> dict[str, str]:
        shutil.rmtree(folder.scratch, ignore_errors=True)
        folder.scratch.mkdir()
        landed: dict[str, str] = {}
        work(folder.spec(), folder, {}, landed)
        return landed

    def alone(self, piece: Piece, adapters: dict[str, str]) -> tuple[JobFolder, dict[str, str]]:
        """The piece as a job of its own."""
        folder = JobFolder(self.root / "single" / piece.name)
        folder.write_spec(JobSpec(piece.name, piece.work, piece.keys, {**self.inputs, **adapters}))
        return folder, self.run(folder)

    def singly(self, works: Piecemeal) -> dict[str, str]:
        """Digests of all that single jobs make of these works, one process each time as far as torch goes."""
        digests: dict[str, str] = {}
        adapters: dict[str, str] = {}
        for piece in pieces_of(works):
            folder, landed = self.alone(piece, adapters)
            if isinstance(piece.work, TuneSpec):
                digests |= {f"{piece.keys[0]}@{step}": digest for step, digest in landed.items()}
                adapters |= {f"{piece.keys[0]}@{s}": str(folder.adapters / s) for s in landed}
            else:
                digests |= landed
        return digests


@pytest.fixture
def bench(tmp_path: Path, random_model: Path) -> Bench:
    return Bench(tmp_path, random_model)


def loads(folder: JobFolder) -> list[str]:
    return [event["name"] for event in events(folder, "phase") if event["name"].startswith("load")]


def test_a_series_makes_what_single_jobs_make_and_loads_the_base_once(bench: Bench) -> None:
    other = replace(TUNE, seed=43, loss_on="answer")
    works = (cells(), TUNE, cells(tuned(TUNE)), other, [*cells(tuned(other, 1)), *cells(tuned(other))])
    folder = bench.write("series", pieces_of(works))
    landed = bench.run(folder)
    assert landed == bench.singly(works)
    assert len(landed) == 3 + 2 + 3 + 2 + 6
    assert loads(folder) == ["load"]
    for key in landed:
        tuning, _, step = key.partition("@")
        place = folder.adapters / tuning / step if step else folder.cells / key
        assert place.is_dir()
    about = [(event["number"], event["of"], event["work"]) for event in events(folder, "piece")]
    assert about == [
        (1, 5, "evaluate"),
        (2, 5, "tune"),
        (3, 5, "evaluate"),
        (4, 5, "tune"),
        (5, 5, "evaluate"),
    ]


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (replace(TUNE, lora=replace(TUNE.lora, bias="all")), "changed weights of its own"),
        (replace(TUNE, trainer=replace(TRAINER, gradient_checkpointing=True)), "checkpointing"),
        (replace(TUNE, weights="bfloat16"), "with weights float32"),
        (replace(TUNE, autocast="bfloat16"), ""),
    ],
    ids=["biases", "checkpointing", "other weights", "autocast"],
)
def test_what_a_tuning_leaves_behind_is_not_left_to_the_next(bench: Bench, first: TuneSpec, why: str) -> None:
    works = (first, TUNE, cells(), cells(tuned(TUNE)), cells(tuned(first)))
    folder = bench.write("series", pieces_of(works))
    assert bench.run(folder) == bench.singly(works)
    told = loads(folder)
    assert told[0] == "load" and ([why in name for name in told[1:]] or [False])[0] == bool(why)


def test_parents_are_merged_into_a_base_of_their_own(bench: Bench) -> None:
    child = replace(TUNE, parents=tuned(TUNE), seed=7)
    works = (TUNE, child, cells((*tuned(TUNE), *tuned(child))), cells())
    folder = bench.write("series", pieces_of(works))
    assert bench.run(folder) == bench.singly(works)
    assert [name.partition(": ")[2] for name in loads(folder)] == [
        "",
        "parents are merged into it",
        "other adapters had been merged into it",
    ]
    kept = folder.adapters / key_of("tune", child) / "2"
    assert read_json(kept / PARENTS_FILE) == {
        tuned(TUNE)[0]: sha256_file(
            folder.adapters / key_of("tune", TUNE) / "2" / "adapter_model.safetensors"
        )
    }


def test_a_failed_parent_costs_its_children_alone(bench: Bench) -> None:
    bad = replace(TUNE, seed=8, save_steps=(99,))
    orphan, child = replace(TUNE, parents=tuned(bad, 99)), replace(TUNE, parents=tuned(TUNE))
    grandchild = replace(orphan, parents=(*orphan.parents, *tuned(orphan)), seed=1)
    works = (bad, orphan, cells((*orphan.parents, *tuned(orphan))), grandchild, TUNE, child)
    pieces = pieces_of((*works, cells((*child.parents, *tuned(child)))))
    folder = bench.write("series", pieces)
    with pytest.raises(InPiece):
        bench.run(folder)
    assert {path.name for path in folder.adapters.iterdir()} == {key_of("tune", TUNE), key_of("tune", child)}
    assert {path.name for path in folder.cells.iterdir()} == set(pieces[-1].keys)
    assert len(events(folder, "warning")) == 3


def test_what_is_in_the_folder_already_is_not_made_again(bench: Bench) -> None:
    pieces = pieces_of((TUNE, cells(tuned(TUNE))))
    folder = bench.write("series", pieces)
    landed = bench.run(folder)
    (folder.cells / pieces[1].keys[0]).rename(bench.root / "taken away")
    shutil.rmtree(folder.adapters)  # as the host takes them
    assert bench.run(folder) == landed
    assert len(events(folder, "adapter")) == 2 and len(events(folder, "cell")) == 4


def test_a_piece_that_fails_costs_what_waits_for_it_and_no_more(bench: Bench) -> None:
    bad = replace(TUNE, seed=8, save_steps=(99,))  # steps are no part of a tuning's key
    worse = replace(TUNE, seed=9, save_steps=(98,))
    works = (cells(), bad, cells(tuned(bad, 99)), worse, TUNE, cells(tuned(TUNE), replicate=1))
    pieces = pieces_of(works)
    folder = bench.write("series", pieces)
    with pytest.raises(InPiece) as failed:
        bench.run(folder)
    failure = classify(failed.value)
    assert failure.code == FailureCode.BAD_INPUT
    assert failure.message.startswith("piece-1: Checkpoints are asked for at steps 99")
    assert {path.name for path in folder.cells.iterdir()} == {*pieces[0].keys, *pieces[5].keys}
    assert [event["message"] for event in events(folder, "warning")] == [
        f"passed over, for what it needs has failed: {pieces[2].name}"
    ]
    made = {path.name: (path / "items.jsonl").read_bytes() for path in folder.cells.iterdir()}
    alone = bench.singly((works[0], works[4], works[5]))
    assert {key: digest for key, digest in alone.items() if key in made} == {
        key: sha256_file(folder.cells / key / "items.jsonl") for key in made
    }


def test_a_lack_of_memory_ends_it_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is started again with smaller batches, so nothing after it is begun in the old ones."""

    def full(*arguments: object) -> None:
        raise MemoryError

    pieces = pieces_of((cells(), cells(replicate=1)))
    folder = bench.write("series", pieces)
    monkeypatch.setattr("kit.job.series.evaluate", full)
    with pytest.raises(InPiece) as failed:
        bench.run(folder)
    assert classify(failed.value).code == FailureCode.OUT_OF_MEMORY
    assert len(events(folder, "piece")) == 1


def _start(folder: JobFolder) -> subprocess.Popen[bytes]:
    with folder.log.open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "kit.job", str(folder.path)], stdout=log, stderr=log)


def _wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_killed_series_goes_on_with_what_was_in_flight(bench: Bench) -> None:
    long = replace(TUNE, trainer=replace(TRAINER, steps=300), seed=5, save_steps=(1, 300))
    works = (TUNE, cells(tuned(TUNE)), long, cells(tuned(long, 300)))
    pieces = pieces_of(works)
    folder = bench.write("series", pieces)
    process = _start(folder)
    _wait(lambda: any(event["steps"] == 300 and event["step"] > 5 for event in events(folder, "train")))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert folder.result() is None
    key = pieces[2].keys[0]
    assert not (folder.adapters / key).exists() and not (folder.kept / key).exists()
    assert {path.name for path in folder.cells.iterdir()} == set(pieces[1].keys)
    before = {path: path.stat().st_mtime_ns for path in folder.cells.glob("*/items.jsonl")}
    assert _start(folder).wait(120) == 0
    assert before.items() <= {p: p.stat().st_mtime_ns for p in folder.cells.glob("*/items.jsonl")}.items()
    result = folder.result()
    assert result is not None and result.produced == bench.singly(works)
    assert not folder.scratch.exists() and not folder.kept.exists()
    assert sum(event["steps"] == 2 and event["step"] == 2 for event in events(folder, "train")) == 1
    assert (
        sha256_file(folder.adapters / key / "300" / "adapter_model.safetensors")
        == result.produced[f"{key}@300"]
    )
    assert json.loads((folder.path / "job.json").read_text())["schema"] == 2
