"""The JSON Schema of recipes, for editors."""

from __future__ import annotations

from typing import Any

from kit.recipe.model import Recipe

_PATHS = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


def json_schema() -> dict[str, Any]:
    """Draft 2020-12; with `extends`, which the loader resolves before a recipe is typed.

    A recipe that extends another need not repeat what its parent says, so only `schema` is required then.
    """
    schema = Recipe.model_json_schema(by_alias=True)
    required = schema.pop("required", [])
    schema["properties"]["extends"] = {**_PATHS, "description": "Recipes that this one is laid over; relative paths."}
    schema["anyOf"] = [{"required": required}, {"required": ["schema", "extends"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "xlt-kit recipe", **schema}
