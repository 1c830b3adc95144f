"""`xlt-kit kick-the-tires`: every part is named, and a part that does not work is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.kit_command import ROOT, Kit

pytestmark = pytest.mark.slow


def test_every_part_is_checked(tires: tuple[Kit, str]) -> None:
    _, said = tires
    lines = [line for line in said.splitlines() if line.startswith(("✓", "✗", "·"))]
    assert len(lines) == 11 and all(line.startswith("✓") for line in lines)
    for word in (
        "generate",
        "score",
        "lens",
        "interchange",
        "T1 reproduced",
        "scored again",
        "was stored, its output",
    ):
        assert word in said
    assert "all 11 parts work" in said


def test_again_it_computes_nothing_and_checks_all_the_same(tires: tuple[Kit, str]) -> None:
    kit, _ = tires
    found = kit.json("kick-the-tires")
    assert found["passed"] and [check["state"] for check in found["checks"]] == ["passed"] * 11
    assert "0 jobs to run" in found["checks"][0]["says"]


def test_a_part_that_fails_is_named_and_what_stands_on_it_skipped(tmp_path: Path) -> None:
    """A recipe that lacks a kind of cell: small enough to run here."""
    (tmp_path / "recipes" / "tires").mkdir(parents=True)
    for name in ("smoke.yaml", "tires/claims.yaml", "tires/kick-the-tires.yaml"):
        shutil.copyfile(ROOT / "recipes" / name, tmp_path / "recipes" / name)
    path = tmp_path / "recipes" / "tires" / "kick-the-tires.yaml"
    text = path.read_text().replace("  - lens\n", "").replace("limit: 60", "limit: 10")
    path.write_text(text.replace("languages: [en, de, hi]", "languages: [de]"))
    done = Kit(tmp_path / "home")("kick-the-tires", "--recipe", path, "--json", code=11)
    checks = json.loads(done.stdout)["checks"]
    assert [check["state"] for check in checks[:3]] == ["passed", "passed", "failed"]
    assert "no cell of the kind lens" in checks[2]["says"]
    assert {check["state"] for check in checks[3:]} == {"skipped"}
    assert "no cell of the kind lens" in done.stderr


def test_without_its_recipe_it_says_where_to_stand(tmp_path: Path) -> None:
    done = Kit(tmp_path / "home")("kick-the-tires", "--recipe", tmp_path / "none.yaml", code=11)
    assert "call this where `recipes/` lies" in done.stdout + done.stderr
