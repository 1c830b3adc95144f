"""A log of any length, held against the plain way of reading one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tui import logfile
from kit.tui.logfile import ERRORS, LogFile, cleaned

pieces = st.lists(st.text("ab\nßक\r", max_size=40).map(str.encode), max_size=8)


def plain(data: bytes) -> list[str]:
    lines = data.split(b"\n")
    return [cleaned(line) for line in (lines if lines[-1] else lines[:-1])]


@settings(max_examples=100, deadline=None)
@given(pieces, st.integers(2, 50))
def test_lines_are_those_of_the_plain_way_however_the_file_grows(parts: list[bytes], chunk: int) -> None:
    before = logfile._CHUNK
    logfile._CHUNK = chunk
    try:
        with tempfile.TemporaryDirectory() as folder:
            path, data = Path(folder) / "log", b""
            log = LogFile(path)
            for part in parts:
                data += part
                path.write_bytes(data)
                log.update()
                assert [log.line(n) for n in range(log.lines)] == plain(data)
    finally:
        logfile._CHUNK = before


def test_a_file_that_is_not_there_yet_or_was_cut_off(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    assert not log.update() and log.lines == 0
    log.path.write_text("one\ntwo\nthree\n")
    assert log.update() and log.lines == 3 and log.line(2) == "three"
    log.path.write_text("new\n")
    assert log.update() and log.lines == 1 and log.line(0) == "new"
    log.path.unlink()
    assert log.update() and log.lines == 0


def test_the_next_place_of_some_words_forward_and_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" if n % 3000 else f"Needle {n}\n" for n in range(10_000)))
    log = LogFile(path)
    log.update()
    needle = re.compile(b"needle", re.IGNORECASE)
    assert [log.find(needle, at) for at in (0, 1, 3001, 9001)] == [0, 3000, 6000, None]
    assert [log.find(needle, at, forward=False) for at in (9999, 8999, 2999)] == [9000, 6000, 0]


@pytest.mark.parametrize(
    ("line", "speaks"),
    [
        (b"Traceback (most recent call last):", True),
        (b"RuntimeError: no", True),
        (b"ERROR out of memory", True),
        (b"terror is fine", False),
        (b"step 3 loss 0.2", False),
    ],
)
def test_what_counts_as_an_error(line: bytes, speaks: bool) -> None:
    assert bool(ERRORS.search(line)) is speaks


def test_escape_codes_and_progress_bars_are_drawn_as_text() -> None:
    assert cleaned(b"\x1b[31mred\x1b[0m") == "red"
    assert cleaned(b"10%\r50%\r100%") == "100%"
    assert cleaned(b"a\x07b\tc") == "a·b     c"
    assert cleaned("हिन्दी".encode()) == "हिन्दी"
    assert len(cleaned(b"x" * 100_000)) == 4096
