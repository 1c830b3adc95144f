"""Places of one test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalog import Locations


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    """No mirror, an empty cache, no network."""
    return Locations(mirror=None, cache=tmp_path / "cache", offline=True)
