"""Tunings that go on from one another, in a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalog import Catalog
from kit.errors import RecipeErrors
from kit.recipe import check_names, load_recipe, recipe_of
from kit.recipe.sources import TrainFile
from tests.recipe.conftest import Write

STAGED = """\
schema: 1
name: staged
models: [tiny-bloom]
train:
  - {stage: translation, dataset: flores-in-enxx, languages: [or], split: dev}
  - {stage: mine, file: te.tsv, format: pairs-tsv, language: tel, from: en}
  - {dataset: tiny-qa, languages: [de, hi], after: translation}
  - {stage: second, dataset: tiny-qa, languages: [de], after: mine}
  - {dataset: tiny-qa, languages: [de], after: second}
  - {dataset: tiny-qa, languages: [de]}
evaluate: [{dataset: tiny-qa, languages: [de], limit: 3}]
"""


def staged(write: Write) -> Path:
    path = write(STAGED)
    (path.parent / "te.tsv").write_text("Good day.\tశుభోదయం.\n")
    return path


def test_stages_and_pairs_are_read_and_stand_in_the_canonical_form(write: Write) -> None:
    checked = check_names(load_recipe(staged(write)), Catalog.load())
    assert [(entry.stage, entry.after) for entry in checked.recipe.train] == [
        ("translation", None),
        ("mine", None),
        (None, "translation"),
        ("second", "mine"),
        (None, "second"),
        (None, None),
    ]
    file = checked.recipe.train[1]
    assert isinstance(file, TrainFile) and (file.language, file.translated_from) == ("te", "en")
    assert recipe_of(checked.expanded) == checked.recipe


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.2.after=tranlation", "the stage 'tranlation' is named nowhere (did you mean 'translation'?)"),
        ("train.0.after=second", "the stage 'second' stands at or below this one"),
        ("train.3.after=second", "the stage 'second' stands at or below this one"),
        ("train.3.stage=mine", "the stage 'mine' stands twice"),
        ("train.4.after=translation", "tiny-qa/de after translation stands twice"),
        ("train.1.to=en", "pairs need one of `from` and `to`"),
        ("train.1.format=jsonl", "`from` is for translation pairs"),
        ("train.1.from=xx", "'xx' is no language of the catalog"),
        (
            "train.1.format=pairs-csv",
            "must be `squad`, `xquad-in`, `tydiqa`, `jsonl`, `belebele`, `pairs`, `pairs-jsonl` or `pairs-tsv`",
        ),
        ("train_prompt=short-span", "the prompt 'short-span' has no question for a translation"),
        ("evaluate=[{dataset: flores-in-enxx, languages: [or], split: dev}]", "holds no questions but pairs"),
        ("evaluate.0.after=mine", "`after` is no key of a data set"),
        ("train.0.stge=a", "`stge` is no key of a data set (did you mean 'stage'?)"),
    ],
)
def test_what_cannot_be_is_said(write: Write, override: str, message: str) -> None:
    with pytest.raises(RecipeErrors) as caught:
        check_names(load_recipe(staged(write), [override]), Catalog.load())
    assert message in "\n".join(map(str, caught.value.errors))
