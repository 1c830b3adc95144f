"""Homes with runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kit.schedule import JobState, find_run
from tests.kit_command import Kit
from tests.tui import sample


@pytest.fixture(scope="module")
def done(smoke: tuple[Kit, CompletedProcess[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own with the finished smoke run."""
    home = tmp_path_factory.mktemp("done") / "home"
    shutil.copytree(smoke[0].home, home, symlinks=True)
    # Another test may have asked for the same run again, when there was nothing left to do: its jobs are put back.
    folder = find_run(home / "runs", "last")
    state = folder.state()
    assert state is not None
    specs = [(job.path.name, job.spec()) for job in folder.job_folders()]
    jobs = tuple(
        JobState(name, s.name, s.kind, (), s.keys, 1.0, "done", "cpu0", 1.0, 9.0, 1) for name, s in specs
    )
    folder.write_state(replace(state, jobs=jobs))
    return home


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a hand-made run that stands in the midst of its work."""
    home = tmp_path_factory.mktemp("sample") / "home"
    sample.make(home)
    return home
