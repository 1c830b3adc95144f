"""What stands twice in a recipe. Looks at plain data, so that it can be told together with faults of type."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any

from kit.errors import RecipeError
from kit.recipe.faults import shown_way
from kit.recipe.sources import control_of, label_of
from kit.recipe.tree import Tree
from kit.yamlfile import Loc

Found = tuple[Loc, Hashable, str]
"""A place, what must be unique among its like, and how a message calls it."""

_WORDS: tuple[Loc, ...] = (("catalog",), ("prompts",), ("seeds",), ("checkpoints",), ("lora", "targets"))


def duplicate_faults(tree: Tree) -> list[RecipeError]:
    """A fault for each item of a list, name, or slice of data that stands a second time."""
    value = tree.value
    faults: list[RecipeError] = []
    for way in _WORDS:
        faults += twice(_words(value, way), tree)
    for key in ("models", "adapters"):
        faults += twice(_names(value.get(key), (key,)), tree)
    for key in ("train", "evaluate", "lens_texts"):
        faults += twice(_slices(value.get(key), key), tree)
    return faults


def twice(found: Iterable[Found], tree: Tree) -> Iterator[RecipeError]:
    """A fault for each place whose value has been met before."""
    first: dict[Hashable, Loc] = {}
    for loc, what, called in found:
        if what in first:
            place = tree.where(first[what])
            message = f"{shown_way(loc)}: {called} stands twice; first at {place}"
            yield RecipeError(message, where=tree.where(loc), remedy="remove one")
        first.setdefault(what, loc)


def shared(found: Iterable[Found], other: str, others: Iterable[Found], tree: Tree) -> Iterator[RecipeError]:
    """A fault for each place whose value stands in the `other` list of the recipe as well."""
    there = {what for _, what, _ in others}
    for loc, what, called in found:
        if what in there:
            message = f"{shown_way(loc)}: {called} stands under `{other}` as well"
            yield RecipeError(message, where=tree.where(loc), remedy="take another split or set")


def _words(value: Any, way: Loc) -> Iterator[Found]:
    for part in way:
        value = value.get(part) if isinstance(value, dict) else None
    for index, word in enumerate(value if isinstance(value, list) else ()):
        if isinstance(word, (str, int)):
            yield (*way, index), (type(word), word), repr(word)


def _names(entries: Any, way: Loc) -> Iterator[Found]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        name = entry.get("name") if isinstance(entry, dict) else entry
        if isinstance(name, str):
            yield (*way, index), name, f"the name {name!r}"


def _slices(entries: Any, key: str) -> Iterator[Found]:
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        for loc, language in _languages(entry, (key, index)):
            if found := slice_of(entry, language, key):
                yield loc, *found


def slice_of(entry: Mapping[str, Any], language: str, key: str) -> tuple[Hashable, str] | None:
    """What one language of a set must not share with another, and how it is called. None: the set is faulty.

    Tunings are told apart in tables by data set and language and by what they come after, columns by the first two and
    the split.
    """
    after = str(entry.get("after") or "") if key == "train" else ""
    behind = f" after {after}" if after else ""
    if isinstance(dataset := entry.get("dataset"), str):
        split = entry.get("split", "test") if key != "train" else ""
        dataset = label_of(dataset, control_of(entry)) if key == "train" else dataset
        called = f"{dataset}/{language}" + (f" ({split})" if split else "") + behind
        return (dataset, language, str(split), after), called
    if isinstance(file := entry.get("file"), str):
        name = entry.get("name")
        name = name if isinstance(name, str) else PurePath(file).stem
        name = label_of(name, control_of(entry)) if key == "train" else name
        return (name, language, "file", after), f"{name}/{language} (file){behind}"
    return None


def _languages(entry: dict[str, Any], loc: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(language := entry.get("language"), str):
        yield (*loc, "language"), language
    languages = entry.get("languages")
    if isinstance(languages, str):
        yield (*loc, "languages"), languages
    for index, language in enumerate(languages if isinstance(languages, list) else ()):
        if isinstance(language, str):
            yield (*loc, "languages", index), language
