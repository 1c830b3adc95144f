"""The view of a log, in a small app over a real file: filtered, folded, searched, copied, followed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.events import MouseScrollDown, MouseScrollUp
from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp

from kit.api import Workspace
from kit.schedule import RunFolder
from kit.tui.app import XltKit
from kit.tui.screens.run import RunPage
from kit.tui.widgets.logrows import Place, Rows, folded
from kit.tui.widgets.logview import LogView
from tests.tui.log_driving import User, look

TRACEBACK = """Traceback (most recent call last):
  File "x.py", line 3, in <module>
    f()
ValueError: no
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def test_a_log_that_is_not_there_yet_comes_grows_is_cut_off_and_replaced(path: Path) -> None:
    async def script(user: User) -> None:
        assert not any(user.rows())
        user.append("one\ntwo\nthr")
        await user.until(lambda: user.rows()[:3] == ["one", "two", "thr"], "three lines")
        user.append("ee\n")
        await user.until(lambda: user.rows()[2] == "three", "the rest of the line")
        path.write_text("new\n")
        await user.until(lambda: user.rows()[:2] == ["new", ""], "the one line")
        path.with_name("other").write_text("larger\n" * 500)
        os.replace(path.with_name("other"), path)
        await user.says_so("500 lines, following")
        assert user.rows() == ["larger"] * 10
        path.unlink()
        await user.says_so("nothing written yet")
        user.log.show(None)
        assert not any(user.rows()) and not user.says()

    look(path, script, 0)


def test_the_end_is_followed_until_one_looks_back(path: Path) -> None:
    path.write_text("".join(f"line {n}\n" for n in range(100)))

    async def script(user: User) -> None:
        assert user.rows()[-1] == "line 99" and "following" in user.says()
        user.append("line 100\n")
        await user.until(lambda: user.rows()[-1] == "line 100", "the new line")
        await user.press("up")
        assert user.rows()[-1] == "line 99" and "paused" in user.says()
        user.append("line 101\n")
        await user.says_so("102 lines")
        assert user.rows()[-1] == "line 99"
        await user.press("pageup")
        assert user.rows()[-1] == "line 89"
        await user.press("home")
        assert user.rows()[0] == "line 0"
        await user.press("pagedown", "down")
        assert user.rows()[0] == "line 11"
        await user.press("f")
        assert user.rows()[-1] == "line 101" and "following" in user.says()
        await user.press("f")
        assert "paused" in user.says()
        await user.press("up", "end")
        assert user.rows()[-1] == "line 101" and "following" in user.says()
        await user.press("v", "v", "v", "home", "f", "f")
        user.append("line 102\n")
        await user.says_so("103 lines, paused")
        assert user.rows()[-1] == "line 101"

    look(path, script, 100)


def test_wheel_scroll_bar_and_click(path: Path) -> None:
    path.write_text("".join(f"line {n}\n" for n in range(100)))

    async def script(user: User) -> None:
        def turned(kind: type[MouseScrollUp] | type[MouseScrollDown]) -> None:
            user.log.post_message(kind(user.log, 3, 3, 0, 0, 0, False, False, False))

        turned(MouseScrollUp)
        await user.says_so("paused")
        assert user.rows()[-1] != "line 99"
        turned(MouseScrollDown)
        await user.says_so("following")
        user.log.post_message(ScrollUp())
        await user.until(lambda: user.rows()[-1] == "line 89", "a page up")
        user.log.post_message(ScrollDown())
        await user.says_so("following")
        user.log.post_message(ScrollTo(y=40.2, animate=False))
        await user.until(lambda: user.rows()[0] == "line 40", "where the handle was drawn")
        assert "paused" in user.says()
        await user.pilot.click(user.log, offset=(4, 3))
        assert user.log.marked == 42 and "line 43 is marked" in user.says()
        await user.pilot.click(user.log, offset=(4, 3), times=2)
        assert user.app.clipboard == "line 42"

    look(path, script, 100)


def test_the_levels_are_filtered_with_whole_tracebacks_as_the_log_grows(path: Path) -> None:
    steps = "10:00:02  step\n" * 50
    path.write_text(steps + "warning: hm\n" + TRACEBACK + steps)

    async def script(user: User) -> None:
        await user.press("v")
        await user.until(
            lambda: user.says().startswith("5 of 105 lines: warnings and errors, following"), "five"
        )
        assert user.rows()[:5] == ["warning: hm", *TRACEBACK.splitlines()]
        await user.press("v")
        await user.says_so("4 of 105 lines: errors only")
        user.append("and then\nerror: again")
        await user.says_so("5 of 107 lines")
        assert user.rows()[4] == "error: again"
        user.append("st nothing\n")  # «error: against nothing» is one line, and still an error
        await user.until(lambda: user.rows()[4] == "error: against nothing", "the whole line")
        await user.press("v")
        await user.says_so("107 lines, following")
        await user.press("e")
        await user.until(lambda: user.log.marked == 51, "the first error")
        assert TRACEBACK.splitlines()[0] in user.rows() and "line 52 is marked" in user.says()
        await user.press("v", "v")
        await user.says_so("errors only")
        assert user.log.number_of(0) == 51
        await user.press("Y")
        assert user.app.clipboard.startswith(TRACEBACK) and user.app.clipboard.count("\n") == 4

    look(path, script, 105)


def test_the_place_is_kept_from_filter_to_filter(path: Path) -> None:
    path.write_text("".join(f"error {n}\n" if n % 10 == 0 else f"step {n}\n" for n in range(20_000)))

    async def script(user: User) -> None:
        await user.find("error 9000", 9000)
        await user.press("v")
        await user.says_so("2,000 of 20,000 lines: warnings and errors, line 9,001 is marked")
        await user.until(lambda: "looked at" not in user.says() and "error 9000" in user.rows(), "the place")
        await user.press("v", "v")
        await user.until(
            lambda: "error 9000" in user.rows() and "step 9001" in user.rows(), "the place again"
        )

    look(path, script, 20_000)


def test_no_error_is_told(path: Path) -> None:
    path.write_text("fine\n" * 1000)

    async def script(user: User) -> None:
        await user.press("e")
        await user.notices("no error in this log")
        await user.press("v", "v")
        await user.says_so("0 of 1,000 lines: errors only")
        assert not any(user.rows())
        await user.press("y", "up", "down", "end", "home", "w", "pageup")
        user.log.search_for("fine")
        await user.notices("nothing found among errors only: fine")
        user.append(TRACEBACK)
        await user.says_so("4 of 1,004 lines")

    look(path, script, 1000)


def test_the_search_goes_round_and_says_so(path: Path) -> None:
    path.write_text("".join(f"Nadel ß {n}\n" if n % 300 == 7 else f"[red]heu {n}\n" for n in range(1000)))

    async def script(user: User) -> None:
        await user.press("home")
        await user.find("NADEL SS", 7)
        assert "Nadel ß 7" in user.rows() and "paused" in user.says()
        for line in (307, 607, 907):
            await user.press("n")
            await user.until(lambda line=line: user.log.marked == line, f"line {line}")
        await user.press("n")
        await user.notices("went on from the beginning")
        assert user.log.marked == 7
        await user.press("N")
        await user.notices("went on from the end")
        assert user.log.marked == 907
        marked = user.rows().index("Nadel ß 907")
        styles = [segment.style for segment in user.log.render_line(marked)]
        assert styles[0] is not None and styles[0].reverse
        user.log.search_for("[/no such")
        await user.notices("nothing found: [/no such")
        assert user.log.marked == 907 and "searching" not in user.says()
        await user.press("home")
        await user.find("nadel", 7)  # from the screen on, not from the mark that has left it

    look(path, script, 1000)


def test_the_search_asks_for_its_words_and_keeps_to_the_filter(path: Path) -> None:
    path.write_text("".join(f"{'error' if n % 100 == 50 else 'step'} {n} x{n}x\n" for n in range(1000)))
    asked: list[LogView.Asked] = []

    async def script(user: User) -> None:
        user.log.post_message = lambda message, own=user.log.post_message: (
            (  # type: ignore[method-assign]
                asked.append(message) if isinstance(message, LogView.Asked) else None
            )
            or own(message)
        )
        await user.press("n", "slash")
        assert len(asked) == 2
        await user.press("home", "v", "v")
        await user.says_so("10 of 1,000 lines")
        await user.find("x55", 550)
        await user.press("n")
        await user.notices("went on from the beginning")
        assert user.log.marked == 550 and "error 550 x550x" in user.rows()

    look(path, script, 1000)


def test_words_far_to_the_right_are_brought_on_screen(path: Path) -> None:
    path.write_text("short\n" + "x" * 500 + "needle" + "y" * 500 + "\nshort\n")

    async def script(user: User) -> None:
        await user.find("needle", 1)
        assert any("needle" in row for row in user.rows())
        await user.press("w")
        await user.find("needle", 1)
        assert any("needle" in row for row in user.rows())

    look(path, script, 3)


def test_the_lines_on_screen_and_the_last_are_copied(path: Path) -> None:
    path.write_text("".join(f"line {n}\n" for n in range(500)))

    async def script(user: User) -> None:
        await user.press("home", "y")
        assert user.app.clipboard.splitlines() == [f"line {n}" for n in range(10)]
        await user.press("Y")
        assert user.app.clipboard.splitlines() == [f"line {n}" for n in range(400, 500)]
        await user.notices("copied 100 lines")

    look(path, script, 500)


LONG = [f"{n}:" + "语ক্ষxع"[n % 5] * (n * 37 % 150) for n in range(60)]


def test_folded_rows_come_one_by_one_at_any_width(path: Path) -> None:
    path.write_text("\n".join(LONG) + "\n")

    def wanted(user: User) -> list[str]:
        width = user.log.size.width - 1
        return [piece.rstrip() for line in LONG for piece in folded(line, width)]

    async def script(user: User) -> None:
        await user.press("w")
        assert user.rows() == wanted(user)[-10:]
        for width in (60, 17):
            await user.pilot.resize_terminal(width, 12)
            await user.press("end")
            rows = wanted(user)
            for last in range(len(rows), 9, -1):
                assert user.rows() == rows[last - 10 : last]
                user.log.action_scroll_up()  # as the key does, but hundreds of times
            assert user.log.top == Place(0) and "paused" in user.says()
            for last in range(10, len(rows) + 1):
                assert user.rows() == rows[last - 10 : last]
                user.log.action_scroll_down()
            assert "following" in user.says()
        await user.press("home", *["down"] * 40)
        first = user.log.number_of(user.log.top.entry)
        await user.pilot.resize_terminal(80, 20)
        await user.until(lambda: len(user.rows()) == 18, "the new size")
        assert user.log.top.entry == first
        await user.press("w")
        assert user.rows()[0] == LONG[first][:78].rstrip()

    look(path, script, 60)


def test_one_line_that_is_higher_than_the_screen(path: Path) -> None:
    path.write_text("".join(str(n % 10) * 57 for n in range(40)))

    async def script(user: User) -> None:
        await user.press("w")
        assert user.rows()[-1][0] == "9" and "following" in user.says()
        await user.press("up", "up")
        assert user.rows()[-1][0] == "7" and "paused" in user.says()
        await user.press("home")
        assert user.rows()[0][0] == "0"
        await user.press("y")
        assert len(user.app.clipboard) == 40 * 57

    look(path, script, 1)


LETTERS = st.sampled_from(["a", "b", " ", "语", "ক", "ক্ষ", "ହି", "é", "ع", "👩\u200d👩"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(LETTERS, max_size=30).map("".join), max_size=30),
    st.none() | st.integers(2, 12),
    st.integers(1, 9),
)
def test_up_and_down_by_any_steps_is_the_plain_list_of_rows(
    lines: list[str], width: int | None, height: int
) -> None:
    rows = Rows(len(lines), lines.__getitem__, width)
    plain = [(n, piece) for n in range(len(lines)) for piece in rows.pieces(n)]
    places = [Place(n, part) for n in range(len(lines)) for part in range(len(rows.pieces(n)))]
    for at, place in enumerate(places):
        assert rows.window(place, height) == plain[at : at + height]
        assert rows.down(place, height) == [*places, *[Place(len(lines))] * height][at + height]
        assert rows.up(place, height) == places[max(0, at - height)]
        assert rows.fitted(place, width) == place
        before = sum(len(piece) for n, piece in plain[:at] if n == place.entry)
        assert not plain[at][1] or rows.letter(place.entry, before) == place
    assert rows.end(height) == (places[max(0, len(places) - height)] if places else Place(0))
    if width is not None:
        assert all(cell_len(piece) <= width for _, piece in plain)
        assert ["".join(rows.pieces(n)) for n in range(len(lines))] == lines


def test_a_log_of_two_hundred_thousand_lines(path: Path) -> None:
    path.write_text("".join(f"{'error' if n % 1000 == 999 else 'step'} {n}\n" for n in range(200_000)))

    async def script(user: User) -> None:
        await user.press("w", "home", "v", "v")
        await user.says_so("200 of 200,000 lines: errors only, paused")
        assert user.rows()[0] == "error 999"
        await user.find("9999", 9999)
        await user.press("v")
        assert "step 9998" in user.rows()
        await user.find("step 199998", 199_998)
        await user.press("end", "up")
        assert user.rows()[-1] == "step 199998"

    look(path, script, 200_000)


def test_garbage_is_drawn_as_wide_as_the_screen(path: Path) -> None:
    path.write_bytes(os.urandom(200_000) + b"\n" + "\u202eع语".encode() * 9000 + b"\n\x1b[2J\x1b]0;x\n")

    async def script(user: User) -> None:
        for _ in range(2):
            await user.press("home")
            for _ in range(30):
                widths = {user.log.render_line(y).cell_length for y in range(user.log.height)}
                assert widths == {user.log.size.width}
                assert not any(ord(letter) < 32 for row in user.rows() for letter in row)
                user.log.action_page_down()
            await user.press("w")

    look(path, script, path.read_bytes().count(b"\n"))


def test_on_the_page_of_a_run_the_keys_reach_the_log(tmp_path: Path, path: Path) -> None:
    path.write_text("step\n" * 100 + TRACEBACK)
    app = XltKit(Workspace(tmp_path / "home"), tmp_path)

    async def run() -> None:
        async with app.run_test(size=(120, 40)) as pilot:
            while type(app.screen).__name__ != "Recipes":
                await pilot.pause(0.02)
            await app.push_screen(RunPage(RunFolder(tmp_path / "run")))
            user = User(app, pilot, path)
            user.log.show(path)
            user.log.focus()
            await user.says_so("104 lines, following")
            await user.press("v", "v")
            await user.says_so("4 of 104 lines: errors only")
            await user.press("slash")
            await user.until(lambda: type(app.screen).__name__ == "Ask", "the question")
            await user.press(*"valueerror", "enter")
            await user.until(lambda: user.log.marked == 103, "the place")

    asyncio.run(run())
