"""The script of a Slurm job, and what Slurm's words about one mean. Pure."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.schedule.endings import Ended

FORMAT = "%i|%T|%j"
"""What `squeue` is asked for: id, state and name of a job."""
# A job that completes has no process any more; on a node that hangs it may complete for ever.
_ENDED = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "COMPLETING", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
})  # fmt: skip
_OUTSIDE = {
    "TIMEOUT": "the job came to the end of its time limit",
    "DEADLINE": "the job came to its deadline",
    "NODE_FAIL": "the job's node failed",
    "BOOT_FAIL": "the job's node did not start",
    "PREEMPTED": "the job was preempted",
    "REVOKED": "the job was revoked",
    "CANCELLED": "the job was cancelled from outside",
}


def name_of(folder: Path) -> str:
    """What a folder's job is called in the queue: by it the job is found again, whoever has its id."""
    return f"xlt-kit-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"


def script(
    folder: Path,
    log: Path,
    directives: Sequence[str],
    setup: Sequence[str],
    python: str,
    environment: Mapping[str, str],
) -> str:
    """The batch script of a job's folder. The job's own process stands in the script's place, so that signals reach it.

    It is not requeued by Slurm: what was cut short has said so in its folder, and is submitted anew.
    """
    own = [
        f"--job-name={name_of(folder)}",
        f"--chdir={folder}",
        f"--output={log}",
        "--open-mode=append",
        "--no-requeue",
        "--export=ALL",
        "--ntasks=1",
    ]
    lines = ["#!/bin/bash", *(f"#SBATCH {shlex.quote(one)}" for one in (*own, *directives)), *setup]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    lines.append(f"exec {shlex.join([python, '-m', 'kit.job', str(folder)])}")
    return "\n".join(lines) + "\n"


def queue(lines: str) -> dict[str, tuple[str, str]]:
    """Name and state of every job that `squeue` lists in `FORMAT` and that has not ended, by its id."""
    found = {}
    for line in lines.splitlines():
        id_, _, rest = line.partition("|")
        state, _, name = rest.partition("|")
        if name and state not in _ENDED:
            found[id_.strip()] = (name.strip(), state)
    return found


def ended_as(record: str) -> Ended:
    """How a job ended, from what `scontrol show job --oneliner` says of it."""
    facts = dict(word.split("=", 1) for word in record.split() if "=" in word)
    state = facts.get("JobState", "")
    if state == "OUT_OF_MEMORY":
        return Ended("memory", text="that of its Slurm job")
    if state in _OUTSIDE:
        return Ended("outside", text=f"{_OUTSIDE[state]} ({state})")
    if state not in ("FAILED", "COMPLETED"):
        return Ended("unknown")
    code, _, signal = facts.get("ExitCode", "0:0").partition(":")
    return Ended("signal", int(signal)) if signal not in ("", "0") else Ended("exited", int(code))
