"""A recipe as plain data before it is typed: parents, the file itself and overrides, one laid over the other.

Every entry keeps the place where it was written, so that a fault in a parent is shown in the parent.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit import yamlfile
from kit.errors import RecipeError, RecipeErrors, Where
from kit.recipe.model import SCHEMA
from kit.yamlfile import Loc

_MAX_PARENTS = 20
_MAX_DEPTH = 20
_PATHS: tuple[tuple[str | None, ...], ...] = (
    ("catalog", None),
    ("models", None, "path"),
    ("adapters", None, "path"),
    ("train", None, "file"),
    ("evaluate", None, "file"),
)
"""Where a recipe holds paths (None: each item of a list)."""


@dataclass
class Tree:
    """Plain data with the place of each entry.

    `sources` are the files that it came from, the recipe's own first; `faults` what is wrong with them.
    """

    value: dict[str, Any] = field(default_factory=dict)
    places: dict[Loc, Where] = field(default_factory=dict)
    sources: list[Path] = field(default_factory=list)
    faults: list[RecipeError] = field(default_factory=list)

    def where(self, loc: Loc) -> Where:
        """The place of the entry at `loc`, or of its nearest ancestor that was written somewhere."""
        for length in range(len(loc), -1, -1):
            if place := self.places.get(loc[:length]):
                return place
        return Where(str(self.sources[0]) if self.sources else "recipe")

    def lay(self, value: dict[str, Any], place: Callable[[Loc], Where], loc: Loc = ()) -> None:
        """Lays `value` over what stands at `loc`: mappings merge deeply, all else replaces."""
        target = self.at(loc)
        for key, new in value.items():
            here = (*loc, key)
            if isinstance(new, dict) and isinstance(target.get(key), dict):
                self.places[here] = place(here)
                self.lay(new, place, here)
            else:
                self.put(here, new, place)

    def put(self, loc: Loc, value: Any, place_of: Callable[[Loc], Where]) -> None:
        """Puts `value` at `loc`, in the place of whatever stood there and below."""
        if loc in self.places:
            self.places = {known: place for known, place in self.places.items() if known[: len(loc)] != loc}
        self.at(loc[:-1])[loc[-1]] = value
        for below in _walk(value, loc):
            self.places[below] = place_of(below)

    def at(self, loc: Loc) -> Any:
        """The value at `loc`, which must exist."""
        value: Any = self.value
        for part in loc:
            value = value[part]
        return value

    def resolve_paths(self, folder: Path) -> None:
        """Makes relative paths absolute, as seen from `folder`; others stay as they are."""
        for pattern in _PATHS:
            for holder, key in _matches(self.value, pattern):
                if isinstance(holder[key], str) and holder[key]:
                    holder[key] = absolute(folder, holder[key])


def absolute(folder: Path, path: str) -> str:
    """`path` as seen from `folder`, without `..` and with `~` spelled out."""
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))


def read_tree(path: Path) -> Tree:
    """A recipe file over its parents.

    Raises:
        RecipeErrors: a file cannot be read, is no YAML mapping or of a newer schema, or `extends` is faulty.
    """
    return _Reader().read(path, ())


def refuse_if_any(faults: Sequence[RecipeError]) -> None:
    """Raises RecipeErrors with `faults` if there are any."""
    if faults:
        raise RecipeErrors(faults)


def _walk(value: Any, loc: Loc) -> Iterator[Loc]:
    yield loc
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*loc, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*loc, index))


def _matches(value: Any, pattern: tuple[str | None, ...]) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) to which `pattern` leads."""
    first, rest = pattern[0], pattern[1:]
    if first is None:
        keys: Sequence[Any] = range(len(value)) if isinstance(value, list) else ()
    else:
        keys = (first,) if isinstance(value, dict) and first in value else ()
    for key in keys:
        if rest:
            yield from _matches(value[key], rest)
        else:
            yield value, key


def copied(value: Any) -> Any:
    """A copy of plain data: two files may extend one parent."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def outsized(value: Any) -> tuple[Loc, str] | None:
    """The first entry that no recipe can need, with what is wrong: very deep nesting, huge numbers."""
    waiting: list[tuple[Loc, Any]] = [((), value)]
    while waiting:
        loc, item = waiting.pop()
        if len(loc) > _MAX_DEPTH:
            return loc, f"the file is nested more than {_MAX_DEPTH} levels deep"
        if isinstance(item, int) and item.bit_length() > 63:
            return loc, "the number is too large"
        if isinstance(item, dict):
            waiting += [((*loc, key), below) for key, below in item.items()]
        elif isinstance(item, list):
            waiting += [((*loc, index), below) for index, below in enumerate(item)]
    return None


class _Reader:
    """Reads a file and, once each, the files that it extends."""

    def __init__(self) -> None:
        self._done: dict[str, Tree] = {}

    def read(self, path: Path, chain: tuple[str, ...]) -> Tree:
        """`chain`: the real paths of the files that led here."""
        real = os.path.realpath(path)
        if real not in self._done:
            self._done[real] = self._read(path, (*chain, real))
        return self._done[real]

    def _read(self, path: Path, chain: tuple[str, ...]) -> Tree:
        try:
            document = yamlfile.load(path, RecipeError)
        except RecipeError as fault:
            raise RecipeErrors([fault]) from fault
        value = dict(document.value)
        if found := outsized(value):
            raise RecipeErrors(
                [RecipeError(found[1], where=document.where(found[0]), remedy="make it smaller")]
            )
        tree = Tree(faults=_schema_faults(value, document.where))
        value["schema"] = SCHEMA
        parents = [self.read(parent, chain) for parent in _parents(value.pop("extends", []), document, chain)]
        for parent in parents:
            tree.lay(copied(parent.value), parent.where)
            tree.faults += [fault for fault in parent.faults if fault not in tree.faults]
        tree.lay(value, document.where)
        tree.places[()] = document.where()
        tree.resolve_paths(path.parent)
        sources = [path, *(source for parent in parents for source in parent.sources)]
        tree.sources = list(dict.fromkeys(sources))
        return tree


def _schema_faults(value: dict[str, Any], where: Callable[[Loc], Where]) -> list[RecipeError]:
    if "schema" not in value:
        remedy = f"write `schema: {SCHEMA}` at its top"
        return [RecipeError("the file does not say its `schema`", where=where(()), remedy=remedy)]
    schema, place = value["schema"], where(("schema",))
    if type(schema) is int and schema > SCHEMA:
        message = f"the file is of schema {schema}; this version of xlt-kit reads schema {SCHEMA}"
        raise RecipeErrors([RecipeError(message, where=place, remedy="update xlt-kit")])
    if schema != SCHEMA or type(schema) is not int:
        return [
            RecipeError(
                "`schema` is no version of the format", where=place, remedy=f"write `schema: {SCHEMA}`"
            )
        ]
    return []


def _parents(names: Any, document: yamlfile.Document, chain: tuple[str, ...]) -> list[Path]:
    """The files that a document extends."""
    faults, parents = [], []
    listed = isinstance(names, list)
    for index, name in enumerate(names if listed else [names]):
        where = document.where(("extends", index) if listed else ("extends",))
        if not isinstance(name, str) or not name:
            message, remedy = "`extends` must be a path or a list of paths", "write `extends: other.yaml`"
            faults.append(RecipeError(message, where=where, remedy=remedy))
            continue
        parent = Path(os.path.normpath(document.path.parent / os.path.expanduser(name)))
        real = os.path.realpath(parent)
        if real in chain:
            loop = " → ".join(Path(link).name for link in (*chain[chain.index(real) :], real))
            faults.append(
                RecipeError(f"the recipe extends itself: {loop}", where=where, remedy="break the circle")
            )
        elif parent in parents:
            faults.append(RecipeError(f"`extends` names {name!r} twice", where=where, remedy="remove one"))
        elif not os.path.isfile(parent):
            message = f"`extends` names {name!r}, but there is no file {parent}"
            faults.append(
                RecipeError(message, where=where, remedy="paths are relative to the file that holds them")
            )
        elif len(chain) > _MAX_PARENTS:
            message = f"more than {_MAX_PARENTS} recipes extend each other"
            faults.append(RecipeError(message, where=where, remedy="put some of them together"))
        parents.append(parent)
    refuse_if_any(faults)
    return parents


_PART = re.compile(r"[^\s.=]+")


def override(tree: Tree, text: str, folder: Path) -> None:
    """Applies one `--set key=value`: a dotted path with list indices, a value in YAML, paths from `folder`.

    Unknown keys are left to the recipe's types, which know the nearest name.

    Raises:
        RecipeError: it is not of this form, or leads through something that is no mapping or list.
    """
    shown = text.encode("utf-8", "backslashreplace").decode()
    where = Where(f"--set {shown}")
    way, separator, written = text.partition("=")
    parts = [part.strip() for part in way.split(".")]
    if not separator or not all(_PART.fullmatch(part) and part.isprintable() for part in parts):
        message = "an override must look like key=value or outer.inner=value"
        raise RecipeError(message, where=where, remedy="write --set trainer.epochs=3, say")
    if parts[0] == "extends":
        remedy = "set single keys, or write a recipe that extends others"
        raise RecipeError("an override cannot change `extends`", where=where, remedy=remedy)
    value = _parse_value(written, where)
    loc: Loc = ()
    for index, part in enumerate(parts):
        loc = (*loc, _step(tree.at(loc), part, ".".join(parts[:index]), where))
        if index + 1 < len(parts) and _absent(tree, loc):
            tree.put(loc, {}, lambda _: where)
    if isinstance(value, dict) and not _absent(tree, loc) and isinstance(tree.at(loc), dict):
        tree.lay(value, lambda _: where, loc)
    else:
        tree.put(loc, value, lambda _: where)
    tree.resolve_paths(folder)


def _absent(tree: Tree, loc: Loc) -> bool:
    """Whether nothing (or an explicit nothing) stands at `loc`, whose parent exists."""
    holder = tree.at(loc[:-1])
    return isinstance(holder, dict) and holder.get(str(loc[-1])) is None


def _step(holder: Any, part: str, way: str, where: Where) -> str | int:
    """`part` as a key or index of `holder`, which stands at `way`."""
    if isinstance(holder, dict):
        return part
    if not isinstance(holder, list):
        raise RecipeError(f"`{way}` has no keys below it", where=where, remedy=f"set `{way}` as a whole")
    if part.isdecimal() and part.isascii() and len(part) < 9 and int(part) < len(holder):
        return int(part)
    last = len(holder) - 1
    indices = f"has the indices 0 to {last}" if last >= 0 else "is empty"
    message, remedy = f"`{way}` is a list and {indices}; found {part!r}", f"set `{way}` as a whole"
    raise RecipeError(message, where=where, remedy=remedy)


def _parse_value(written: str, where: Where) -> Any:
    try:
        value = yamlfile.parse(f"value: {written}", Path("override"), RecipeError).value
    except RecipeError as fault:
        raise RecipeError(
            f"the value cannot be read: {fault.message}", where=where, remedy="quote it"
        ) from fault
    if list(value) != ["value"]:
        raise RecipeError("the value must be one YAML value", where=where, remedy="quote it")
    if found := outsized(value):
        raise RecipeError(found[1], where=where, remedy="make it smaller")
    return value["value"]
