"""Why a job failed: real errors of the libraries and the system, by code."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest
import torch

from kit.job.failures import BadInput, Stopped, classify, stop_on_signals, unstopped
from kit.jobdir import FailureCode, SpecError


def _caught(action: object) -> BaseException:
    try:
        action()  # type: ignore[operator]
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_a_lack_of_memory_that_torch_meets() -> None:
    error = _caught(lambda: torch.empty(1 << 50, dtype=torch.float64))
    failure = classify(error)
    assert failure.code == FailureCode.OUT_OF_MEMORY
    assert failure.remedy


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), FailureCode.OUT_OF_MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 MiB"), FailureCode.OUT_OF_MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), FailureCode.OUT_OF_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), FailureCode.DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FailureCode.DISK_FULL),
        (RuntimeError("I/O error: No space left on device (os error 28)"), FailureCode.DISK_FULL),
        (BadInput("x", "y"), FailureCode.BAD_INPUT),
        (SpecError("TuneSpec: unknown field 'x'"), FailureCode.BAD_INPUT),
        (Stopped("SIGTERM"), FailureCode.STOPPED),
        (OSError(errno.EACCES, "Permission denied"), FailureCode.DEFECT),
        (RuntimeError("shapes do not match"), FailureCode.DEFECT),
        (KeyError("x"), FailureCode.DEFECT),
    ],
)
def test_codes(error: BaseException, code: FailureCode) -> None:
    assert classify(error).code == code


def test_a_full_disk_that_the_system_reports() -> None:
    def write() -> None:
        with Path("/dev/full").open("w") as stream:
            stream.write("x" * 100_000)

    assert classify(_caught(write)).code == FailureCode.DISK_FULL


def test_causes_are_looked_at_too() -> None:
    def chained() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise RuntimeError("could not save") from error

    assert classify(_caught(chained)).code == FailureCode.DISK_FULL


def test_a_defect_is_one_sentence_and_names_the_error() -> None:
    message = classify(ValueError("first line\nsecond line")).message
    assert "ValueError: first line" in message
    assert "second" not in message


def test_a_signal_waits_until_what_lands_is_recorded() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    done: list[str] = []

    def land() -> None:
        with unstopped():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("recorded")
        done.append("never")

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("never")

    try:
        stop_on_signals()
        with pytest.raises(Stopped, match="SIGTERM"):
            land()
        with pytest.raises(Stopped, match="SIGINT"):
            work()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert done == ["recorded"]
