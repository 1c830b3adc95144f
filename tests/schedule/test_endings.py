"""What the end of a job means: every kind has its sentence, and is tried again where that is sensible."""

from __future__ import annotations

import pytest

from kit.jobdir import Failure, FailureCode
from kit.schedule.endings import Ended, judge_failure, judge_loss


@pytest.mark.parametrize(
    ("ended", "code", "words"),
    [
        (Ended("unknown"), "lost", "ended without a result"),
        (Ended("exited", 3), "lost", "exit status 3"),
        (Ended("signal", 9), "lost", "killed by SIGKILL"),
        (Ended("signal", 99), "lost", "killed by signal 99"),
        (Ended("removed"), "lost", "removed from outside"),
        (Ended("engine", 137), "engine", "engine was restarted or killed"),
        (Ended("memory", 137, "2.0 GB"), "out-of-memory", "limit of memory (2.0 GB)"),
    ],
)
def test_each_end_has_its_sentence_and_a_remedy(ended: Ended, code: str, words: str) -> None:
    failure = judge_loss(ended, "tune", 1).failure
    assert failure.code == code and words in failure.message and failure.remedy


def test_what_is_lost_is_tried_twice_what_an_engine_ended_four_times() -> None:
    assert [judge_loss(Ended("signal", 9), "tune", starts).again for starts in (1, 2)] == [True, False]
    assert [judge_loss(Ended("engine"), "tune", starts).again for starts in (1, 3, 4)] == [True, True, False]


def test_memory_makes_batches_smaller_where_that_can_help() -> None:
    evaluation = judge_loss(Ended("memory", 137), "evaluate", 1)
    assert evaluation.again and evaluation.smaller
    tuning = judge_loss(Ended("memory", 137), "tune", 1)
    assert not tuning.again and "gradient_checkpointing" in (tuning.failure.remedy or "")
    assert not judge_loss(Ended("memory", 137), "evaluate", 4).again


@pytest.mark.parametrize("facts", [{"full": True}, {"log": ["OSError: [Errno 28] No space left on device"]}])
def test_a_full_disk_is_not_tried_again(facts: dict[str, object]) -> None:
    verdict = judge_loss(Ended("exited", 1), "evaluate", 1, **facts)  # type: ignore[arg-type]
    assert verdict.failure.code == "disk-full" and not verdict.again


def test_a_folder_that_is_gone_says_so_whatever_the_engine_says() -> None:
    verdict = judge_loss(Ended("memory", 137), "evaluate", 1, folder_there=False)
    assert "folder was removed" in verdict.failure.message and verdict.again


def test_failures_of_the_jobs_own() -> None:
    stopped = Failure(FailureCode.STOPPED, "The job was stopped by SIGTERM.")
    assert judge_failure(stopped, "tune", 1).again and not judge_failure(stopped, "tune", 4).again
    memory = Failure(FailureCode.OUT_OF_MEMORY, "The job ran out of memory: CUDA", "fewer tokens")
    assert judge_failure(memory, "evaluate", 1).smaller and not judge_failure(memory, "tune", 1).again
    assert judge_failure(memory, "evaluate", 9).failure == memory
    assert not judge_failure(Failure(FailureCode.BAD_INPUT, "bad"), "evaluate", 1).again
