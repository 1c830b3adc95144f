"""What a run prints, and where to: a terminal that closes, or a reader that goes away, does not end the run."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click


class RunOutput:
    """Standard output of a kit that works on a run; once nobody can read it any more, it goes on in a file."""

    def __init__(self, log: Path) -> None:
        """Output moves into `log` when the terminal hangs up or a write fails."""
        self.silent = False
        self._log = log
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # under `nohup` it stays ignored
            signal.signal(signal.SIGHUP, self._on_hangup)

    def echo(self, text: str, err: bool = False) -> None:
        """Print a line; never fails because of who reads it."""
        with self.surviving():
            click.echo(text, err=err)

    @contextlib.contextmanager
    def surviving(self) -> Iterator[None]:
        """Within it, output that cannot be written (closed pipe, gone terminal, full device) is given up."""
        try:
            yield
            if sys.stdout is not None:
                sys.stdout.flush()
        except OSError as problem:
            if problem.filename:  # a file of the run, not the output
                raise
            self.leave()

    def leave(self) -> None:
        """Turn standard output and error to the file, for good."""
        if self.silent:
            return
        self.silent = True
        try:
            target = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:
            target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, 1)
        os.dup2(target, 2)
        os.close(target)

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        self.leave()
