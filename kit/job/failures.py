"""Why a job fails, in the words of the contract. Standard library only: it works when nothing else does."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from kit.jobdir import Failure, FailureCode, SpecError

_FULL = {errno.ENOSPC, errno.EDQUOT}
# torch raises plain RuntimeErrors on the CPU, and safetensors hides the errno of a full disk in its text.
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
_DISK_WORDS = ("No space left on device", "Disk quota exceeded")


_held: list[int] = []
"""The signal that came, or 0, while one is held back: one entry a block of `unstopped`."""


class BadInput(Exception):
    """What the job was given cannot be used: the message says what and where, the remedy what to do."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class InPiece(Exception):
    """A piece of a series has failed, for its cause; the message is the piece's name."""


class Stopped(BaseException):
    """A signal asked the job to end. Not an `Exception`, so that no library's handler swallows it."""


def stop_on_signals() -> None:
    """Turn SIGTERM and SIGINT into `Stopped`, raised in the main thread; within `unstopped`, at its end."""

    def stop(number: int, frame: FrameType | None) -> None:
        if _held:
            _held[-1] = number
        else:
            raise Stopped(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


@contextmanager
def unstopped() -> Iterator[None]:
    """Let no signal come between the landing of a thing and its record; one that came is raised afterwards."""
    _held.append(0)
    try:
        yield
    finally:
        number = _held.pop()
    if number:
        raise Stopped(signal.Signals(number).name)


def classify(error: BaseException) -> Failure:
    """The failure that an exception stands for; its causes are looked at too, the outermost first."""
    if isinstance(error, InPiece) and error.__cause__ is not None:
        failure = classify(error.__cause__)
        return replace(failure, message=f"{error}: {failure.message}")
    for cause in _chain(error):
        if isinstance(cause, Stopped):
            return Failure(FailureCode.STOPPED, f"The job was stopped by {cause}.", "Run or resume it again.")
        if isinstance(cause, BadInput):
            return Failure(FailureCode.BAD_INPUT, cause.message, cause.remedy)
        if isinstance(cause, SpecError):
            return Failure(FailureCode.BAD_INPUT, f"job.json cannot be read: {cause}.")
        if _is_memory(cause):
            return Failure(
                FailureCode.OUT_OF_MEMORY,
                f"The job ran out of memory: {_first_line(cause)}",
                "Use fewer tokens a batch, a smaller dtype, a shorter sequence limit or a larger slot.",
            )
        if _is_disk(cause):
            return Failure(
                FailureCode.DISK_FULL, f"The disk is full: {_first_line(cause)}", "Free some space."
            )
    return Failure(
        FailureCode.DEFECT,
        f"The job met an error that it does not know, {type(error).__name__}: {_first_line(error)}",
        "The traceback stands in the job's log; please report it.",
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _MEMORY_WORDS)


def _is_disk(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    return any(words in str(error) for words in _DISK_WORDS)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:400] if text else type(error).__name__
