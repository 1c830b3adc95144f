"""The JSON Schema: what it lets through and what not, judged by the few keywords that it uses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.errors import RecipeError
from kit.recipe import find_recipes, json_schema
from kit.recipe.model import Recipe
from kit.yamlfile import load
from tests.recipe.conftest import BASE, Write
from tests.recipe.test_messages import FAULTY

ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "default", "format"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
SCHEMA = json_schema()


def fits(value: Any, schema: dict[str, Any] | bool) -> bool:
    """Whether a value fits a schema; every keyword in it must be known here."""
    if isinstance(schema, bool):
        return schema
    return all(holds(key, schema, value) for key in schema if key not in ANNOTATIONS)


def holds(key: str, schema: dict[str, Any], value: Any) -> bool:
    rule = schema[key]
    match key:
        case "$ref":
            return fits(value, SCHEMA["$defs"][rule.removeprefix("#/$defs/")])
        case "type":
            return isinstance(value, TYPES[rule]) and (rule == "boolean" or not isinstance(value, bool))
        case "const":
            return bool(value == rule)
        case "enum":
            return value in rule
        case "anyOf":
            return any(fits(value, option) for option in rule)
        case "oneOf":
            return sum(fits(value, option) for option in rule) == 1
        case "not":
            return not fits(value, rule)
        case "if":
            return fits(value, schema["then"]) if fits(value, rule) else True
        case "then":
            return True
    if isinstance(value, dict):
        return holds_of_object(key, schema, value)
    checks: dict[str, Callable[[], bool]]
    if isinstance(value, list):
        checks = {
            "items": lambda: all(fits(item, rule) for item in value),
            "minItems": lambda: len(value) >= rule,
            "uniqueItems": lambda: len({json.dumps(item) for item in value}) == len(value),
        }
    elif isinstance(value, str):
        checks = {
            "minLength": lambda: len(value) >= rule,
            "maxLength": lambda: len(value) <= rule,
            "pattern": lambda: re.search(rule, value) is not None,
        }
    else:
        checks = {
            "minimum": lambda: value >= rule,
            "maximum": lambda: value <= rule,
            "exclusiveMinimum": lambda: value > rule,
            "exclusiveMaximum": lambda: value < rule,
        }
    return checks[key]() if key in checks else key in KNOWN


KNOWN = {
    *("properties", "additionalProperties", "required", "items", "minItems", "uniqueItems", "minLength"),
    *("maxLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}


def holds_of_object(key: str, schema: dict[str, Any], value: dict[str, Any]) -> bool:
    rule, properties = schema[key], schema.get("properties", {})
    match key:
        case "properties":
            return all(fits(value[name], inner) for name, inner in rule.items() if name in value)
        case "additionalProperties":
            return all(fits(item, rule) for name, item in value.items() if name not in properties)
        case "required":
            return all(name in value for name in rule)
    return key in KNOWN


def keywords(schema: Any) -> set[str]:
    """Every keyword of a schema, below it too; names of properties are none."""
    if not isinstance(schema, dict):
        return set().union(*map(keywords, schema)) if isinstance(schema, list) else set()
    found = set(schema)
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            found |= set().union(*map(keywords, value.values()))
        elif key not in ("enum", "const", "default", "required"):
            found |= keywords(value)
    return found


def test_it_is_of_draft_2020_12_and_plain() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["$id"]
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    handled = {"$ref", "type", "const", "enum", "anyOf", "oneOf", "not", "if", "then"}
    assert keywords(SCHEMA) <= ANNOTATIONS | KNOWN | handled


def test_every_reference_leads_somewhere() -> None:
    references = re.findall(r'"#/\$defs/(\w+)"', json.dumps(SCHEMA))
    assert references
    assert set(references) <= set(SCHEMA["$defs"])


def test_every_key_is_explained() -> None:
    assert set(SCHEMA["properties"]) == {field.alias or key for key, field in Recipe.model_fields.items()} | {
        "extends"
    }
    tables = [SCHEMA, *SCHEMA["$defs"].values()]
    for table in [inner for one in tables for inner in one.get("anyOf", [one])]:
        for name, entry in table.get("properties", {}).items():
            assert entry.get("description"), (table["title"], name)


@pytest.mark.parametrize(
    "path",
    sorted(head.path for head in find_recipes(Path(__file__).parents[2] / "recipes")),
    ids=lambda p: p.stem,
)
def test_shipped_recipes_fit(path: Path) -> None:
    assert fits(load(path, RecipeError).value, SCHEMA)


def test_what_is_right_fits(write: Write) -> None:
    assert fits(load(write(BASE), RecipeError).value, SCHEMA)
    assert fits({"schema": 1, "extends": "other.yaml", "switches": {"stop": "end"}}, SCHEMA)
    assert fits(
        {"schema": 1, "name": "a", "models": [{"name": "b"}], "tasks": ["score", {"kind": "generate"}]},
        SCHEMA,
    )


BEYOND_A_SCHEMA = {
    "a recipe that asks for nothing",
    "adapters without evaluation",
    "tasks that are the same in the end",
    "what stands twice",
    "very deep",
    "a parent that is not there, and one that is no path",
    "itself as a parent",
}


@pytest.mark.parametrize("title", [title for title in FAULTY if title not in BEYOND_A_SCHEMA])
def test_what_is_wrong_does_not_fit(title: str, write: Write) -> None:
    assert not fits(load(write(FAULTY[title]), RecipeError).value, SCHEMA)
