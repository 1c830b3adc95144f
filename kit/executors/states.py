"""From what an engine says of an ended container to how its job ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kit.schedule.endings import Ended

_KILLED, _TERMINATED, _UNKNOWN = 137, 143, 255
_SIGNALS = 128


def ended_as(state: Mapping[str, Any], memory_limit: int, engine_was_away: bool) -> Ended:
    """How a container ended that has left no result.

    Args:
        state: `State` of the engine's inspection.
        memory_limit: in bytes, 0 for none.
        engine_was_away: the engine did not answer at some time since the container's start. One that comes back
            ends what it still finds, or gives it the status 255 because it missed its end.
    """
    code = int(state.get("ExitCode") or 0)
    if state.get("OOMKilled"):
        return Ended("memory", code, f"{memory_limit / 1e9:.1f} GB" if memory_limit else "")
    if engine_was_away and code in (0, _KILLED, _TERMINATED, _UNKNOWN):
        return Ended("engine", code, str(state.get("Error") or ""))
    if _SIGNALS < code < _UNKNOWN:
        return Ended("signal", code - _SIGNALS)
    return Ended("exited", code, str(state.get("Error") or ""))
