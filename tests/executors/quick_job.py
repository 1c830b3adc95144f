#!/usr/bin/env python3
"""A job without a model: keeps the contract of the job folder, and misbehaves as its title asks.

Started in the place of the interpreter (`quick_job.py -m kit.job FOLDER`). Titles: `ok`, `slow` (works until it is
told to end), `slow-once` (at its first go in a folder), `stubborn` (ignores the first signal), `fail`, `vanish` (dies
without a word), `vanish-once`, `forget` (says done, leaves its cells out), `hungry` (takes all memory unless its
batches are small), `fills` (its disk), `half-once` (a tuning that dies after its first checkpoint, then goes well),
`late` (a series that waits after its first piece for a file `go-on`), `vanish-late` (one that dies after it),
`fail-late` (one that fails after it).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from kit.jobdir import (
    EvaluateSpec,
    Failure,
    FailureCode,
    JobFolder,
    Result,
    SeriesSpec,
    TuneSpec,
    publish_folder,
)


def main(folder: JobFolder) -> int:
    spec = folder.spec()
    word = spec.name.split()[0]
    print(f"quick job {spec.name}", flush=True)
    folder.emit("started", pid=os.getpid())
    if word == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        folder.emit("deaf")
    marker = folder.path / "was-here"
    if word in ("slow", "stubborn") or (word == "slow-once" and not marker.exists()):
        marker.touch()
        time.sleep(120)
    if word == "hungry" and (spec.batch_tokens is None or spec.batch_tokens > 512):
        hoard = [b"x" * (1 << 20) for _ in range(2048)]  # written, so that it counts
        print(len(hoard))
    if word == "fills":
        with (folder.path / "big").open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1 << 16))
    if word == "vanish" or (word == "vanish-once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "fail":
        print("the last words of a failing job", flush=True)
        failure = Failure(FailureCode.BAD_INPUT, "the input is bad", "mend the input")
        folder.write_result(Result("failed", {}, {}, 0.0, failure))
        return 1
    if word == "fail-late":
        produce(replace(spec, work=replace(spec.work, pieces=spec.work.pieces[:1])), folder)
        folder.write_result(Result("failed", {}, {}, 0.0, Failure(FailureCode.BAD_INPUT, "the input is bad")))
        return 1
    if word != "forget":
        produce(spec, folder)
    folder.write_result(Result("done", {}, {"python": sys.version}, 0.0))
    return 0


def produce(spec: Any, folder: JobFolder) -> None:
    if isinstance(spec.work, EvaluateSpec):
        for key, cell in zip(spec.keys, spec.work.cells, strict=True):
            produce_cell(key, cell, spec.inputs, folder)
    elif isinstance(spec.work, TuneSpec):
        produce_adapters(spec, folder)
    elif isinstance(spec.work, SeriesSpec):
        produce_series(spec, folder)


def produce_cell(key: str, cell: Any, inputs: dict[str, str], folder: JobFolder) -> None:
    digests = {name: (Path(inputs[name]) / "digest.txt").read_text().strip() for name in cell.adapters}
    files = {"cell.json": json.dumps({"key": key, "adapter_digests": digests}), "items.jsonl": ""}
    write(folder.scratch / key, files, folder.cells / key)
    folder.emit("cell", key=key)


def produce_series(spec: Any, folder: JobFolder) -> None:
    """Adapters go out together, a copy stays; `late` waits between its pieces until it is told to go on."""
    inputs = dict(spec.inputs)
    for number, piece in enumerate(spec.work.pieces, 1):
        folder.emit("piece", number=number, of=len(spec.work.pieces), work=piece.kind, keys=piece.keys)
        if spec.name.startswith("late") and number > 1:
            while not (folder.path / "go-on").exists():
                time.sleep(0.02)
        if spec.name.startswith("vanish-late") and number > 1:
            time.sleep(0.5)  # long enough for a scheduler to look
            os.kill(os.getpid(), signal.SIGKILL)
        if isinstance(piece.work, EvaluateSpec):
            for key, cell in zip(piece.keys, piece.work.cells, strict=True):
                produce_cell(key, cell, inputs, folder)
            continue
        made = folder.scratch / "made" / piece.keys[0]
        for step in piece.work.save_steps:
            files = {"digest.txt": f"weights-{step}", "adapter_model.safetensors": ""}
            write(folder.scratch / str(step), files, made / str(step))
            inputs[f"{piece.keys[0]}@{step}"] = str(folder.kept / piece.keys[0] / str(step))
        shutil.copytree(made, folder.kept / piece.keys[0], dirs_exist_ok=True)
        folder.adapters.mkdir(exist_ok=True)
        publish_folder(made, folder.adapters / piece.keys[0])


def produce_adapters(spec: Any, folder: JobFolder) -> None:
    half = spec.name.startswith("half-once")
    marker = folder.path / "was-here"
    go = "second" if marker.exists() else "first"
    shutil.rmtree(folder.adapters, ignore_errors=True)  # a tuning starts from the beginning
    for step in spec.work.save_steps:
        files = {"digest.txt": f"{go}-{step}" if half else f"weights-{step}", "adapter_model.safetensors": ""}
        write(folder.scratch / str(step), files, folder.adapters / str(step))
        folder.emit("train", step=step, steps=60, loss=1.0)
        if half and go == "first":
            marker.touch()
            time.sleep(0.5)  # long enough for a scheduler to look
            os.kill(os.getpid(), signal.SIGKILL)


def write(unfinished: Path, files: dict[str, str], final: Path) -> None:
    unfinished.mkdir(parents=True)
    for name, text in files.items():
        (unfinished / name).write_text(text)
    final.parent.mkdir(parents=True, exist_ok=True)
    publish_folder(unfinished, final)


if __name__ == "__main__":
    sys.exit(main(JobFolder(Path(sys.argv[-1]))))
