"""The real program in a real terminal: from `xlt-kit` to a finished table, its screen killed on the way."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.schedule import find_run
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

    def start(self, folder: Path, size: tuple[int, int]) -> None:
        # A server that was just killed may still be closing its socket: each start has one of its own.
        self.socket = f"xlt-kit-{uuid.uuid4().hex[:8]}"
        program = Path(sys.executable).with_name("xlt-kit")
        width, height = map(str, size)
        command = f"XLT_KIT_HOME={self.home} {program}"
        self.tmux("new-session", "-d", "-x", width, "-y", height, "-c", str(folder), command)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

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


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
def test_from_the_command_to_the_table_with_a_screen_that_dies(
    terminal: Terminal, tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "small.yaml").write_text(RECIPE.replace("steps: 4", "steps: 60"))
    terminal.start(tmp_path, size)
    terminal.until("Enter starts it")
    terminal.press("Enter")
    terminal.until("at work")
    folder = find_run(terminal.home / "runs", "last")
    terminal.tmux("kill-server")  # as a closed window does it
    assert folder.holder()
    terminal.start(tmp_path, size)
    terminal.until("Enter starts it")
    terminal.press("2")
    terminal.until(folder.name)
    terminal.press("Enter")
    terminal.until("log of")
    terminal.press("t")
    terminal.until("evaluated on")
    terminal.until("tiny-qa/de")
    terminal.press("l")
    terminal.until(" done")
    terminal.press("t")
    terminal.until("n = 10")
    terminal.press("q")
    assert (folder.path / "manifest.json").exists()
