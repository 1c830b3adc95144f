"""The real program in a real terminal: from `xlt-kit` to a finished table, though its screen dies; and its colours."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.schedule import find_run
from tests.kit_command import ROOT
from tests.tui.driving import RECIPE

pytestmark = pytest.mark.slow


class Terminal:
    """A tmux session of its own."""

    def __init__(self, home: Path) -> None:
        self.socket, self.home = "", home

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-L", self.socket, *words]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def start(self, folder: Path, size: tuple[int, int], settings: str = "COLORTERM=truecolor") -> None:
        # A server that was just killed may still be closing its socket: each start has one of its own.
        self.socket = f"xlt-kit-{uuid.uuid4().hex[:8]}"
        program = Path(sys.executable).with_name("xlt-kit")
        width, height = map(str, size)
        # COLUMNS and LINES may have come into the environment with Python's readline; they would be believed.
        command = (
            f"env -u COLORTERM -u NO_COLOR -u COLUMNS -u LINES XLT_KIT_HOME={self.home} {settings} {program}"
        )
        self.tmux("new-session", "-d", "-x", width, "-y", height, "-c", str(folder), command)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def colours(self) -> set[tuple[str, ...]]:
        """The colours on screen: red, green, blue, or a number of 256."""
        codes = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)|[34]8;5;(\d+)", self.tmux("capture-pane", "-p", "-e"))
        return {tuple(part for part in code if part) for code in codes}

    def gone(self, seconds: float = 20) -> None:
        """Wait until the program has ended, and its terminal with it."""
        end = time.monotonic() + seconds
        command = ["tmux", "-L", self.socket, "has-session"]
        while subprocess.run(command, capture_output=True, check=False).returncode == 0:
            assert time.monotonic() < end, "the program does not end"
            time.sleep(0.1)

    def until(self, words: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while words not in (seen := self.screen()):
            assert time.monotonic() < end, f"waited in vain for {words!r}:\n{seen}"
            time.sleep(0.1)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")
    terminal = Terminal(tmp_path / "home")
    yield terminal
    subprocess.run(["tmux", "-L", terminal.socket, "kill-server"], capture_output=True, check=False)


def test_from_the_command_to_the_table_of_the_smoke_recipe_with_a_screen_that_dies(
    terminal: Terminal,
) -> None:
    """In the checkout itself, on a wide terminal; whoever comes back finds the run, and at its end the table."""
    wide = (160, 50)
    terminal.start(ROOT, wide)
    terminal.until("Enter starts it")
    terminal.press("Enter")
    terminal.until("at work")
    folder = find_run(terminal.home / "runs", "last")
    assert folder.name.startswith("smoke-")
    terminal.until("▶ series ", 300)
    terminal.tmux("kill-server")  # as a closed window does it
    assert folder.holder()
    terminal.start(ROOT, wide)
    terminal.until("▶ smoke")
    terminal.press("3")
    terminal.until("at work")
    terminal.press("q")  # and leaves in peace
    terminal.gone()
    assert folder.holder()
    terminal.start(ROOT, wide)
    terminal.until("▶ smoke")
    terminal.press("2")
    terminal.until("running")
    terminal.press("Enter")
    terminal.until(" done", 900)
    terminal.press("4")
    terminal.until("n = 300")
    seen = terminal.screen()
    assert all(row in seen for row in ("base", "tiny-qa/de", "tiny-qa/hi", "tiny-qa/or"))
    assert (folder.path / "manifest.json").exists() and (folder.tables / "f1.csv").exists()


def test_a_small_terminal_is_enough(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(RECIPE)
    terminal.start(tmp_path, (80, 24))
    terminal.until("Enter starts it")
    terminal.press("Enter")
    terminal.until(" done", 300)
    terminal.press("4")
    terminal.until("n = 10")
    assert "tiny-qa/de" in terminal.screen()


@pytest.mark.parametrize(
    ("settings", "kind"),
    [("COLORTERM=truecolor", "all"), ("TERM=screen-256color", "256"), ("NO_COLOR=1", "none")],
)
def test_colours_are_those_that_the_terminal_has(
    terminal: Terminal, tmp_path: Path, settings: str, kind: str
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(RECIPE)
    terminal.start(tmp_path, (80, 24), settings)
    terminal.until("Enter starts it")
    found = terminal.colours()
    assert found or kind == "none"
    if kind == "none":
        assert all(len(set(colour)) == 1 for colour in found if len(colour) == 3), "greys alone"
        assert all(
            int(colour[0]) >= 232
            or colour[0] in ("0", "7", "8", "15", "16", "231", "59", "102", "145", "188")
            for colour in found
            if len(colour) == 1
        )
    else:
        assert {len(colour) for colour in found} == {3 if kind == "all" else 1}


def test_a_terminal_that_goes_away_unheard_ends_it(tmp_path: Path) -> None:
    """Under `nohup` the hang-up is ignored: it must not go on reading from nothing for ever."""
    (tmp_path / "recipes").mkdir()
    process, end = pty.fork()
    if process == 0:  # the child: the command as a user of nohup has it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.chdir(tmp_path)
        environment = {**os.environ, "XLT_KIT_HOME": str(tmp_path / "home"), "TERM": "xterm-256color"}
        os.execve(sys.executable, [sys.executable, "-m", "kit.cli", "tui"], environment)
    seen = b""
    deadline = time.monotonic() + 60
    while b"Recipes" not in seen and time.monotonic() < deadline:
        if select.select([end], [], [], 1)[0]:
            seen += os.read(end, 65536)
    assert b"Recipes" in seen
    os.close(end)
    deadline = time.monotonic() + 60
    while (found := os.waitpid(process, os.WNOHANG))[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.2)
    if found[0] == 0:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    assert found[0] == process, "it still runs without a terminal"
