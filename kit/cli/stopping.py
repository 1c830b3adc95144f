"""Ctrl-C and SIGTERM as a flag that work looks at."""

from __future__ import annotations

import signal
from types import FrameType


class StopFlag:
    """Set by the first Ctrl-C or SIGTERM."""

    def __init__(self) -> None:
        self._set = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._set = True

    def is_set(self) -> bool:
        """Whether the user wants to stop."""
        return self._set
