"""What every page looks like, in three sizes: pictures that are compared letter by letter, style by style.

After a change that is meant: `python -m pytest tests/tui/test_snapshots.py --snapshot-update`, then look at the
pictures in a browser, which draws every script rightly, before they are committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.image import SVGImageSnapshotExtension

from kit.api import Need
from kit.schedule import progress
from kit.tui.screens import doctor as doctor_page
from kit.tui.screens import recipes as recipes_page
from kit.tui.screens import runs as runs_page
from tests.tui import sample
from tests.tui.driving import RECIPE, Drive, drive
from tests.tui.scenes import SCENES, SIZES, picture

NEEDS = [
    Need("memory", "1.0 GB a job", "64 GB", True),
    Need("disk", "12.40 GB", "8 GB free", False),
    Need("GPU", "used where there is one", "NVIDIA H100, 80 GB", True),
    Need("time", "12 min of work", "6 min, 2 at a time"),
]


@pytest.fixture
def same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Clock and machine of the pictures; returns the folder of their recipes, below the working directory."""
    monkeypatch.setattr(progress, "time", sample.frozen())
    monkeypatch.setattr(runs_page, "time", sample.frozen())
    monkeypatch.setattr(recipes_page, "needs", lambda workspace, prepared: NEEDS)
    monkeypatch.setattr(doctor_page, "all_findings", lambda here, bench: iter(sample.FINDINGS))
    monkeypatch.setattr(doctor_page, "fits", lambda here, folder, factor, able: iter(sample.FITS))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    (folder / "own").mkdir(parents=True)
    (folder / "grid.yaml").write_text(RECIPE.replace("name: small", "name: grid"))
    (folder / "own" / "broken.yaml").write_text(
        "schema: 1\nname: broken\ntitle: ওড়িয়া (ଓଡ଼ିଆ), a title in two scripts\nmodels: [tiny-blom]\nevaluat: []\n"
    )
    return folder


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", SCENES)
def test_a_page(
    scene: str, size: tuple[int, int], at_work: Path, same_everywhere: Path, snapshot: SnapshotAssertion
) -> None:
    seen: list[str] = []

    async def script(user: Drive) -> None:
        await SCENES[scene](user)
        seen.append(await user.still(lambda: picture(user)))

    drive(at_work, script, same_everywhere, size)
    assert seen[0] == snapshot(extension_class=SVGImageSnapshotExtension)
