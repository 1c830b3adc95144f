"""Fixtures that all rooms share."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import filelock
import pytest

from tests.kit_command import SMOKE, Kit


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The tree of real data, laid out as upstream; tests that need it skip where it is absent."""
    name = os.environ.get("XLT_KIT_MIRROR")
    if not name:
        pytest.skip("XLT_KIT_MIRROR names no data mirror")
    path = Path(name)
    if not (path / "SHA256SUMS").exists():
        pytest.skip(f"{path} is no data mirror (no SHA256SUMS)")
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the kit's own (store, runs, cache) for one test."""
    path = tmp_path / "home"
    monkeypatch.setenv("XLT_KIT_HOME", str(path))
    return path


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path / "home")


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kit, subprocess.CompletedProcess[str]]:
    """The smoke recipe, run in full by the command: its home, and what it printed. Once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kit, said = Kit(shared / "smoke-run" / "home"), shared / "smoke-run" / "said.json"
    said.parent.mkdir(exist_ok=True)
    with filelock.FileLock(shared / "smoke-run" / "lock"):
        if not said.exists():
            done = kit("run", SMOKE)
            said.write_text(json.dumps({"stdout": done.stdout, "stderr": done.stderr}))
    words = json.loads(said.read_text())
    return kit, subprocess.CompletedProcess(["xlt-kit"], 0, words["stdout"], words["stderr"])


@pytest.fixture(scope="session")
def tires(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kit, str]:
    """`xlt-kit kick-the-tires`: the home of the smallest run with a cell of every kind, and what it printed. Once for
    all test processes; do not change what is in it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kit, said = Kit(shared / "tires-run" / "home"), shared / "tires-run" / "said.txt"
    said.parent.mkdir(exist_ok=True)
    with filelock.FileLock(shared / "tires-run" / "lock"):
        if not said.exists():
            said.write_text(kit("kick-the-tires").stdout)
    return kit, said.read_text()
