"""What the end of a job means: a sentence, and whether it is tried again and how. Pure."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kit.jobdir import Failure, FailureCode

How = Literal["unknown", "exited", "signal", "memory", "engine", "outside", "removed"]

_DISK_WORDS = ("no space left on device", "disk quota exceeded")
_STARTS_LOST = 2
"""How often a job is started that vanished without a reason; a third time would hardly differ."""
_STARTS_OUTSIDE = 4
"""How often one is started that something outside has ended: an engine, a stranger's signal, its memory's limit."""


@dataclass(frozen=True)
class Ended:
    """What an executor knows of a job that runs no more. `code`: exit status or signal; `text`: the engine's words, or
    for `outside` what has ended it.
    """

    how: How
    code: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Verdict:
    """What went wrong, whether the job is started once more, and whether with smaller batches."""

    failure: Failure
    again: bool
    smaller: bool = False


def judge_loss(
    ended: Ended,
    kind: str,
    starts: int,
    folder_there: bool = True,
    log: Sequence[str] = (),
    full: bool = False,
) -> Verdict:
    """What it means that a job is gone and has left no result.

    Args:
        kind: `tune`, `evaluate` or `pretrain`.
        starts: how often it was started so far.
        folder_there: whether its folder still exists.
        log: the last lines of its log.
        full: whether the disk of its folder has no room left.
    """
    lost = starts < _STARTS_LOST
    if not folder_there:
        message = "the job's folder was removed while it ran"
        return Verdict(Failure(FailureCode.LOST, message, "leave the run's folder alone; run it again"), lost)
    if ended.how == "memory":
        return _memory(f"the job was killed at its limit of memory{_said(ended)}", kind, starts)
    if full or any(word in line.lower() for line in log for word in _DISK_WORDS):
        message = "the disk filled up, so that the job could not even say so"
        return Verdict(Failure(FailureCode.DISK_FULL, message, "free some space, then resume"), False)
    if ended.how == "engine":
        message = "the container engine was restarted or killed under the job"
        return Verdict(
            Failure(FailureCode.ENGINE, message, "see the engine's log, then resume"),
            starts < _STARTS_OUTSIDE,
        )
    if ended.how == "outside":
        remedy = "if it comes again and again, look at the cluster's limits and nodes; then resume"
        return Verdict(Failure(FailureCode.ENGINE, ended.text, remedy), starts < _STARTS_OUTSIDE)
    if ended.how == "removed":
        message = "the job's container was removed from outside"
        return Verdict(Failure(FailureCode.LOST, message, "leave containers of a run alone; resume"), lost)
    message = f"the job's process {_exit(ended)} without a result{_times(starts)}"
    remedy = "look at its log; a kill without a word is often a machine that ran out of memory"
    return Verdict(Failure(FailureCode.LOST, message, remedy), lost)


def judge_failure(failure: Failure, kind: str, starts: int) -> Verdict:
    """What it means that a job has ended with a failure of its own that nobody of ours has asked for."""
    if failure.code == FailureCode.STOPPED:
        return Verdict(failure, starts < _STARTS_OUTSIDE)
    if failure.code == FailureCode.OUT_OF_MEMORY:
        verdict = _memory(failure.message, kind, starts)
        return Verdict(failure, verdict.again, verdict.smaller)
    return Verdict(failure, False)


def _memory(message: str, kind: str, starts: int) -> Verdict:
    if kind == "evaluate":
        remedy = "give it more: --set resources.memory=…, or fewer jobs at a time: --set resources.slots=1"
        again = starts < _STARTS_OUTSIDE
        return Verdict(Failure(FailureCode.OUT_OF_MEMORY, message, remedy), again, again)
    remedy = (
        "give it more (--set resources.memory=…), or make it smaller: trainer.batch with more accumulation, "
        "trainer.gradient_checkpointing, sequence_limit"
    )
    return Verdict(Failure(FailureCode.OUT_OF_MEMORY, message, remedy), False)


def _exit(ended: Ended) -> str:
    if ended.how == "signal" and ended.code is not None:
        try:
            return f"was killed by {signal.Signals(ended.code).name}"
        except ValueError:
            return f"was killed by signal {ended.code}"
    if ended.how == "exited":
        return f"ended with exit status {ended.code}"
    return "ended"


def _said(ended: Ended) -> str:
    return f" ({ended.text})" if ended.text else ""


def _times(starts: int) -> str:
    return f", {starts} times" if starts > 1 else ""
