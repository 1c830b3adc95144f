"""`python -m kit.job JOB_DIR` as others start it: exit codes, results, signals, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.data.example import render_slice, slice_id
from kit.jobdir import (
    CellSpec,
    EvaluateSpec,
    FailureCode,
    GenerateTask,
    JobFolder,
    JobSpec,
    Lora,
    PretrainSpec,
    TrainerSettings,
    TuneSpec,
    key_of,
    sha256_file,
    tree_digest,
)
from tests.job.conftest import EMBEDDED, QA, events, examples, items

CELL = CellSpec("base-t", "data", QA, GenerateTask(limit=8))
TUNE = TuneSpec(
    "base-t", "data", QA, Lora(r=2, dropout=0.0), TrainerSettings(steps=500), save_steps=(1, 2, 500)
)


def _folder(tmp_path: Path, work: EvaluateSpec | TuneSpec | PretrainSpec, keys: tuple[str, ...]) -> JobFolder:
    data = tmp_path / "data.jsonl"
    data.write_bytes(render_slice(examples(8)))
    folder = JobFolder(tmp_path / "job")
    folder.write_spec(JobSpec("job", work, keys, {"base-t": str(EMBEDDED), "data": str(data)}))
    return folder


def _start(folder: JobFolder) -> subprocess.Popen[bytes]:
    with folder.log.open("ab") as log:
        return subprocess.Popen([sys.executable, "-m", "kit.job", str(folder.path)], stdout=log, stderr=log)


def _wait(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_job_that_is_done_says_so_and_what_it_ran_on(tmp_path: Path) -> None:
    key = key_of("cell", CELL)
    folder = _folder(tmp_path, EvaluateSpec("base-t", (CELL,)), (key,))
    (folder.scratch / key).mkdir(parents=True)
    (folder.scratch / key / "items.jsonl").write_text("half of an earlier go")
    assert _start(folder).wait(120) == 0
    result = folder.result()
    assert result is not None
    assert (result.state, result.failure) == ("done", None)
    assert result.produced == {key: sha256_file(folder.cells / key / "items.jsonl")}
    assert {"python", "platform", "machine", "device", "torch", "transformers", "peft", "threads"} <= set(
        result.environment
    )
    about = json.loads((folder.cells / key / "cell.json").read_text(encoding="utf-8"))
    told = {k: v for k, v in result.environment.items() if not k.startswith("peak_")}
    assert about["environment"] == told and result.environment["peak_memory"] > 0
    kinds = [event.kind for event in folder.read_events()[0]]
    assert kinds == ["started", "phase", "phase", "cell", "finished"]
    assert not folder.scratch.exists()
    assert len(items(folder, CELL)) == 8
    assert "Loading" not in folder.log.read_text(), "the libraries' progress bars are quiet"


def test_a_pretraining_lands_as_a_model(tmp_path: Path) -> None:
    settings = {"steps": 2, "vocab_size": 300, "layers": 1, "hidden": 16, "heads": 2, "batch": 2, "window": 1}
    folder = _folder(tmp_path, PretrainSpec("text", settings, seed=3), ("pretrain-x",))
    text = tmp_path / "text.jsonl"
    text.write_text("".join(json.dumps({"text": f"Mira {i}\n\nQ: x\nA: y\n"}) + "\n" for i in range(4)))
    spec = folder.spec()
    folder.write_spec(JobSpec(spec.name, spec.work, spec.keys, {"text": str(text)}))
    assert _start(folder).wait(120) == 0
    result = folder.result()
    assert result is not None
    assert result.produced == {"model": tree_digest(folder.model)}
    assert (folder.model / "model.safetensors").is_file()
    assert [event["step"] for event in events(folder, "train")] == [2]


def test_a_stopped_tuning_leaves_whole_adapters_and_says_stopped(tmp_path: Path) -> None:
    folder = _folder(tmp_path, TUNE, ("tune-x",))
    process = _start(folder)
    _wait(lambda: (folder.adapters / "2").is_dir())
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    result = folder.result()
    assert result is not None
    assert result.failure is not None
    assert (result.state, result.failure.code) == ("failed", FailureCode.STOPPED)
    assert sorted(result.produced) == ["1", "2"]
    for step, digest in result.produced.items():
        assert digest == sha256_file(folder.adapters / step / "adapter_model.safetensors")


def test_a_killed_job_leaves_whole_cells_alone_and_goes_on_where_it_was(tmp_path: Path) -> None:
    slow = CellSpec("base-t", "data", QA, GenerateTask(stop="end", limit=100_000), mode="exact", seed=1)
    keys = (key_of("cell", CELL), key_of("cell", slow))
    folder = _folder(tmp_path, EvaluateSpec("base-t", (CELL, slow)), keys)
    process = _start(folder)
    _wait(lambda: (folder.cells / keys[0]).is_dir() and any(folder.scratch.glob(f"{keys[1]}*")))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)
    assert folder.result() is None
    assert [path.name for path in folder.cells.iterdir()] == [keys[0]]
    before = (folder.cells / keys[0] / "items.jsonl").stat().st_mtime_ns
    short = JobSpec("job", EvaluateSpec("base-t", (CELL,)), keys[:1], folder.spec().inputs)
    folder.write_spec(short)
    assert _start(folder).wait(120) == 0
    assert (folder.cells / keys[0] / "items.jsonl").stat().st_mtime_ns == before
    assert not folder.scratch.exists()


def test_a_full_disk_is_told_in_the_result(tmp_path: Path) -> None:
    folder = _folder(tmp_path, EvaluateSpec("base-t", (CELL,)), (key_of("cell", CELL),))
    folder.events.symlink_to("/dev/full")  # the file system's own answer to a full disk
    assert _start(folder).wait(60) == 1
    result = folder.result()
    assert result is not None
    assert result.failure is not None
    assert result.failure.code == FailureCode.DISK_FULL


@pytest.mark.parametrize("content", [None, "{", '{"schema": 99}', '{"name": "x"}'])
def test_a_job_that_cannot_be_read_is_bad_input_and_imports_no_torch(
    tmp_path: Path, content: str | None
) -> None:
    folder = JobFolder(tmp_path)
    if content is not None:
        (tmp_path / "job.json").write_text(content)
    assert _start(folder).wait(60) == 1
    result = folder.result()
    assert result is not None
    assert result.failure is not None
    assert result.failure.code == FailureCode.BAD_INPUT
    assert "job.json" in result.failure.message
    assert result.environment == {}


def test_a_missing_input_is_bad_input_with_its_path(tmp_path: Path) -> None:
    folder = _folder(tmp_path, EvaluateSpec("base-t", (CELL,)), (key_of("cell", CELL),))
    inputs = {**folder.spec().inputs, "base-t": "/nowhere/at/all"}
    folder.write_spec(JobSpec("job", folder.spec().work, folder.spec().keys, inputs))
    assert _start(folder).wait(60) == 1
    result = folder.result()
    assert result is not None
    assert result.failure is not None
    assert result.failure.code == FailureCode.BAD_INPUT
    assert "/nowhere/at/all" in result.failure.message
    assert "Traceback" in folder.log.read_text()


def test_the_usage_is_told() -> None:
    done = subprocess.run([sys.executable, "-m", "kit.job"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "JOB_DIR" in done.stderr


def test_a_slice_that_was_changed_after_planning_is_refused(tmp_path: Path) -> None:
    rendered = render_slice(examples(4))
    data = slice_id(rendered)
    path = tmp_path / "data.jsonl"
    cell = CellSpec("base-t", data, QA, GenerateTask(limit=4))
    for content, state in ((rendered, "done"), (rendered.replace(b"a", b"b", 1), "failed")):
        path.write_bytes(content)
        folder = JobFolder(tmp_path / state)
        inputs = {"base-t": str(EMBEDDED), data: str(path)}
        folder.write_spec(JobSpec("job", EvaluateSpec("base-t", (cell,)), ("generate-1",), inputs))
        _start(folder).wait(120)
        result = folder.result()
        assert result is not None and result.state == state
    assert result.failure is not None and result.failure.code == FailureCode.BAD_INPUT
    assert "changed after it was planned" in result.failure.message and str(path) in result.failure.message


def test_a_second_job_in_a_folder_waits_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    folder = _folder(tmp_path, EvaluateSpec("base-t", (CELL,)), ("generate-1",))
    first = _start(folder)
    _wait(lambda: (folder.path / "lock").exists())
    second = _start(folder)
    assert (first.wait(120), second.wait(120)) == (0, 0)
    assert sum(event.kind == "started" for event in folder.read_events()[0]) == 1
