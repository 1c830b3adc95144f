"""Whether a process that was noted down still lives, whatever the clock and the pids have done since."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def identity(pid: int) -> str | None:
    """What tells a living process from any other that had or will have its pid; None where none lives.

    On Linux: the boot's id and the process's start in clock ticks since then, which no change of the clock moves
    (a start in seconds since the epoch moves with it, and a job would be taken for gone). A zombie does not live.
    """
    if sys.platform != "linux":
        return _elsewhere(pid)
    try:
        # The name in parentheses may hold anything, so the fields are counted from its end.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZXx" else f"{boot}:{started}"


def own_identity() -> str:
    """The identity of this process."""
    return identity(os.getpid()) or ""


def host() -> str:
    """The name of this machine, as it stands beside pids that are written down."""
    return socket.gethostname()


def _elsewhere(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None
