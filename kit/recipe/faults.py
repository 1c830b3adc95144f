"""From the types' complaints to sentences: what was expected, what was found, the nearest valid name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from kit.errors import RecipeError
from kit.recipe.model import Recipe
from kit.recipe.tree import Tree
from kit.yamlfile import Loc, nearest

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "byte_size": "an amount of memory, `16GB` say",
    "byte_size_unit": "an amount of memory, `16GB` say",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
SEE_SCHEMA = "`xlt-kit schema` prints all that fits here"
_SHOWN = 60
_OTHER_WORDS = {"gpu": "cuda", "no": "none", "off": "none"}
"""What people write for one of our words that is not the nearest in letters."""


def type_faults(error: ValidationError, tree: Tree) -> list[RecipeError]:
    """One RecipeError for each complaint, with its place in the recipe's files."""
    complaints = error.errors(include_url=False)
    return [_fault(complaint, tree) for complaint in complaints if not _follows_from_others(complaint)]


def suggestion(name: str, options: Iterable[str]) -> str | None:
    """The remedy for a mistyped name: the nearest of `options`, or all of them where they are few."""
    known = list(options)
    if near := nearest(name, known):
        return f"did you mean {near!r}?"
    if not known:
        return None
    return (
        f"there are: {', '.join(known)}"
        if len(known) <= 30
        else f"there are {len(known)}, {known[0]!r} for one"
    )


def shown_way(loc: Loc) -> str:
    """A place as people write it: `train[0].languages`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return f"`{text.lstrip('.')}`"


def shown_value(value: object) -> str:
    """A value as a message shows it: its kind, and itself where it is short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value!r}" if len(value) <= _SHOWN else f"the text {value[:_SHOWN]!r}…"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if not isinstance(value, Mapping):
        return "a list"
    keys = ", ".join(f"`{key}`" for key in list(value)[:8])
    return f"a mapping with {keys}" if keys and len(keys) <= 2 * _SHOWN else "a mapping"


def _follows_from_others(complaint: ErrorDetails) -> bool:
    """Items that failed are counted as missing: no news, they are complained about themselves."""
    return complaint["type"] == "too_short" and bool(complaint["input"])


def _fault(complaint: ErrorDetails, tree: Tree) -> RecipeError:
    loc = tuple(part for part in complaint["loc"] if not _is_tag(part))
    message, remedy = _sentence(complaint, loc)
    return RecipeError(message, where=tree.where(loc), remedy=remedy or SEE_SCHEMA)


def _is_tag(part: object) -> bool:
    return isinstance(part, str) and part in _TAGGED


def _sentence(complaint: ErrorDetails, loc: Loc) -> tuple[str, str | None]:
    """Message and remedy of a complaint about the entry at `loc`."""
    kind, found, context = complaint["type"], complaint["input"], complaint.get("ctx", {})
    must, but_found = f"{shown_way(loc)} must be", f"; found {shown_value(found)}"
    if kind == "extra_forbidden":
        return _unknown_key(complaint["loc"])
    if kind == "missing":
        return f"{shown_way(loc)} is missing", _meaning(_owner(complaint["loc"][:-1]), str(loc[-1]))
    if kind == "literal_error":
        options = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        listed = _or([f"`{option}`" for option in options])
        return f"{must} {listed}{but_found}", _near(found, options, "")
    if kind == "expected":
        return f"{must} {complaint['msg']}{but_found}", _near(
            found, context.get("options", []), complaint["msg"]
        )
    if kind in _TYPES:
        return f"{must} {_TYPES[kind]}{but_found}", _wrap(kind, found) or f"write {_TYPES[kind]}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"{must} {words} {_bound(context[bound])}{but_found}", "choose another number"
    if kind in ("too_short", "string_too_short"):
        return f"{shown_way(loc)} must not be empty", "add an entry, or remove the key"
    if kind in ("string_pattern_mismatch", "string_too_long"):
        return f"{shown_way(loc)} is no name{but_found}", _naming(str(found), loc)
    return f"{shown_way(loc)}: {complaint['msg'][:1].lower()}{complaint['msg'][1:]}", None


def _naming(found: str, loc: Loc) -> str:
    """The remedy for a text that is no name."""
    if loc[:1] == ("models",) and re.fullmatch(r"[\w.-]+/[\w.-]+", found):
        return f"a model of the hub is written {{name: …, hub: {found}, revision: …}}"
    return "use at most 100 letters, digits and . _ + -, and begin with a letter or digit"


def _bound(number: float) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _near(found: object, options: list[str], what: str) -> str | None:
    """The remedy for a mistyped word, a mapping with mistyped keys (or `kind`), a text instead of a list."""
    words = [found]
    if isinstance(found, Mapping):
        words = [key for key in found if key not in options]
        words += [found["kind"]] if "kind" in found else []
    for word in words:
        if not isinstance(word, str):
            continue
        near = _OTHER_WORDS.get(word)
        near = near if near in options else nearest(word, options)
        if near:
            return f"did you mean {near!r}?"
    return f"write [{found}]" if isinstance(found, str) and "a list of" in what else None


def _wrap(kind: str, found: object) -> str | None:
    """The remedy for the commonest slips of type."""
    if kind == "tuple_type" and isinstance(found, str) and found:
        return f"write [{found}]"
    if kind == "tuple_type" and found is None:
        return "write [], or remove the key"
    if kind == "string_type" and found is not None and not isinstance(found, (list, dict)):
        return "put it in quotation marks"
    if found is None:
        return "give a value, or remove the key"
    return None


def _unknown_key(loc: Loc) -> tuple[str, str | None]:
    owner, name = _owner(loc[:-1]), str(loc[-1])
    known = [field.alias or key for key, field in owner.model_fields.items()]
    known += getattr(owner, "other_keys", ())
    called = getattr(owner, "called", "`switches`")
    return f"`{name}` is no key of {called}", suggestion(name, known)


def _meaning(owner: type[BaseModel], key: str) -> str | None:
    for name, field in owner.model_fields.items():
        if key in (name, field.alias):
            description = field.description or ""
            return description[:1].lower() + description[1:].rstrip(".") or None
    return None


def _owner(loc: Loc) -> type[BaseModel]:
    """The model that stands at a complaint's `loc`, which names a model's tag wherever there are several."""
    owner: type[BaseModel] = Recipe
    for part in loc:
        if _is_tag(part):
            owner = _TAGGED[str(part)] or owner
        elif isinstance(part, str) and part in owner.model_fields:
            kind = owner.model_fields[part].annotation
            owner = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else owner
    return owner


def _tags(kind: Any, found: dict[str, type[BaseModel] | None]) -> dict[str, type[BaseModel] | None]:
    """Every tag of a union below `kind`, with the model that it stands for (None: no model)."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for field in kind.model_fields.values():
            _tags(field.annotation, found)
            for extra in field.metadata:
                _tags(extra, found)
    arguments = get_args(kind)
    for extra in arguments[1:]:
        if tag := getattr(extra, "tag", None):
            model = arguments[0]
            found[tag] = model if isinstance(model, type) and issubclass(model, BaseModel) else None
    for argument in arguments:
        _tags(argument, found)
    return found


_TAGGED = _tags(Recipe, {})
