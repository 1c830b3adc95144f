"""Reads: recipe files (YAML), the recipes that they extend, overrides; for `check_names` the catalog.
Writes: a typed, complete `Recipe`, its canonical form, its JSON Schema; pieces of it as specs of jobs.
"""

from kit.recipe import expand
from kit.recipe.check import check_checkpoints, check_names
from kit.recipe.listing import RecipeHead, find_recipes
from kit.recipe.load import LoadedRecipe, expanded, load_recipe, recipe_of
from kit.recipe.model import Recipe, Resources
from kit.recipe.schema import json_schema
from kit.recipe.switches import GROUPS, PAPER, SOUND, Switches

__all__ = [
    "GROUPS",
    "PAPER",
    "SOUND",
    "LoadedRecipe",
    "Recipe",
    "RecipeHead",
    "Resources",
    "Switches",
    "check_checkpoints",
    "check_names",
    "expand",
    "expanded",
    "find_recipes",
    "json_schema",
    "load_recipe",
    "recipe_of",
]
