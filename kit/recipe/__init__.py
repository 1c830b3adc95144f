"""Reads: recipe files (YAML), overrides, the catalog's names.
Writes: a typed `Recipe` with every default and switch expanded, or all faults at once.
"""

from kit.recipe.check import check_names
from kit.recipe.listing import RecipeHead, find_recipes
from kit.recipe.load import LoadedRecipe, load_recipe
from kit.recipe.model import Recipe
from kit.recipe.schema import json_schema
from kit.recipe.switches import PAPER, SOUND, Switches

__all__ = [
    "PAPER",
    "SOUND",
    "LoadedRecipe",
    "Recipe",
    "RecipeHead",
    "Switches",
    "check_names",
    "find_recipes",
    "json_schema",
    "load_recipe",
]
