"""A recipe file, its parents and overrides as a typed, complete `Recipe`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kit.errors import RecipeError, RecipeErrors, Where
from kit.recipe.duplicates import duplicate_faults, twice
from kit.recipe.expand import prompt_label, tasks, unrolled
from kit.recipe.faults import suggestion, type_faults
from kit.recipe.model import Recipe
from kit.recipe.sources import PretrainedModel, Shots
from kit.recipe.tree import Tree, override, read_tree, refuse_if_any
from kit.yamlfile import Loc


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and where it came from.

    `sources`: its file, then the files that it extends. `expanded`: the canonical form, plain data in one
    order, defaults written out: equal for equal recipes, and `recipe_of` makes the recipe of it again.
    """

    recipe: Recipe
    sources: tuple[Path, ...]
    expanded: dict[str, Any]
    overrides: tuple[str, ...] = ()
    tree: Tree = field(default_factory=Tree, repr=False, compare=False)

    def where(self, loc: Loc) -> Where:
        """The place where the entry at `loc` was written, or its nearest ancestor."""
        return self.tree.where(loc)


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe, the recipes that it extends, `key=value` overrides; nothing is looked up in the catalog.

    Relative paths are seen from the file that holds them, those in overrides from the current folder.

    Raises:
        RecipeErrors: every fault with file, line, column (an override: itself), and the nearest valid name.
    """
    tree = read_tree(path)
    faults = list(tree.faults)
    for text in overrides:
        try:
            override(tree, text, Path.cwd())
        except RecipeError as fault:
            faults.append(fault)
    faults += duplicate_faults(tree)
    try:
        recipe = Recipe.model_validate(tree.value)
    except ValidationError as error:
        faults += type_faults(error, tree)
        raise RecipeErrors(in_order(faults, tree)) from None
    refuse_if_any(in_order([*faults, *_faults_of_sense(recipe, tree)], tree))
    return LoadedRecipe(recipe, tuple(tree.sources), expanded(recipe), tuple(overrides), tree)


def expanded(recipe: Recipe) -> dict[str, Any]:
    """The canonical form of a recipe: plain data, keys in the order of the types, unset options left out."""
    return recipe.model_dump(mode="json", by_alias=True, exclude_none=True)


def recipe_of(data: Mapping[str, Any]) -> Recipe:
    """The recipe of a canonical form, as a manifest keeps it.

    Raises:
        RecipeErrors: it is none; there is no line to show.
    """
    try:
        return Recipe.model_validate(dict(data))
    except ValidationError as error:
        raise RecipeErrors(type_faults(error, Tree())) from None


def in_order(faults: Iterable[RecipeError], tree: Tree) -> list[RecipeError]:
    """Faults in the order of the files, then of the lines; those of overrides come last. None twice."""
    files = {str(path): index for index, path in enumerate(tree.sources)}

    def place(fault: RecipeError) -> tuple[int, int, int]:
        where = fault.where or Where("")
        return files.get(where.path, len(files)), where.line or 0, where.column or 0

    different = {str(fault): fault for fault in faults}
    return sorted(different.values(), key=place)


def _faults_of_sense(recipe: Recipe, tree: Tree) -> Iterator[RecipeError]:
    """What is wrong though every entry by itself is right."""
    named = zip(unrolled(recipe), tasks(recipe), strict=True)
    yield from twice(
        ((("tasks", index), label, f"the task `{label}`") for (index, _), (label, _) in named), tree
    )
    prompts = [
        (("prompts", index), prompt_label(recipe, asked))
        for index, asked in enumerate(recipe.prompts)
        if not isinstance(asked, str)
    ]
    yield from twice(((loc, label, f"the prompt `{label}`") for loc, label in prompts), tree)
    yield from _idle_shots(recipe, tree)
    yield from _stages(recipe, tree)
    for index, file in enumerate(recipe.catalog):
        if not file.is_file():
            where = tree.where(("catalog", index))
            yield RecipeError(f"there is no file {file}", where=where, remedy="check the path")
    makes_model = any(isinstance(model, PretrainedModel) for model in recipe.models)
    if not (recipe.train or recipe.evaluate or makes_model):
        remedy = "add `evaluate` or `train`"
        yield RecipeError("the recipe asks for nothing", where=tree.where(()), remedy=remedy)
    if recipe.adapters and not recipe.evaluate:
        where = tree.where(("adapters",))
        yield RecipeError(
            "there are adapters, but nothing to evaluate them on", where=where, remedy="add `evaluate`"
        )


def _idle_shots(recipe: Recipe, tree: Tree) -> Iterator[RecipeError]:
    """Where shots are the first item of the test, nothing is drawn: what says how would be passed over in silence."""
    if recipe.switches.shots_from != "test-repeated":
        return
    for index, asked in enumerate(recipe.prompts):
        if not isinstance(asked, Shots):
            continue
        said = {"from": asked.source is not None, "split": asked.split != "train", "seed": asked.seed != 0}
        for key, is_said in said.items():
            if is_said:
                message = f"`{key}` says how shots are drawn, and `shots_from: test-repeated` draws none"
                remedy = "remove it, or choose `switches: {shots_from: train}`"
                yield RecipeError(message, where=tree.where(("prompts", index, key)), remedy=remedy)


def _stages(recipe: Recipe, tree: Tree) -> Iterator[RecipeError]:
    """A stage has a name of its own, and what comes after it stands below it."""
    named = [(("train", at, "stage"), entry.stage) for at, entry in enumerate(recipe.train) if entry.stage]
    yield from twice(((loc, name, f"the stage {name!r}") for loc, name in named), tree)
    above: list[str] = []
    for index, entry in enumerate(recipe.train):
        if entry.after and entry.after not in above:
            where = tree.where(("train", index, "after"))
            below = (
                "stands at or below this one"
                if entry.after in [name for _, name in named]
                else "is named nowhere"
            )
            remedy = (
                suggestion(entry.after, above) or "give the set that comes first a `stage`, and put it above"
            )
            yield RecipeError(f"the stage {entry.after!r} {below}", where=where, remedy=remedy)
        above += [entry.stage] if entry.stage else []
