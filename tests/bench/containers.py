"""What a container costs: seconds from handing a job over to its first word, before Python imports anything large."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from kit.errors import EnvironmentError_
from kit.executors import ContainerExecutor, LocalExecutor, connect
from kit.executors.flavour import FLAVOURS
from kit.jobdir import CellSpec, EvaluateSpec, GenerateTask, JobFolder, JobSpec, Prompt
from kit.schedule import Executor, Slot, Submission

SLOT = Slot("cpu0", "cpu")


def seconds(executor: Executor, folder: Path) -> float:
    """From `submit` to the event `started`; the job then fails, for it has no model."""
    job = JobFolder(folder)
    cell = CellSpec("base-0", "data-0", Prompt("{context} {question}"), GenerateTask())
    job.write_spec(JobSpec("bench", EvaluateSpec("base-0", (cell,)), ("generate-0",), {}))
    start = time.perf_counter()
    handles = executor.submit([Submission(folder, SLOT)])
    while not job.read_events()[0]:
        time.sleep(0.005)
    taken = time.perf_counter() - start
    executor.cancel(handles, 5)
    executor.tidy([folder])
    return taken


def main() -> None:
    """Print a line an executor."""
    executors: list[Executor] = [LocalExecutor((SLOT,))]
    try:
        executors.append(ContainerExecutor(connect(), (SLOT,), FLAVOURS["cpu"].image))
    except EnvironmentError_ as problem:
        print(f"no containers: {problem}", file=sys.stderr)
    for executor in executors:
        with tempfile.TemporaryDirectory() as root:
            taken = [seconds(executor, Path(root) / str(turn)) for turn in range(8)][1:]
        print(
            f"{executor.name:7} median {statistics.median(taken):.2f} s ({min(taken):.2f} to {max(taken):.2f})"
        )


if __name__ == "__main__":
    main()
