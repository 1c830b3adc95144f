"""What every executor must do: one suite of behaviour, run against each of them.

A test module makes a class that inherits `Conformance` and gives an `executor` fixture whose jobs are those of
`quick_job.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from kit.jobdir import CellSpec, EvaluateSpec, GenerateTask, Handle, JobFolder, JobSpec, Prompt
from kit.schedule import Executor, Submission

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Until it holds; fails after a time that no working machine needs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def job_spec(title: str, keys: tuple[str, ...] = ("generate-1",)) -> JobSpec:
    cells = tuple(CellSpec("base-0", f"data-{key}", PROMPT, GenerateTask()) for key in keys)
    return JobSpec(title, EvaluateSpec("base-0", cells), keys, {})


class Conformance:
    def start(self, executor: Executor, folder: Path, title: str) -> tuple[JobFolder, Handle]:
        job = JobFolder(folder)
        job.write_spec(job_spec(title))
        return job, executor.submit([Submission(folder, executor.slots[0])])[0]

    def test_a_job_runs_to_its_end(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "ok")
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        result = job.result()
        assert result is not None and result.state == "done"
        assert (job.cells / "generate-1" / "cell.json").exists()
        assert "quick job ok" in "\n".join(job.log_tail())

    def test_the_handle_is_in_the_folder(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "ok")
        assert job.handle() == handle
        assert handle.executor == executor.name
        wait_for(lambda: executor.poll([handle]) == ["gone"])

    def test_many_jobs_are_asked_at_once(self, executor: Executor, tmp_path: Path) -> None:
        _, slow = self.start(executor, tmp_path / "slow", "slow")
        _, quick = self.start(executor, tmp_path / "quick", "ok")
        wait_for(lambda: executor.poll([slow, quick]) == ["running", "gone"])
        executor.cancel([slow], grace=5)
        assert executor.poll([slow]) == ["gone"]

    def test_a_deaf_job_is_ended_all_the_same(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "stubborn")
        wait_for(lambda: any(event.kind == "deaf" for event in job.read_events()[0]))
        executor.cancel([handle], grace=0.3)
        assert executor.poll([handle]) == ["gone"]

    def test_a_failed_job_says_why_in_its_folder(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "fail")
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        result = job.result()
        assert result is not None and result.failure is not None
        assert (result.failure.code, result.failure.remedy) == ("bad-input", "mend the input")

    def test_a_job_that_dies_is_gone_without_a_result(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "vanish")
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        assert job.result() is None

    def test_cancelling_what_is_gone_is_no_error(self, executor: Executor, tmp_path: Path) -> None:
        _, handle = self.start(executor, tmp_path / "job", "ok")
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        executor.cancel([handle], grace=1)

    def test_a_living_job_is_found_by_its_folder(self, executor: Executor, tmp_path: Path) -> None:
        job, handle = self.start(executor, tmp_path / "job", "slow")
        wait_for(lambda: bool(job.read_events()[0]))
        found = executor.find([tmp_path / "other", tmp_path / "job"])
        assert found[0] is None
        assert found[1] is not None and (found[1].id, found[1].mark) == (handle.id, handle.mark)
        executor.cancel([found[1]], grace=5)
        assert executor.find([tmp_path / "job"]) == [None]
