"""A language is named by its code or by any alias, wherever it is named, and has one name from there on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.api.planning import load
from kit.catalog import Catalog, Locations, load_examples
from kit.data.example import Example
from kit.errors import CatalogError
from kit.score import code

LINE = {"id": "1", "context": "Kontext.", "question": "Was?", "answer": "Kontext"}
MINE = """\
schema: 1
languages:
  gsw-x: {title: Swiss German, script: Latn, family: Indo-European, aliases: [gsw_Latn]}
datasets:
  mine:
    format: jsonl
    path: data
    languages: [yor_Latn, gsw_Latn]
    files:
      test: "{language}.jsonl"
      train: {mai_Deva: mai.jsonl}
    seen_by: {bloom: [{how: verbatim, languages: [yor_Latn], note: a test}]}
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE, encoding="utf-8")
    (tmp_path / "data").mkdir()
    for name in ("yor_Latn", "gsw_Latn", "mai"):
        (tmp_path / "data" / f"{name}.jsonl").write_text(json.dumps(LINE))
    return path


def test_an_entry_of_a_data_set_may_write_aliases(mine: Path, locations: Locations) -> None:
    catalog = Catalog.load([mine])
    entry = catalog.dataset("mine")
    assert entry.languages() == ("yo", "gsw-x", "mai")
    assert (entry.splits("yo"), entry.splits("mai")) == (("test",), ("train",))
    for name in ("yo", "yor", "yor_Latn"):
        (found,) = load_examples(catalog, "mine", name, "test", locations)
        assert isinstance(found, Example) and found.language == "yo"
    assert entry.seen_families("yo", "test") == {"bloom"} and not entry.seen_families("mai", "train")


def test_two_names_of_one_language_in_one_entry_are_refused(mine: Path) -> None:
    mine.write_text(MINE.replace("{mai_Deva: mai.jsonl}", "{yo: mai.jsonl}"))
    with pytest.raises(CatalogError, match="'yo' and 'yor_Latn' are one language") as caught:
        Catalog.load([mine])
    assert caught.value.where is not None and caught.value.where.line == 11


def test_recipes_and_overrides_may_write_aliases(tmp_path: Path, mine: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "schema: 1\nname: r\ncatalog: [mine.yaml]\nmodels: [tiny-bloom]\n"
        "evaluate: [{dataset: mine, languages: [yor_Latn], split: test}]\n"
    )
    loaded, _ = load(recipe)
    assert loaded.recipe.evaluate[0].languages == ("yo",)  # type: ignore[union-attr]
    loaded, _ = load(recipe, ("evaluate.0.languages=[gsw_Latn]",))
    assert loaded.recipe.evaluate[0].languages == ("gsw-x",)  # type: ignore[union-attr]


def test_columns_are_named_by_aliases_too() -> None:
    catalog = Catalog.load()
    columns = ("yor_Latn", "xquad-in/mai_Deva", "ory", "de", "zzz_Zzzz", "base")
    assert [catalog.short(name) for name in columns] == ["yo", "xquad-in/mai", "or", "de", "zzz_Zzzz", "base"]


def test_every_alias_of_the_catalog_is_one_languages() -> None:
    catalog = Catalog.load()
    for name, language in catalog.languages.items():
        assert all(catalog.language(alias).name == name for alias in language.aliases)
        assert code(name) == name.partition("-")[0].partition("_")[0]
