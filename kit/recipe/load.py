"""From a file and overrides to a typed recipe, or to all of its faults at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kit.errors import RecipeError
from kit.recipe.faults import type_faults
from kit.recipe.model import Recipe
from kit.recipe.tree import Tree, override, read_tree, refuse_if_any


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and where it came from. `expanded` is the whole of it as plain data, in the order of the types."""

    recipe: Recipe
    sources: tuple[Path, ...]
    overrides: tuple[str, ...]
    expanded: dict[str, Any]
    tree: Tree


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> LoadedRecipe:
    """Read a recipe, lay the overrides (`key=value`) over it, and type it. Names are not looked up yet.

    Raises:
        RecipeErrors: every fault, in the order of the files, with its place and remedy.
    """
    tree = read_tree(path)
    faults = list(tree.faults)
    for text in overrides:
        try:
            override(tree, text, Path.cwd())
        except RecipeError as fault:
            faults.append(fault)
    recipe = None
    try:
        recipe = Recipe.model_validate(tree.value)
    except ValidationError as error:
        faults += type_faults(error, tree)
    refuse_if_any(in_file_order(faults))
    assert recipe is not None
    expanded = recipe.model_dump(mode="json", by_alias=True)
    return LoadedRecipe(recipe, tuple(tree.sources), tuple(overrides), expanded, tree)


def in_file_order(faults: Sequence[RecipeError]) -> list[RecipeError]:
    """Faults as a reader meets them: file by file, from top to bottom."""

    def place(fault: RecipeError) -> tuple[str, int, int]:
        where = fault.where
        return (where.path, where.line or 0, where.column or 0) if where else ("", 0, 0)

    return sorted(faults, key=place)
