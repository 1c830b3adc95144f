"""Death and full disks at every point where a run changes a file; then the same command, and nothing is lost.

In CI a sample of the points, spread over all of them; `make chaos` takes every one (CHAOS_POINTS=0).
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.lab import QUICK_RECIPE, Lab

POINTS = int(os.environ.get("CHAOS_POINTS", "10"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "quick.yaml"
    path.write_text(QUICK_RECIPE)
    return path


@pytest.fixture(scope="module")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    lab = Lab(tmp_path_factory.mktemp("undisturbed") / "home", quick=True)
    assert lab.run("run", recipe)[0] == 0
    contents = lab.contents()
    assert sum(name.startswith("cells/") for name in contents) == 8  # answers and scores of four cells
    return contents


def points(role: str, recipe: Path, folder: Path) -> int:
    """How many changes of files a process of this role makes at most: each is a point at which it can die."""
    lab = Lab(folder / "home", quick=True)
    record = folder / "record"
    assert lab.run("run", recipe, fault={"role": role, "action": "record", "record": str(record)})[0] == 0
    return max(Counter(line.split()[0] for line in record.read_text().splitlines()).values())


def spread(count: int) -> list[int]:
    if not POINTS or count <= POINTS:
        return list(range(1, count + 1))
    return sorted({1 + round(i * (count - 1) / (POINTS - 1)) for i in range(POINTS)})


@pytest.mark.parametrize("action", ["kill", "full"])
@pytest.mark.parametrize("role", ["kit", "job"])
def test_every_point(
    role: str, action: str, recipe: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    count = points(role, recipe, tmp_path)
    assert count > 15
    happened = 0
    for at in spread(count):
        lab, fuse = Lab(tmp_path / f"home-{at}", quick=True), tmp_path / f"fuse-{at}"
        fault = {"role": role, "action": action, "at": at, "fuse": str(fuse)}
        code, output = lab.run("run", recipe, fault=fault)
        happened += fuse.exists()
        where = f"point {at} of {count}, {fuse.read_text() if fuse.exists() else 'not reached'}: {output}"
        if action == "full" and fuse.exists():
            assert code in (0, 8, 11), where
            assert code == 0 or "space" in output or "full" in output, where
        fuse.unlink(missing_ok=True)
        lab.note_finished()
        assert lab.run("run", recipe)[0] == 0, where
        lab.note_finished()
        assert lab.contents() == undisturbed, where
        assert not lab.leftovers(), where
        assert not lab.processes(), where
        assert set(lab.told("cell", "key").values()) == {1}, where
    assert happened >= 0.8 * len(spread(count))
