"""Which lines of a log are warnings and errors, by what jobs, Python, torch and CUDA really write.

A job writes `10:00:02  step 10/65 …` and `10:00:02  warning: …`; Python `…py:12: UserWarning: …` and tracebacks;
transformers `[transformers] … deprecated`; torch `[W1126 10:00:02.1 x.cpp:7] …` and CUDA's assertions.
"""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from threading import Lock, RLock

from kit.tui.logfile import LogFile, plain

ALL, WARNINGS, ERRORS = range(3)
"""What a filter shows; the level of a line is the last filter that still shows it."""

# In lower case. The one that comes first in a line decides: «UserWarning: an error may follow» is a warning.
_SPEAKS = re.compile(
    r"(?P<traceback>^traceback \(most recent call last\))"
    r"|(?P<error>\b(?:error\b(?!\.\w)|failed\b|out of memory\b|fatal\b|critical\b|killed\b|aborted\b"
    r"|segmentation fault\b|core dumped\b|terminate called\b)|(?:error|exception): |traceback \(most recent"
    r"|(?:cublas|cudnn|cusparse|cufft)_status_(?!success)\w|^\[?[ef]\d{4} \d\d:"
    r"|^during handling of the above exception|^the above exception was the direct cause)"
    r"|(?P<warning>warning\b(?!\.\w)|\bwarn\b|\bdeprecated\b|^\[transformers\] |^\[?w\d{4} \d\d:)"
)
# A line without any of these says nothing (torch names its source after the time): found without an expression.
_STEMS = (
    "error", "failed", "out of memory", "fatal", "critical", "killed", "aborted", "segmentation", "dumped",
    "terminate called", "exception", "traceback", "_status_", "warn", "deprecated", "[transformers]", ".c", ".py:",
)  # fmt: skip
_STAMPED = re.compile(r"\[?(?:\d{4}-\d\d-\d\d[ t])?\d\d:\d\d:\d\d")
_BAR = re.compile(r"\s+\d+%\|")

# What the lines before tell of the next one. From _MESSAGE on: so many lines of an exception's message have passed.
_QUIET, _WARNING, _ERROR, _TRACEBACK, _MESSAGE = range(5)
_LONGEST_MESSAGE = _MESSAGE + 10


def after(state: int, line: str) -> int:
    """The state after one more line, in lower case.

    Indented lines belong to the warning, error or traceback before them; to a traceback also the line of its
    exception and what may follow it of the message, until a line is empty, bears a time or speaks for itself.
    """
    if not line or line.isspace():
        return _QUIET
    if state and line[0] in " \t" and not _BAR.match(line):
        return state
    found = _SPEAKS.search(line)
    if found and found.lastgroup == "traceback":
        return _TRACEBACK
    if state == _TRACEBACK and not _STAMPED.match(line):
        return _MESSAGE
    if found:
        return _ERROR if found.lastgroup == "error" else _WARNING
    if _MESSAGE <= state < _LONGEST_MESSAGE and not _STAMPED.match(line):
        return state + 1
    return _QUIET


def level_of(state: int) -> int:
    """What a line is that leaves this state behind it."""
    return min(state, ERRORS)


def spoken(text: str) -> int:
    """What a line is by itself, whatever came before."""
    return level_of(after(_QUIET, text.lower()))


class Levels:
    """The numbers of the lines of each level, found bit by bit: `advance` may run in a thread, or in several."""

    def __init__(self, file: LogFile) -> None:
        self._file = file
        self._working, self._lock = Lock(), RLock()
        self._clear()

    @property
    def looked_at(self) -> int:
        """How many finished lines have been looked at."""
        return self._done

    def count(self, level: int) -> int:
        """How many lines there are of a level or worse, as far as they are known."""
        with self._lock:
            return len(self._numbers[level]) + (self._open >= level)

    def number(self, level: int, at: int) -> int:
        """The number of the `at`-th such line."""
        with self._lock:
            numbers = self._numbers[level]
            return numbers[at] if at < len(numbers) else self._done

    def place(self, level: int, number: int) -> int:
        """How many such lines come before this one."""
        with self._lock:
            return bisect_left(self._numbers[level], number)

    def holds(self, level: int, number: int) -> bool:
        """Whether a line is of this level or worse."""
        with self._lock:
            at = self.place(level, number)
            return at < self.count(level) and self.number(level, at) == number

    def advance(self, seconds: float = 1e9) -> bool:
        """Look at further lines, for about so long; whether there are more."""
        end = time.monotonic() + seconds
        with self._working:
            if self._generation != self._file.generation:
                self._clear()
            while self._done < self._file.complete:
                self._look()
                if time.monotonic() > end:
                    return True
            self._look_at_the_open_line()
        return False

    def _clear(self) -> None:
        with self._lock:
            self._generation = self._file.generation
            self._numbers = {level: array("I") for level in (WARNINGS, ERRORS)}
            self._state, self._done, self._open = _QUIET, 0, ALL

    def _look(self) -> None:
        near, generation = self._file.near(self._done), self._file.generation
        numbers = range(self._done, min(near.stop, self._file.complete))
        text = plain(self._file.raw(numbers)).lower()
        state, found = _sorted(text, self._state, numbers.start)
        if generation != self._file.generation:
            return
        with self._lock:
            for level, own in found.items():
                self._numbers[level].extend(own)
            self._state, self._done, self._open = state, numbers.stop, ALL

    def _look_at_the_open_line(self) -> None:
        """It may still change: what it is now is remembered apart."""
        level = ALL
        if self._file.lines > self._done:
            line = plain(self._file.raw(range(self._done, self._done + 1))).lower()
            level = level_of(after(self._state, line))
        with self._lock:
            self._open = level


def _sorted(text: str, state: int, number: int) -> tuple[int, dict[int, array[int]]]:
    """The state after some lines, the first of this number, and the numbers of those that say something."""
    found, stems, at = {level: array("I") for level in (WARNINGS, ERRORS)}, _Stems(text), 0
    while at < len(text):
        if state == _QUIET:  # most lines say nothing: on to the next that may
            if (word := stems.next(at)) is None:
                break
            start = text.rfind("\n", at, word) + 1 or at
            number, at = number + text.count("\n", at, start), start
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        state = after(state, text[at:end])
        for level in range(WARNINGS, level_of(state) + 1):
            found[level].append(number)
        number, at = number + 1, end + 1
    # The last line is not come to where it is empty; it ends what was before it.
    return _QUIET if not text or text.endswith("\n") else state, found


class _Stems:
    """Where the stems stand in a text; each is looked for again only once its last place is passed."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._places = {stem: place for stem in _STEMS if (place := text.find(stem)) >= 0}

    def next(self, at: int) -> int | None:
        """The first place of any from `at` on."""
        for stem in [stem for stem, place in self._places.items() if place < at]:
            self._places[stem] = self._text.find(stem, at)
            if self._places[stem] < 0:
                del self._places[stem]
        return min(self._places.values(), default=None)
