"""The recipe's JSON Schema, with which editors complete and explain its keys."""

from __future__ import annotations

from typing import Any

from kit.recipe.model import SCHEMA, Recipe

ID = f"urn:xlt-kit:recipe:{SCHEMA}"
_EXTENDS: dict[str, Any] = {
    "title": "Extends",
    "description": "One recipe or several, relative to this file, over which this one is laid: "
    "mappings merge deeply, lists and scalars replace.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": True},
    ],
}


def json_schema() -> dict[str, Any]:
    """The schema of a recipe file, draft 2020-12.

    A file that extends another may leave out all but `schema`; one that extends none needs a name and models.
    """
    schema = Recipe.model_json_schema(by_alias=True)
    properties = dict(schema["properties"])
    first = {"schema": properties.pop("schema"), "extends": _EXTENDS}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "Recipe of xlt-kit",
        "description": (Recipe.__doc__ or "").partition("\n")[0],
    }
    rest = {key: value for key, value in schema.items() if key not in head}
    conditions = {
        "required": ["schema"],
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": ["name", "models"]},
    }
    return {**head, **rest, "properties": {**first, **properties}, **conditions}
