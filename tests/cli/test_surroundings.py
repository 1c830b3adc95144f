"""Hostile surroundings: locales, homes, streams, clocks, limits: commands work, or say a sentence and a remedy."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit_command import ROOT, SMOKE

INJECT = ROOT / "tests" / "chaos" / "inject"
COMMANDS: list[list[str]] = [
    ["--help"],
    ["plan", str(SMOKE)],
    ["data", "show", "tiny-qa", "--language", "or"],
    ["table"],
]
ODIA = "ସହର"


def call(
    words: list[str], *, shell: str = "", cwd: Path = ROOT, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the command with the given environment; `shell` is put behind it in a shell."""
    command = [*options.pop("prefix", []), sys.executable, "-m", "kit.cli", *words]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    return subprocess.run(
        command, capture_output=True, env=environment, cwd=cwd, timeout=120, check=False, **options
    )


def fine(done: subprocess.CompletedProcess[bytes], words: list[str], codes: tuple[int, ...] = (0,)) -> str:
    """The exit code is one of these (2 for a table without runs), and no traceback and no half-told error came."""
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode in ((2,) if words == ["table"] and 0 in codes else codes), (words, said)
    assert "Traceback" not in said and "Exception ignored" not in said, said
    if done.returncode:
        assert not done.stderr or ("error" in said and "→" in said) or "Error: " in said, said
    return said


def home(tmp_path: Path) -> dict[str, str]:
    return {"XLT_KIT_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}


@pytest.mark.parametrize(
    "more",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "xx_YY.nonsense"},
        {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20"},
        {"COLUMNS": "100000"},
        {"COLUMNS": "nonsense", "LINES": "-1"},
    ],
)
def test_locales_and_terminals(tmp_path: Path, more: dict[str, str]) -> None:
    for words in COMMANDS:
        done = call(words, env={**home(tmp_path), **more})
        fine(done, words)
        if words[0] == "data":
            assert ODIA in done.stdout.decode("utf-8")


@pytest.mark.parametrize(
    "name", ["with space ଓଡ଼ିଆ", "new\nline", "a" * 200 + "/" + "b" * 200, "-dash'quote\""]
)
def test_homes_of_any_name(tmp_path: Path, name: str) -> None:
    for words in COMMANDS:
        fine(call(words, env={"XLT_KIT_HOME": str(tmp_path / name)}), words)
    assert (tmp_path / name / "store" / "store.json").is_file()


def test_a_relative_home_is_seen_from_the_current_folder(tmp_path: Path) -> None:
    fine(call(["plan", str(SMOKE)], env={"XLT_KIT_HOME": "here"}, cwd=tmp_path), ["plan"])
    assert (tmp_path / "here" / "store").is_dir()


def test_no_home_variable_and_a_home_that_is_nowhere(tmp_path: Path) -> None:
    for words in COMMANDS:
        fine(call(words, env={"HOME": str(tmp_path / "no" / "where")}), words)
    if os.getuid() == 0 and open_to_all(Path(sys.executable).resolve()):
        done = call(["plan", str(SMOKE)], preexec_fn=become(12345), cwd=Path("/"))
        said = fine(done, ["plan"], (0, 8))
        assert done.returncode == 0 or "XLT_KIT_HOME" in said


def become(uid: int) -> Callable[[], None]:
    def preexec() -> None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)

    return preexec


def open_to_all(path: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (path, *path.parents))


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.mkdir()
    mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none "$0" && exec "$@"', str(place)]
    if (
        not shutil.which("unshare")
        or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs the right to mount a read-only file system in a namespace of its own")
    for words in COMMANDS:
        done = call(words, prefix=mount, env={"XLT_KIT_HOME": str(place)})
        said = fine(done, words, (8,) if words[0] == "plan" else (0, 2, 8))
        if words[0] == "plan":
            assert str(place) in said and "XLT_KIT_HOME" in said


def test_a_home_on_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for words in COMMANDS:
        fine(call(words, env={"XLT_KIT_HOME": str(tmp_path / "file")}), words, (0, 2, 8))
    done = call(["plan", str(SMOKE)], env={"XLT_KIT_HOME": str(tmp_path / "file")})
    assert done.returncode == 8


@pytest.mark.parametrize("shell", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">&- 2>&-"])
def test_closed_streams(tmp_path: Path, shell: str) -> None:
    for words in COMMANDS:
        fine(call(words, shell=shell, env=home(tmp_path)), words)


def test_output_that_cannot_be_written_and_readers_that_go_away(tmp_path: Path) -> None:
    for words in COMMANDS[1:3]:
        done = call(words, shell=">/dev/full", env=home(tmp_path))
        assert "no space" in fine(done, words, (8,))
        done = call(words, shell="| head -n 1", env=home(tmp_path))
        fine(done, words)
        assert not done.stderr
    fine(call(["plan", str(SMOKE), "--json"], shell="| head -c 10", env=home(tmp_path)), ["plan"])


def test_a_current_folder_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    for words in COMMANDS:
        done = call(
            words, cwd=gone, env=home(tmp_path), preexec_fn=lambda: shutil.rmtree(gone, ignore_errors=True)
        )
        fine(done, words, (0, 2, 8))
        gone.mkdir(exist_ok=True)


@pytest.mark.parametrize("clock", [[-1.7e9, 0], [2.5e9, 0], [-3e8, 5], [3e8, 5]])
def test_clocks_that_are_wrong_or_jump(tmp_path: Path, clock: list[float]) -> None:
    chaos = json.dumps({"role": "kit", "action": "record", "clock": clock})
    for words in COMMANDS:
        env = {**home(tmp_path), "CHAOS": chaos, "PYTHONPATH": f"{ROOT}{os.pathsep}{INJECT}"}
        fine(call(words, env=env), words)


@pytest.mark.parametrize("mask", [0o077, 0o000])
def test_masks_of_new_files(tmp_path: Path, mask: int) -> None:
    fine(call(["plan", str(SMOKE)], env=home(tmp_path), umask=mask), ["plan"])
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or os.access(path, os.R_OK)


def test_few_open_files(tmp_path: Path) -> None:
    for words in COMMANDS:
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))  # noqa: E731
        fine(call(words, env=home(tmp_path), preexec_fn=limit), words)
