"""The list of recipes in a folder."""

from __future__ import annotations

from pathlib import Path

from kit.recipe import RecipeHead, find_recipes
from tests.recipe.conftest import BASE, Write


def test_recipes_are_found_by_path(write: Write, tmp_path: Path) -> None:
    write(
        "# what for\nschema: 1\nname: b\ntitle: >-\n  two\n  lines\nneeds: a GPU\nmodels: [x]\n", "r/b.yaml"
    )
    write(BASE, "r/a/a.yaml")
    write("schema: 1\nclaims: []\nname: late\n", "r/claims.yaml")
    write("name: [broken\n", "r/broken.yaml")
    write("- 1\n", "r/list.yaml")
    write("schema: 1\nname: text\n", "r/readme.txt")
    assert find_recipes(tmp_path / "r") == [
        RecipeHead(tmp_path / "r/a/a.yaml", "base", "", ""),
        RecipeHead(tmp_path / "r/b.yaml", "b", "two lines", "a GPU"),
    ]


def test_only_the_head_is_read(write: Write, tmp_path: Path) -> None:
    write("schema: 1\nname: a\nmodels: [x\n  what follows is no YAML: at all: [\n", "a.yaml")
    assert [head.name for head in find_recipes(tmp_path)] == ["a"]


def test_no_folder(tmp_path: Path) -> None:
    assert find_recipes(tmp_path / "none") == []
