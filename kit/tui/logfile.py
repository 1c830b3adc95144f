"""A log of any length, read where it is looked at: newlines are counted per chunk, lines are fetched by `pread`.

One thread counts and others draw and search meanwhile: what they share is changed at once, under a lock.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import BinaryIO

_CHUNK = 1 << 16
_CACHED = 64
_LONGEST = 4096
_HELD = 1 << 18
"""Of a longer line only so many bytes are looked at: its end if that overwrites itself, else its beginning."""
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])")
# Also the 8-bit control codes, what a terminal may take for the end of a line, and what turns its direction.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NEWLINE = re.compile(b"\n")


class LogFile:
    """A file of lines that grows. `update` looks at what is new; one that was cut off or replaced is read again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        """Goes up whenever the file has become another: what was known of its lines holds no more."""
        self.behind = False
        """Whether there is more than `update` has counted."""
        self._lock = RLock()
        self._size = 0
        self._counts = array("q", [0])
        """Newlines before each chunk, and at the end."""
        self._open_end = False
        self._tail = b""
        """What is known of the last chunk; another file of the same name begins otherwise there."""
        self._identity: tuple[int, int] | None = None
        self._seen: tuple[int, int] | None = None
        self._blocks: OrderedDict[int, _Block] = OrderedDict()

    @property
    def lines(self) -> int:
        """How many lines there are, an unfinished last one included."""
        with self._lock:
            return self._counts[-1] + (1 if self._open_end else 0)

    @property
    def complete(self) -> int:
        """How many lines are finished: they change no more."""
        return self._counts[-1]

    @property
    def size(self) -> int:
        """How many bytes have been counted."""
        return self._size

    def update(self, most: int = 1 << 62) -> bool:
        """Count what was added, about so many bytes at most; whether anything has changed. One thread calls it."""
        try:
            with self.path.open("rb") as stream:
                return self._take(stream, most)
        except OSError:
            changed = self._identity is not None
            if changed:
                self._clear(None)
            return changed

    def line(self, number: int) -> str:
        """A line by its number from 0, without escape codes; of a progress bar what was written last."""
        return cleaned(self.raw(range(number, number + 1)))

    def near(self, number: int) -> range:
        """The lines that begin in the same chunk as this one, itself among them."""
        with self._lock:
            at = self._chunk_of(number)
            first = self._counts[at] + 1 if at else 0
            last = self._counts[min(at + 1, len(self._counts) - 1)]
            near = range(first, min(last + 1, self.lines))
        return near if number in near else range(number, number + 1)

    def raw(self, numbers: range) -> bytes:
        """The bytes of lines that follow one another, without the newline of the last; of long ones a part."""
        with self._lock:
            start, end = self._offset(numbers.start), self._offset(numbers.stop)
            if end - start <= _HELD or len(numbers) == 1:
                return self._part(start, end)
        return b"\n".join(self.raw(range(number, number + 1)) for number in numbers)

    def find(
        self,
        words: str,
        start: int,
        forward: bool = True,
        keep: Callable[[int], bool] = lambda number: True,
        stopped: Callable[[], bool] = lambda: False,
    ) -> int | None:
        """The number of the next line from `start` on (or before it) with these words, whatever their case.

        Only a line that `keep` wants counts. None: there is none, or it was stopped.
        """
        wanted, at = words.casefold(), start if forward else min(start, self.lines - 1)
        while wanted and 0 <= at < self.lines and not stopped():
            near = self.near(at)
            numbers = range(at, near.stop) if forward else range(near.start, at + 1)
            found = [number for number in self._with(wanted, numbers) if keep(number)]
            if found:
                return found[0 if forward else -1]
            at = numbers.stop if forward else numbers.start - 1
        return None

    def _with(self, wanted: str, numbers: range) -> Iterator[int]:
        text, number, at = plain(self.raw(numbers)).casefold(), numbers.start, 0
        while (place := text.find(wanted, at)) >= 0:
            number += text.count("\n", at, place)
            yield number
            at = text.find("\n", place) + 1
            if not at:
                return
            number += 1

    def _take(self, stream: BinaryIO, most: int) -> bool:
        facts, before = os.fstat(stream.fileno()), self.generation
        identity, seen = (facts.st_dev, facts.st_ino), (facts.st_size, facts.st_mtime_ns)
        if self._identity != identity or facts.st_size < self._size:
            self._clear(identity)
        elif seen == self._seen and facts.st_size <= self._size:
            return False
        whole = self._size // _CHUNK
        stream.seek(whole * _CHUNK)
        chunk = stream.read(_CHUNK)
        if not chunk.startswith(self._tail):
            self._clear(identity)
            whole = stream.seek(0)
            chunk = stream.read(_CHUNK)
        counts, last = array("q", [self._counts[whole]]), chunk
        while chunk:
            counts.append(counts[-1] + chunk.count(b"\n"))
            last = chunk
            # A short chunk is the end, even where more has been written since: chunks must begin where they do.
            if len(chunk) < _CHUNK or (len(counts) - 1) * _CHUNK >= most:
                break
            chunk = stream.read(_CHUNK)
        size = whole * _CHUNK + max(0, len(counts) - 2) * _CHUNK + len(last)
        changed = size != self._size or self.generation != before
        self._commit(whole, counts, size, last)
        self._seen, self.behind = seen, size < facts.st_size
        return changed

    def _commit(self, whole: int, counts: array[int], size: int, last: bytes) -> None:
        with self._lock:
            del self._counts[whole + 1 :]
            self._counts.extend(counts[1:])
            self._open_end = not last.endswith(b"\n") if last else self._open_end
            self._size, self._tail = size, last if len(last) < _CHUNK else b""
            for at in [at for at in self._blocks if at >= whole]:
                del self._blocks[at]

    def _clear(self, identity: tuple[int, int] | None) -> None:
        with self._lock:
            self.generation += 1
            self._size, self._counts, self._open_end, self._tail = 0, array("q", [0]), False, b""
            self._identity, self._seen, self.behind = identity, None, False
            self._blocks.clear()

    def _part(self, start: int, end: int) -> bytes:
        if end - start <= _HELD:
            return self._bytes(start, end).removesuffix(b"\n")
        tail = self._bytes(end - _HELD, end).removesuffix(b"\n")
        return tail if b"\r" in tail.rstrip(b"\r") else self._bytes(start, start + _HELD)

    def _bytes(self, start: int, end: int) -> bytes:
        blocks = range(start // _CHUNK, -(-end // _CHUNK))
        data = b"".join(self._block(at).data for at in blocks)
        return data[start - blocks.start * _CHUNK : end - blocks.start * _CHUNK]

    def _chunk_of(self, number: int) -> int:
        """The chunk that the newline before a line lies in, the first for the first line."""
        return bisect_right(self._counts, number - 1) - 1 if number > 0 else 0

    def _offset(self, number: int) -> int:
        """The byte at which a line begins; the file's size for one past the last."""
        if number <= 0:
            return 0
        if number > self._counts[-1]:
            return self._size
        at = self._chunk_of(number)
        ends, nth = self._block(at).ends(), number - self._counts[at] - 1
        # Fewer newlines than were counted: the file has changed since, which `update` will find.
        return at * _CHUNK + (ends[nth] if nth < len(ends) else len(self._block(at).data))

    def _block(self, at: int) -> _Block:
        if at in self._blocks:
            self._blocks.move_to_end(at)
            return self._blocks[at]
        try:
            with self.path.open("rb", buffering=0) as stream:
                facts = os.fstat(stream.fileno())
                same = (facts.st_dev, facts.st_ino) == self._identity
                block = _Block(os.pread(stream.fileno(), _CHUNK, at * _CHUNK) if same else b"")
        except OSError:
            block = _Block(b"")
        self._blocks[at] = block
        while len(self._blocks) > _CACHED:
            self._blocks.popitem(last=False)
        return block


class _Block:
    """A chunk of the file, and where its lines end once somebody asks."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._ends: array[int] | None = None

    def ends(self) -> array[int]:
        """The place after each newline."""
        if self._ends is None:
            self._ends = array("I", (found.end() for found in _NEWLINE.finditer(self.data)))
        return self._ends


def plain(raw: bytes) -> str:
    """Lines as text, without escape codes; of what `\\r` overwrites the last. Good for many lines at once."""
    if b"\r" in raw:
        raw = b"\n".join(line.rstrip(b"\r").rpartition(b"\r")[2] for line in raw.split(b"\n"))
    text = raw.decode("utf-8", "replace")
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def cleaned(raw: bytes) -> str:
    """A line as it may be drawn: plain, no control characters, tabs as spaces; … ends one that is too long."""
    text = _CONTROL.sub("·", plain(raw)[: _LONGEST + 1].expandtabs(8))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
