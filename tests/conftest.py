"""Fixtures that all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


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
