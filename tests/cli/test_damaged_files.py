"""Damaged files of every kind through the real command: place, remedy, exit code; nothing half-written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit_command import Kit

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)
GOOD = "schema: 1\nname: good\nmodels: [tiny-bloom]\nevaluate:\n  - {dataset: tiny-qa, languages: [de], limit: 2}\n"
RECIPES = {
    "bomb": BOMB,
    "tags": "schema: 1\nname: !!python/object/apply:os.system [true]\n",
    "tabs": "schema: 1\n\tname: x\n",
    "merge": "schema: 1\n<<: {name: x}\n",
    "a cut file": GOOD[:-20],
    "two documents": GOOD + "---\n" + GOOD,
    "a loop": "schema: 1\nextends: recipe.yaml\n",
    "a parent that is a folder": "schema: 1\nextends: .\n",
    "a control character": GOOD + "title: a\x07b\n",
    "deep": "schema: 1\nname: " + "[" * 3000 + "\n",
}


@pytest.mark.parametrize("name", RECIPES)
def test_recipes(kit: Kit, tmp_path: Path, name: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPES[name])
    refused = kit("plan", path, code=3).stderr
    assert str(path) in refused and "→" in refused
    assert not kit.home.exists() or not [p for p in kit.home.rglob("*") if p.is_file()]


def test_what_is_no_file(kit: Kit, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", Path("/dev/zero")):
        assert "no regular file" in kit("plan", path, code=3).stderr


def test_a_folder_with_garbage_among_its_recipes(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00")
    os.mkfifo(tmp_path / "pipe.yaml")
    assert "good" in kit("recipes", tmp_path).stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"id": 1', "line 1"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"id": 1, "context": "c"}\n', "`question` is missing"),
    ],
)
def test_data_of_a_recipe(kit: Kit, tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "own.jsonl").write_bytes(content)
    (tmp_path / "own.yaml").write_text(
        "schema: 1\nname: own\nmodels: [tiny-bloom]\nevaluate:\n  - {file: own.jsonl, format: jsonl, language: de}\n"
    )
    refused = kit("plan", tmp_path / "own.yaml", code=5).stderr
    assert f"{tmp_path / 'own.jsonl'}:1" in refused and "→" in refused
    assert says in refused or "ends too early" in refused
    assert not list(kit.home.rglob("*.jsonl")) and not list(kit.home.rglob("*.tmp"))
