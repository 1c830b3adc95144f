"""A real file system that is full: the run says so, loses nothing, and goes on once there is room."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.lab import QUICK_RECIPE, Lab

SIZE = 2 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, leave: int) -> Path:
    """A file that takes all of the room but for `leave` bytes."""
    filler = place / "filler"
    used = int(subprocess.run(["df", "-B1", "--output=used", place], capture_output=True, text=True, check=True)
               .stdout.split()[1])  # fmt: skip
    filler.write_bytes(b"x" * (SIZE - used - leave))
    return filler


def test_room_for_a_part_of_the_run_only(small: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "quick.yaml"
    recipe.write_text(QUICK_RECIPE)
    undisturbed = Lab(tmp_path / "home", quick=True)
    assert undisturbed.run("run", recipe)[0] == 0
    codes = []
    for pages in (0, 5, 30, 50, 60, 64, 68, 120):
        lab = Lab(small / f"home-{pages}", quick=True)
        filler = fill(small, pages * 4096)
        code, output = lab.run("run", recipe)
        codes.append(code)
        assert code in (0, 8, 11), output
        assert code == 0 or "full" in output or "space" in output, output
        assert not lab.processes()
        lab.note_finished()
        filler.unlink()
        code, output = lab.run("run", recipe)
        assert code == 0, output
        lab.note_finished()
        assert lab.contents() == undisturbed.contents() and not lab.leftovers()
        subprocess.run(["rm", "-rf", str(lab.home)], check=True)
    assert {0, 8} <= set(codes), "there was a disk that was full, and one that was not"


REAL = """
schema: 1
name: real
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de], limit: 8}
evaluate:
  - {dataset: tiny-qa, languages: [de], limit: 2}
tasks: [generate]
trainer: {steps: 2}
lora: {r: 16}
resources: {device: cpu, slots: 1}
"""


@pytest.mark.slow
def test_a_real_tuning_that_finds_no_room_for_its_adapter(small: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "real.yaml"
    recipe.write_text(REAL)
    lab = Lab(small / "home")
    filler = fill(small, 260_000)
    code, output = lab.run("run", recipe)
    assert code == 11 and "[disk-full]" in output and "Free some space" in output, output
    assert "xlt-kit resume" in output
    lab.note_finished()
    filler.unlink()
    code, output = lab.run("resume")
    assert code == 0 and "done" in output, output
    lab.note_finished()
    assert not lab.leftovers() and not lab.processes()
