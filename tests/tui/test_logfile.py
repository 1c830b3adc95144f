"""A log of any length, held against the plain way of reading one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tui import logfile
from kit.tui.logfile import LogFile, cleaned, plain
from kit.tui.loglevels import ALL, ERRORS, WARNINGS, Levels, after, level_of, spoken

texts = st.text("ab\nßक्র\r語ع\t", max_size=40).map(str.encode)
codes = st.sampled_from([b"\x1b[31m", b"\x1b[K", b"\x1b]0;t\x07", b"\x1b", b"\xff\x00\x9b", b"\xe0\xa4"])
sayings = st.sampled_from(
    [
        b"Traceback (most recent call last):\n", b'  File "x.py", line 3, in <module>\n', b"    raise\n",
        b"ValueError: no\n", b"and why\n", b"10:00:02  step 1\n", b"x.py:1: UserWarning: old\n", b"ERROR\n", b"\n",
        b"  warnings.warn(\n", b"error", b"10%|\xe2\x96\x88\r", b"fai\x1b[1mled\n",
    ]
)  # fmt: skip
pieces = st.lists(texts | codes | sayings, max_size=12)


@contextmanager
def sizes(chunk: int, held: int = 1 << 18) -> Iterator[Path]:
    """A log whose chunks, and what is looked at of a line, are so small that little text has many."""
    before = logfile._CHUNK, logfile._HELD
    logfile._CHUNK, logfile._HELD = chunk, held
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "log"
    finally:
        logfile._CHUNK, logfile._HELD = before


def split(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    return lines if lines[-1] else lines[:-1]


def sorted_out(data: bytes) -> list[int]:
    """The level of each line, one after the other."""
    levels, state = [], 0
    for line in split(data):
        state = after(state, plain(line).lower())
        levels.append(level_of(state))
    return levels


@settings(max_examples=150, deadline=None)
@given(pieces, st.integers(2, 50))
def test_lines_are_those_of_the_plain_way_however_the_file_grows(parts: list[bytes], chunk: int) -> None:
    with sizes(chunk) as path:
        data, log = b"", LogFile(path)
        for part in parts:
            data += part
            path.write_bytes(data)
            log.update()
            assert [log.line(n) for n in range(log.lines)] == [cleaned(line) for line in split(data)]
            assert plain(data.removesuffix(b"\n")).split("\n") == [
                plain(line) for line in split(data) or [b""]
            ]


@settings(max_examples=150, deadline=None)
@given(pieces, st.integers(2, 50), st.sampled_from(["a", "ß", "SS", "ক", "error", "b\t", "語"]), st.data())
def test_words_are_found_where_the_plain_way_finds_them(
    parts: list[bytes], chunk: int, words: str, data: st.DataObject
) -> None:
    with sizes(chunk) as path:
        path.write_bytes(b"".join(parts))
        log = LogFile(path)
        log.update()
        lines = split(b"".join(parts))
        places = [n for n, line in enumerate(lines) if words.casefold() in plain(line).casefold()]
        start = data.draw(st.integers(0, len(lines)))
        odd = data.draw(st.booleans())
        places = [n for n in places if n % 2 or not odd]
        keep = (lambda n: n % 2 == 1) if odd else (lambda n: True)
        assert log.find(words, start, keep=keep) == next((n for n in places if n >= start), None)
        assert log.find(words, start, False, keep) == next((n for n in reversed(places) if n <= start), None)


@settings(max_examples=200, deadline=None)
@given(pieces, st.integers(2, 50), st.booleans())
def test_levels_are_those_of_the_plain_way_however_the_file_grows(
    parts: list[bytes], chunk: int, bit_by_bit: bool
) -> None:
    with sizes(chunk) as path:
        data, log = b"", LogFile(path)
        levels = Levels(log)
        for part in parts:
            data += part
            path.write_bytes(data)
            log.update()
            while levels.advance(-1 if bit_by_bit else 1e9):
                pass
            for level in (WARNINGS, ERRORS):
                wanted = [n for n, own in enumerate(sorted_out(data)) if own >= level]
                assert [levels.number(level, at) for at in range(levels.count(level))] == wanted
                assert [n for n in range(log.lines) if levels.holds(level, n)] == wanted
                assert [levels.place(level, n) for n in wanted] == list(range(len(wanted)))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["append", "replace", "cut", "remove"]), texts), max_size=8),
    st.integers(2, 50),
)
def test_a_file_that_is_replaced_cut_or_removed_is_read_again(
    acts: list[tuple[str, bytes]], chunk: int
) -> None:
    with sizes(chunk) as path:
        data, log = b"", LogFile(path)
        levels = Levels(log)
        for act, text in acts:
            if act == "append":
                data += text
                path.write_bytes(data)
            elif act == "replace":
                data = text * 2
                path.with_name("new").write_bytes(data)
                os.replace(path.with_name("new"), path)
            else:
                data = b"" if act == "remove" else data[: len(data) // 2]
                path.write_bytes(data)
                if act == "remove":
                    path.unlink()
            log.update()
            levels.advance()
            assert [log.line(n) for n in range(log.lines)] == [cleaned(line) for line in split(data)]
            assert levels.count(WARNINGS) == sum(level >= WARNINGS for level in sorted_out(data))
            assert log.line(log.lines + 3) == ""


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("ab\n\r", max_size=60).map(str.encode), max_size=4),
    st.integers(2, 9),
    st.integers(4, 30),
)
def test_of_a_line_that_is_longer_than_what_is_looked_at_there_is_a_part(
    parts: list[bytes], chunk: int, held: int
) -> None:
    with sizes(chunk, held) as path:
        path.write_bytes(b"".join(parts))
        log = LogFile(path)
        log.update()
        lines = split(b"".join(parts))
        assert log.lines == len(lines)
        for number, line in enumerate(lines):
            if len(line) < held:
                assert log.line(number) == cleaned(line)
            assert len(log.line(number)) <= held
        assert log.raw(range(log.lines)).count(b"\n") == max(0, log.lines - 1)


def test_a_file_that_is_not_there_yet_or_was_cut_off(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    assert not log.update() and log.lines == 0
    log.path.write_text("one\ntwo\nthree\n")
    assert log.update() and log.lines == 3 and log.line(2) == "three"
    assert not log.update()
    log.path.write_text("new\n")
    assert log.update() and log.lines == 1 and log.line(0) == "new"
    log.path.unlink()
    assert log.update() and log.lines == 0
    log.path.mkdir()
    assert not log.update() and log.lines == 0


def test_a_larger_file_in_its_place_and_one_written_anew_in_place(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.path.write_text("one\ntwo\n")
    log.update()
    before = log.generation
    (tmp_path / "other").write_text("one\ntwo\nbut another\n")
    os.replace(tmp_path / "other", log.path)
    assert log.line(0) == "", "what was counted does not fit this file, which is not known yet"
    assert log.update() and log.generation > before and log.line(2) == "but another"
    log.path.write_text("written anew, and longer than it was\n")
    assert log.update() and log.lines == 1 and log.line(0).startswith("written anew")


def test_a_file_that_changes_between_count_and_read(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.path.write_text("some line\n" * 50_000)
    log.update()
    os.truncate(log.path, 25)
    assert log.line(0) == "some line" and log.line(49_999) == "" and log.find("some", 40_000) is None
    assert log.near(49_999) and Levels(log).advance() is False
    log.update()
    assert [log.line(n) for n in range(log.lines)] == ["some line", "some line", "some "]


def test_it_is_counted_in_steps_where_that_is_wanted(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.path.write_text("some line\n" * 50_000)
    steps = 0
    while log.update(1 << 16):
        steps += 1
        assert log.behind == (log.lines < 50_000)
    assert steps == 8 and log.lines == 50_000


def test_the_next_place_of_some_words_forward_and_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {n}\n" if n % 3000 else f"Needle {n}\n" for n in range(10_000)))
    log = LogFile(path)
    log.update()
    assert [log.find("needle", at) for at in (0, 1, 3001, 9001)] == [0, 3000, 6000, None]
    assert [log.find("needle", at, forward=False) for at in (9999, 8999, 2999)] == [9000, 6000, 0]
    assert log.find("line", 5, stopped=lambda: True) is None and log.find("", 0) is None


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("Traceback (most recent call last):", ERRORS),
        ("RuntimeError: no", ERRORS),
        ("ERROR out of memory", ERRORS),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB", ERRORS),
        ("../aten/src/ATen/native/cuda/Indexing.cu:1290: block: [0,0,0] Assertion `i < n` failed.", ERRORS),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate`", ERRORS),
        ("Fatal Python error: Segmentation fault", ERRORS),
        ("terminate called after throwing an instance of 'c10::Error'", ERRORS),
        ("E1126 10:00:02.123456 7 pool.cc:12] no", ERRORS),
        ("terror is fine", ALL),
        ("10:00:02  step 10/65  loss 0.8528  8784 tokens/s", ALL),
        ("10:00:03  generate-7bd393eb92835cd0ee05: 300 items in 0.5 s", ALL),
        ("10:00:02  warning: 3 of 16 items were cut: an error may follow", WARNINGS),
        ("/x/error.py:1789: FutureWarning: `past_key_values` will be removed", WARNINGS),
        ("[transformers] `past_key_values`/`cache_params` are deprecated. Use `cache` instead.", WARNINGS),
        ("[W1126 10:00:02.1 socket.cpp:7] a port is taken", WARNINGS),
        ("import warnings.py", ALL),
    ],
)
def test_what_counts_as_an_error_and_as_a_warning(line: str, level: int, tmp_path: Path) -> None:
    assert spoken(line) == level
    log = LogFile(tmp_path / "log")
    log.path.write_text(f"first\n{line}\nlast\n")
    log.update()
    levels = Levels(log)
    levels.advance()
    assert [levels.holds(own, 1) for own in (WARNINGS, ERRORS)] == [level >= WARNINGS, level >= ERRORS]


def test_a_traceback_is_one_error_from_its_first_line_to_the_end_of_its_message() -> None:
    log = b"""10:00:01  load
x.py:3: UserWarning: old
  return call()
Traceback (most recent call last):
  File "x.py", line 3, in <module>
    f()
    ~^^
kit.job.failures.Stopped: SIGTERM

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "x.py", line 9, in <module>
torch.AcceleratorError: CUDA error: device-side assert triggered
CUDA kernel errors might be asynchronously reported at some other API call.
For debugging consider passing CUDA_LAUNCH_BLOCKING=1
10:00:02  evaluate
  10%|#         | 1/10
"""
    levels = "".join(str(level) for level in sorted_out(log))
    assert levels == "011" + "22222" + "020" + "22222" + "00"


def test_escape_codes_and_progress_bars_are_drawn_as_text() -> None:
    assert cleaned(b"\x1b[31mred\x1b[0m") == "red"
    assert cleaned(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b(Bb") == "link b"
    assert cleaned(b"10%\r50%\r100%") == "100%"
    assert cleaned(b"a\x07b\tc") == "a·b     c"
    assert cleaned("हिन्दी".encode()) == "हिन्दी"
    assert cleaned("\u202eevil\u2028\x9b".encode()) == "·evil··"
    assert len(cleaned(b"x" * 100_000)) == 4096 and cleaned(b"x" * 100_000).endswith("x…")


def test_a_progress_bar_of_a_megabyte_shows_what_was_written_last(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log")
    log.path.write_bytes(b"begin\n" + b"".join(b"%d%%\r" % n for n in range(300_000)) + b"done\nend")
    log.update()
    assert [log.line(n) for n in range(3)] == ["begin", "done", "end"]
    assert log.find("END", 0) == 2 and log.find("done", 0) == 1
