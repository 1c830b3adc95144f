"""A log of any length, read where it is looked at: newlines are counted per chunk, lines are fetched by `pread`."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path

_CHUNK = 1 << 16
_CACHED = 64
_LONGEST = 4096
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
ERRORS = re.compile(rb"(?i)\berror\b|traceback \(most recent|\w(error|exception): |\bfailed\b")


class LogFile:
    """A file of lines that grows. `update` looks at what is new; a file that was cut off is read again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._size = 0
        self._counts = [0]
        """Newlines before each chunk, and at the end."""
        self._open_end = False
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def lines(self) -> int:
        """How many lines there are, an unfinished last one included."""
        return self._counts[-1] + (1 if self._open_end else 0)

    def update(self) -> bool:
        """Count the lines that were added; whether anything has changed."""
        try:
            with self.path.open("rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                if size < self._size:
                    self._clear()
                if size == self._size:
                    return False
                # The last chunk may have been counted before it was full: it is counted again.
                whole = self._size // _CHUNK
                del self._counts[whole + 1 :]
                self._blocks = OrderedDict((at, block) for at, block in self._blocks.items() if at < whole)
                stream.seek(whole * _CHUNK)
                last = b""
                while chunk := stream.read(_CHUNK):
                    self._counts.append(self._counts[-1] + chunk.count(b"\n"))
                    last = chunk
                self._size = stream.tell()
                self._open_end = not last.endswith(b"\n")
        except FileNotFoundError:
            changed = self._size > 0
            self._clear()
            return changed
        return True

    def line(self, number: int) -> str:
        """A line by its number from 0, without escape codes; of a progress bar what was written last."""
        return cleaned(self._raw(number))

    def find(self, pattern: re.Pattern[bytes], start: int, forward: bool = True) -> int | None:
        """The number of the next line from `start` on (or before it) in which the pattern is found; None: none."""
        numbers = range(start, self.lines) if forward else range(min(start, self.lines - 1), -1, -1)
        step = 2000
        for at in range(0, len(numbers), step):
            block = numbers[at : at + step]
            low, high = min(block[0], block[-1]), max(block[0], block[-1])
            text = self._between(low, high)
            if not pattern.search(text):
                continue
            lines = text.split(b"\n")
            for number in block:
                if number - low < len(lines) and pattern.search(lines[number - low]):
                    return number
        return None

    def _clear(self) -> None:
        self._size, self._counts, self._open_end = 0, [0], False
        self._blocks.clear()

    def _raw(self, number: int) -> bytes:
        return self._between(number, number)[: _LONGEST * 4]

    def _between(self, first: int, last: int) -> bytes:
        """The bytes of some lines, without the newline of the last."""
        start, end = self._offset(first), self._offset(last + 1)
        data = b"".join(self._block(at) for at in range(start // _CHUNK, end // _CHUNK + 1))
        base = start // _CHUNK * _CHUNK
        return data[start - base : end - base].removesuffix(b"\n")

    def _offset(self, number: int) -> int:
        """The byte at which a line begins; the file's size for one past the last."""
        if number <= 0:
            return 0
        if number > self._counts[-1]:
            return self._size
        # The line begins after the number-th newline, which lies in the chunk that first reaches that count.
        at = bisect_right(self._counts, number - 1) - 1
        block, place = self._block(at), -1
        for _ in range(number - self._counts[at]):
            place = block.find(b"\n", place + 1)
        return at * _CHUNK + place + 1

    def _block(self, at: int) -> bytes:
        if at in self._blocks:
            self._blocks.move_to_end(at)
            return self._blocks[at]
        try:
            with self.path.open("rb") as stream:
                block = os.pread(stream.fileno(), _CHUNK, at * _CHUNK)
        except FileNotFoundError:
            block = b""
        self._blocks[at] = block
        while len(self._blocks) > _CACHED:
            self._blocks.popitem(last=False)
        return block


def cleaned(raw: bytes) -> str:
    """A line as it may be drawn: no escape codes, no control characters, tabs as spaces, of `\\r` what came last."""
    text = raw.decode("utf-8", "replace").rstrip("\r")
    text = _ESCAPES.sub("", text.rpartition("\r")[2]).expandtabs(8)
    return _CONTROL.sub("·", text)[:_LONGEST]
