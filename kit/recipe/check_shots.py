"""Where the shots of a recipe's prompts are drawn from: is there such a set in every language, and not the test?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kit.errors import RecipeError
from kit.recipe.faults import SEE_SCHEMA, suggestion
from kit.recipe.sources import EvaluateSet, FileSet, Shots, TrainSet
from kit.yamlfile import Loc

if TYPE_CHECKING:
    from kit.catalog import Catalog
    from kit.recipe.load import LoadedRecipe


def shots_without_a_place(
    loaded: LoadedRecipe, evaluate: Sequence[TrainSet | EvaluateSet | FileSet], catalog: Catalog
) -> Iterator[RecipeError]:
    """A fault for each prompt and evaluation set (in the catalog's codes) for which no shots can be drawn.

    Whether a shot's text stands in the test is looked at when the data is read.
    """
    if loaded.recipe.switches.shots_from != "train":
        return
    for index, asked in enumerate(loaded.recipe.prompts):
        if not isinstance(asked, Shots):
            continue
        loc: Loc = ("prompts", index)
        for message, remedy, key in _faults(asked, evaluate, catalog):
            where = loaded.where((*loc, key))
            yield RecipeError(f"{message} to draw shots from", where=where, remedy=remedy or SEE_SCHEMA)


def _faults(
    asked: Shots, evaluate: Sequence[TrainSet | EvaluateSet | FileSet], catalog: Catalog
) -> Iterator[tuple[str, str | None, str]]:
    """Message, remedy, and the key that is at fault."""
    if asked.source and (
        asked.source not in catalog.datasets or not catalog.datasets[asked.source].questions
    ):
        options = [name for name, dataset in catalog.datasets.items() if dataset.questions]
        yield f"{asked.source!r} is no data set of questions", suggestion(asked.source, options), "from"
        return
    for entry in evaluate:
        languages: tuple[str, ...]
        if isinstance(entry, FileSet):
            if asked.source is None:
                yield f"a file has no split {asked.split!r}", "name a data set with `from`", "shots"
                continue
            evaluated, languages, split = entry.label, (entry.language,), ""
        else:
            evaluated, languages, split = entry.dataset, tuple(entry.languages), entry.split
        name = asked.source or evaluated
        if (name, asked.split) == (evaluated, split):
            remedy = "choose another split: a shot must not be of the test"
            yield f"the {split} split of {name!r} is evaluated, and nothing", remedy, "split"
            continue
        dataset = catalog.datasets[name]
        if bare := [code for code in languages if asked.split not in dataset.splits(code)]:
            message = f"{name!r} has no split {asked.split!r} in {', '.join(map(repr, bare))}"
            remedy = "name another set with `from`" if asked.source is None else "choose another set or split"
            yield message, remedy, "from" if asked.source else "shots"
