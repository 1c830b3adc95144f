#!/usr/bin/env python3
"""A job that answers without a model: keeps the contract of the job folder in milliseconds, the same each time.

Started in the place of the interpreter: `pretend_job.py -m kit.job FOLDER`. It lets whole runs of the command be
repeated hundreds of times; that real jobs keep the contract is what the smoke run under chaos shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from kit.data.example import read_slice
from kit.jobdir import (
    CellSpec,
    EvaluateSpec,
    Failure,
    FailureCode,
    JobFolder,
    JobSpec,
    Result,
    SeriesSpec,
    TuneSpec,
    publish_folder,
)

PLAIN: dict[str, Any] = {"name": "a piece", "keys": (), "before": 0.0, "share": 0.0}


def main(folder: JobFolder) -> int:
    with folder.alone() as needed:
        if not needed:
            return 0
        failure = None
        try:
            work(folder)
        except OSError as problem:
            failure = Failure(FailureCode.DISK_FULL, f"the disk is full: {problem}", "free some space")
        for path in (folder.scratch, folder.kept):
            shutil.rmtree(path, ignore_errors=True)
        folder.write_result(Result("failed" if failure else "done", {}, {}, 0.0, failure))
        return 1 if failure else 0


def work(folder: JobFolder) -> None:
    spec = folder.spec()
    shutil.rmtree(folder.scratch, ignore_errors=True)
    folder.scratch.mkdir()
    folder.emit("started", pid=os.getpid())
    if isinstance(spec.work, SeriesSpec):
        for number, piece in enumerate(spec.work.pieces):
            folder.emit("piece", number=number + 1, of=len(spec.work.pieces), work=piece.kind, **PLAIN)
            made = folder.kept.glob("*/*")
            inputs = {f"{path.parent.name}@{path.name}": str(path) for path in made} | spec.inputs
            do(replace(spec, work=piece.work, keys=piece.keys, inputs=inputs), folder)
    else:
        do(spec, folder)


def do(spec: JobSpec, folder: JobFolder) -> None:
    if isinstance(spec.work, EvaluateSpec):
        folder.cells.mkdir(exist_ok=True)
        for key, cell in zip(spec.keys, spec.work.cells, strict=True):
            if not (folder.cells / key).is_dir():
                evaluate(spec, key, cell, folder)
    elif isinstance(spec.work, TuneSpec) and folder.spec().kind == "tune":
        tune(spec, spec.work, folder)
    elif isinstance(spec.work, TuneSpec):
        hand_over(spec, spec.work, folder)


def hand_over(spec: JobSpec, work: TuneSpec, folder: JobFolder) -> None:
    """As a series does: all adapters of a tuning at once, and a copy of them stays."""
    own, copy = folder.kept / spec.keys[0], folder.scratch / "copy"
    if not own.is_dir():
        inner = JobFolder(folder.scratch / spec.keys[0])
        inner.path.mkdir()
        tune(spec, work, inner)
        own.parent.mkdir(exist_ok=True)
        publish_folder(inner.adapters, own)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(own, copy, copy_function=os.link)
    place = folder.adapters / spec.keys[0]
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    publish_folder(copy, place)


def tune(spec: JobSpec, work: TuneSpec, folder: JobFolder) -> None:
    shutil.rmtree(folder.adapters, ignore_errors=True)
    folder.adapters.mkdir()
    for step in work.save_steps:
        folder.emit("train", step=step, steps=work.save_steps[-1], loss=1.0, tokens_per_s=1.0)
        weights = f"{spec.keys[0]}@{step}"
        files = {
            "adapter_model.safetensors": weights,
            "adapter_config.json": "{}",
            "digest.txt": hashlib.sha256(weights.encode()).hexdigest(),
        }
        publish(folder.scratch / str(step), files, folder.adapters / str(step))
        folder.emit("adapter", step=step)


def evaluate(spec: JobSpec, key: str, cell: CellSpec, folder: JobFolder) -> None:
    adapters = [(Path(spec.inputs[name]) / "digest.txt").read_text().strip() for name in cell.adapters]
    examples = read_slice(Path(spec.inputs[cell.data]))
    rows = [
        {
            "id": e.id,
            "raw": " ".join([e.answers[0], *adapters])[:40],
            "tokens": 3,
            "stop": "end",
            "prompt_tokens": 9,
        }
        for e in examples
    ]
    about = {
        "schema": 1,
        "key": key,
        "adapter_digests": dict(zip(cell.adapters, adapters, strict=True)),
        "n": len(rows),
        "seconds": 0.1,
        "environment": {},
    }
    files = {
        "items.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "cell.json": json.dumps(about),
    }
    publish(folder.scratch / key, files, folder.cells / key)
    folder.emit("cell", key=key, seconds=0.1, n=len(rows))


def publish(unfinished: Path, files: dict[str, str], final: Path) -> None:
    unfinished.mkdir(parents=True)
    for name, text in files.items():
        (unfinished / name).write_text(text)
    publish_folder(unfinished, final)


if __name__ == "__main__":
    sys.exit(main(JobFolder(Path(sys.argv[-1]))))
