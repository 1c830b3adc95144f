"""`python -m kit.job JOB_DIR`: read `job.json`, do the work, write `result.json`. Exit code 0 done, 1 failed.

What the job prints is its log: whoever starts it decides where that goes. The heavy libraries are imported in
`main`, after the environment that they read at import is set.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from kit.job.failures import BadInput, Stopped, classify, stop_on_signals
from kit.jobdir import Failure, JobFolder, JobSpec, Result, thread_environment


def main(arguments: list[str]) -> int:
    """Run the job in the folder named by the one argument."""
    if len(arguments) != 1:
        print("usage: python -m kit.job JOB_DIR", file=sys.stderr)
        return 2
    folder = JobFolder(Path(arguments[0]).absolute())
    stop_on_signals()
    try:
        with folder.alone() as needed:
            return _run(folder) if needed else 0
    except Stopped:  # while it waited for another job in this folder to end: it has touched nothing
        return 1


def _run(folder: JobFolder) -> int:
    started = time.monotonic()
    produced: dict[str, str] = {}
    environment: dict[str, Any] = {}
    failure: Failure | None = None
    try:
        spec = _read_spec(folder)
        shutil.rmtree(folder.scratch, ignore_errors=True)
        folder.scratch.mkdir()
        folder.emit(
            "started",
            work=spec.kind,
            name=spec.name,
            pid=os.getpid(),
            device=spec.device,
            threads=spec.threads,
        )
        _set_environment(spec)
        _work(spec, folder, environment, produced)
    except BaseException as error:
        failure = classify(error)
        traceback.print_exc()
    return _finish(
        folder,
        Result("failed" if failure else "done", produced, environment, time.monotonic() - started, failure),
    )


def _read_spec(folder: JobFolder) -> JobSpec:
    try:
        return folder.spec()
    except (OSError, ValueError) as error:
        raise BadInput(f"job.json cannot be read: {error}") from error


def _set_environment(spec: JobSpec) -> None:
    os.environ.update(
        HF_HUB_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        **thread_environment(spec.threads),
    )
    if spec.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    else:  # a job uses one GPU: the first that it is shown
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def _work(spec: JobSpec, folder: JobFolder, environment: dict[str, Any], landed: dict[str, str]) -> None:
    from kit.job.work import work  # here and not above: it imports torch, which reads the environment

    work(spec, folder, environment, landed)


def _finish(folder: JobFolder, result: Result) -> int:
    for path in (folder.scratch, folder.kept):  # first: it may be what has filled the disk
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # an event is a courtesy; the result is what counts
        folder.emit("finished", state=result.state, seconds=round(result.seconds, 3))
    try:
        folder.write_result(result)
    except OSError:
        traceback.print_exc()
        return 1
    return 0 if result.failure is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
