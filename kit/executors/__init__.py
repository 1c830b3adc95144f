"""Reads: job folders.
Writes: handles; starts, polls and cancels the processes behind them.
"""

from kit.executors.local import LocalExecutor, detect_slots

__all__ = ["LocalExecutor", "detect_slots"]
