"""What a faulty recipe makes its author read: every case of `faulty.txt` against `faulty.golden.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.errors import RecipeErrors
from kit.recipe import load_recipe

HERE = Path(__file__).parent


def cases(name: str) -> dict[str, str]:
    """The texts of a file of cases by their titles."""
    parts = (HERE / name).read_text(encoding="utf-8").split("=== ")[1:]
    return {title: text for title, _, text in (part.partition("\n") for part in parts)}


def messages(folder: Path, text: str) -> str:
    """The messages that a recipe of this text raises, one a line, as seen from its folder."""
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeErrors) as caught:
        load_recipe(path)
    assert all(error.where is not None and error.where.path == str(path) for error in caught.value.errors)
    return "".join(f"{error}\n" for error in caught.value.errors).replace(f"{folder}/", "")


FAULTY, GOLDEN = cases("faulty.txt"), cases("faulty.golden.txt")


def test_every_case_has_its_golden_messages() -> None:
    assert list(FAULTY) == list(GOLDEN)
    assert len(FAULTY) >= 25


@pytest.mark.parametrize("title", FAULTY)
def test_messages(title: str, tmp_path: Path) -> None:
    assert messages(tmp_path, FAULTY[title]) == GOLDEN.get(title)
