"""YAML that people write: plain data, and the place of every entry in the file.

The reader keeps to YAML 1.2's core rules, because YAML 1.1's are traps in a recipe: `no` is the code of a
language and no boolean, `1e-3` is a number and no text, `1:30` is text and not ninety. Only plain data comes
out (text, whole and finite numbers, booleans, null, lists, mappings with text keys); tags, merge keys and
other keys than text are refused, with the place and the remedy.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from kit.errors import KitError, Where

Loc = tuple[str | int, ...]
"""The way to an entry: keys of mappings and indices of lists, from the top."""

_MAX_BYTES = 4 << 20
_MAX_ENTRIES = 100_000
_TAG = "tag:yaml.org,2002:"
_TOO_DEEP = "the file is nested too deeply"


@dataclass(frozen=True)
class Document:
    """A file's plain data, and each entry's (line, column) from 1: that of its key, or of the list's item."""

    path: Path
    value: dict[str, object]
    marks: Mapping[Loc, tuple[int, int]]

    def where(self, loc: Iterable[str | int] = ()) -> Where:
        """The place of the entry at `loc`, or of its nearest ancestor that stands in the file."""
        way = tuple(loc)
        while way and way not in self.marks:
            way = way[:-1]
        line, column = self.marks.get(way, (1, 1))
        return Where(str(self.path), line, column)


def load(path: Path, error: type[KitError]) -> Document:
    """Read a YAML file whose top is a mapping.

    Raises:
        `error`: the file cannot be read, is not UTF-8, not YAML, too large, or holds what is refused (above),
            with file, line and column.
    """
    return parse(_read(path, error), path, error)


def parse(text: str, path: Path, error: type[KitError]) -> Document:
    """`load` for text that is at hand; `path` only says where it came from. Raises `error` as `load` does."""
    reader = _Reader(path, error)
    try:
        node = yaml.compose(text.removeprefix("\ufeff"), Loader=_CoreLoader)
        if node is None:
            return Document(path, {}, {(): (1, 1)})
        value = reader.plain(node, ())
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        raise reader.fault(mark, _explain(fault), _remedy(fault)) from fault
    except yaml.reader.ReaderError as fault:
        before = text[: fault.position]
        where = Where(str(path), before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = "the file holds a character that YAML does not allow"
        raise error(message, where=where, remedy="remove the control character") from fault
    except RecursionError:
        raise error(_TOO_DEEP, where=Where(str(path)), remedy="write it flatter") from None
    if not isinstance(value, dict):
        raise reader.fault(node.start_mark, "the top of the file must be a mapping", "write `key: value`")
    return Document(path, value, reader.marks)


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option that `name` was probably meant to be, or None."""
    known = {option.casefold(): option for option in options}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _kind, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
    ("merge", r"^<<$", ["<"]),
):
    _CoreLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(_pattern), _first)


class _Reader:
    """Turns composed nodes into plain data and notes where each entry stands."""

    def __init__(self, path: Path, error: type[KitError]) -> None:
        self.path = path
        self.error = error
        self.marks: dict[Loc, tuple[int, int]] = {}
        self._open: set[int] = set()
        self._entries = 0

    def fault(self, mark: yaml.Mark | None, message: str, remedy: str) -> KitError:
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        return self.error(message, where=Where(str(self.path), *place), remedy=remedy)

    def plain(self, node: yaml.Node, loc: Loc) -> object:
        """The data of `node`, which stands at `loc`."""
        self._entries += 1
        if self._entries > _MAX_ENTRIES:  # a few nested aliases can stand for billions of entries
            raise self.fault(
                node.start_mark, f"the file has more than {_MAX_ENTRIES:,} entries", "use fewer aliases"
            )
        if id(node) in self._open:
            raise self.fault(node.start_mark, "an anchor holds an alias of itself", "write the entry out")
        self.marks.setdefault(loc, (node.start_mark.line + 1, node.start_mark.column + 1))
        self._open.add(id(node))
        try:
            return self._value(node, loc)
        finally:
            self._open.discard(id(node))

    def _value(self, node: yaml.Node, loc: Loc) -> object:
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, loc)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [self.plain(item, (*loc, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, kind)
        raise self.fault(node.start_mark, f"the tag {node.tag!r} is not supported", "write plain data")

    def _mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            if key_node.tag == f"{_TAG}merge":
                raise self.fault(mark, "merge keys (<<) are not supported", "write the entries out")
            key = self.plain(key_node, (*loc, "<key>")) if isinstance(key_node, yaml.ScalarNode) else None
            self.marks.pop((*loc, "<key>"), None)
            if not isinstance(key, str):
                raise self.fault(mark, "a key must be text", "put it in quotation marks")
            if key in result:
                first = self.marks[(*loc, key)][0]
                raise self.fault(mark, f"the key {key!r} stands twice, first in line {first}", "remove one")
            self.marks[(*loc, key)] = (mark.line + 1, mark.column + 1)
            result[key] = self.plain(value_node, (*loc, key))
        return result

    def _scalar(self, node: yaml.ScalarNode, kind: str) -> object:
        text: str = node.value
        if kind == "str":
            if any(c == "\0" or "\ud800" <= c <= "\udfff" for c in text):
                message = "the text holds a NUL or half a surrogate pair"
                raise self.fault(node.start_mark, message, "remove that character")
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("int", "float"):
            return self._number(node, kind)
        raise self.fault(node.start_mark, f"the tag {node.tag!r} is not supported", "write plain data")

    def _number(self, node: yaml.ScalarNode, kind: str) -> int | float:
        try:
            if kind == "int":
                return int(node.value, 0 if node.value[:2] in ("0x", "0o") else 10)
            number = float(node.value)
        except ValueError:  # also a whole number of more digits than Python agrees to read
            number = math.nan
        if not math.isfinite(number):
            shown = node.value if len(node.value) <= 20 else f"{node.value[:20]}…"
            raise self.fault(node.start_mark, f"{shown!r} is no finite number", "mend it, or quote the text")
        return number


def _read(path: Path, error: type[KitError]) -> str:
    try:
        if path.exists() and not path.is_file():  # reading a pipe or a device might never end
            raise error("this is no regular file", where=Where(str(path)), remedy="name a file of text")
        with path.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as fault:
        reason = fault.strerror or fault if isinstance(fault, OSError) else fault
        raise error(f"cannot be read: {reason}", where=Where(str(path)), remedy="check the path") from fault
    if len(data) > _MAX_BYTES:
        message = f"the file is larger than {_MAX_BYTES >> 20} MiB"
        raise error(message, where=Where(str(path)), remedy="is it the right file?")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        start = data.rfind(b"\n", 0, fault.start) + 1
        column = len(data[start : fault.start].decode("utf-8", "replace")) + 1
        where = Where(str(path), line, column)
        raise error("the file is not UTF-8", where=where, remedy="save it in UTF-8") from fault


def _explain(fault: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in str(fault.problem):
        return "a tab stands where YAML allows spaces only"
    parts = [part for part in (fault.context, fault.problem) if part]
    return f"not valid YAML: {', '.join(parts)}"


def _remedy(fault: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in str(fault.problem):
        return "indent with spaces"
    if "single document" in str(fault.context):
        return "keep one document in a file"
    return "mend this line or the one before; texts that begin with one of {[&*!|>%@` or hold `: ` need quotation marks"
