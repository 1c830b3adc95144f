"""Files of text and JSON, read so that every fault says where: the file, a line, or the way to the value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kit.errors import DataError, MissingInputError, Where

_SHOWN = 40
_SURROGATE = re.compile("[\ud800-\udfff]")
_WRONG_FORMAT = "is it the right file, and the right `format` for it?"
_DAMAGED = "fetch or save the file again; it may have been cut off"


@dataclass(frozen=True)
class Cursor:
    """A value in a data file. `way` leads to it (`data[3].paragraphs[0]`); `line` is known for JSON lines."""

    value: Any
    path: Path
    way: str = ""
    line: int | None = None

    def fault(self, message: str, remedy: str = _WRONG_FORMAT) -> DataError:
        """An error about this value, for the caller to raise."""
        place = f"{self.way}: " if self.way else ""
        return DataError(place + message, where=Where(str(self.path), self.line), remedy=remedy)

    def get(self, key: str) -> Cursor:
        """The value of `key` in this object. Raises DataError: no object, or it lacks the key."""
        found = self.find(key)
        if found is None:
            keys = ", ".join(sorted(str(k) for k in self.value)[:10]) or "none"
            raise self.fault(f"`{key}` is missing (keys here: {keys})")
        return found

    def find(self, key: str) -> Cursor | None:
        """Like `get`, but None where the key is missing. Raises DataError: no object."""
        if not isinstance(self.value, dict):
            raise self.fault(f"an object was expected, not {_kind(self.value)}")
        if key not in self.value:
            return None
        return Cursor(self.value[key], self.path, f"{self.way}.{key}".lstrip("."), self.line)

    def items(self) -> Iterator[Cursor]:
        """The items of this list. Raises DataError: no list."""
        if not isinstance(self.value, list):
            raise self.fault(f"a list was expected, not {_kind(self.value)}")
        for index, item in enumerate(self.value):
            yield Cursor(item, self.path, f"{self.way}[{index}]", self.line)

    def text(self, blank: bool = False) -> str:
        """This text, as it stands. Raises DataError: no text, not Unicode, or blank (but see `blank`)."""
        if not isinstance(self.value, str):
            raise self.fault(f"text was expected, not {_kind(self.value)}")
        if _SURROGATE.search(self.value):
            raise self.fault("the text holds half a surrogate pair", "save the file again, in UTF-8")
        if not blank and not self.value.strip():
            raise self.fault("the text is empty", "fill it in, or take the item out")
        return self.value

    def identifier(self) -> str:
        """This id, a text or a whole number, as text. Raises DataError: neither."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        return self.text()


def read_text(path: Path) -> str:
    """A UTF-8 file's text, without a byte order mark.

    Raises:
        MissingInputError: there is no such file.
        DataError: it cannot be read, or is not UTF-8 (with line and column).
    """
    try:
        if path.exists() and not path.is_file():  # reading a pipe or a device might never end
            raise DataError("this is no regular file", where=Where(str(path)), remedy="name a file of data")
        data = path.read_bytes()
    except FileNotFoundError as problem:
        raise MissingInputError(
            "there is no such file", where=Where(str(path)), remedy="check the path"
        ) from problem
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        message, remedy = f"the file cannot be read: {reason}", "check the path and its permissions"
        raise DataError(message, where=Where(str(path)), remedy=remedy) from problem
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        start = data.rfind(b"\n", 0, problem.start) + 1
        line = data.count(b"\n", 0, problem.start) + 1
        column = len(data[start : problem.start].decode("utf-8", "replace")) + 1
        remedy = _DAMAGED if problem.end == len(data) else "save the file in UTF-8"
        raise DataError(
            "the file is not UTF-8", where=Where(str(path), line, column), remedy=remedy
        ) from problem


def read_json(path: Path) -> Cursor:
    """The JSON value of a file.

    Raises:
        MissingInputError, DataError: as `read_text`, or not JSON (with line and column).
    """
    return Cursor(parse_json(read_text(path), path), path)


def parse_json(text: str, path: Path, line: int | None = None) -> Any:
    """The value of a JSON text; `line` is where it stands in its file. Raises DataError: not JSON."""
    first = line or 1
    if not text.strip():
        raise DataError("the file is empty", where=Where(str(path), line), remedy=_DAMAGED)
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as problem:
        where = Where(str(path), first + problem.lineno - 1, problem.colno)
        if text.lstrip()[:1] == "<":
            raise DataError(
                "this is a web page, not JSON", where=where, remedy="fetch the raw file"
            ) from problem
        cut = problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated")
        message = f"the JSON ends too early: {problem.msg}" if cut else f"not JSON: {problem.msg}"
        raise DataError(message, where=where, remedy=_DAMAGED if cut else _WRONG_FORMAT) from problem
    except RecursionError:
        message = "the JSON is nested too deeply"
        raise DataError(message, where=Where(str(path), first), remedy=_WRONG_FORMAT) from None
    except ValueError as problem:  # NaN, Infinity, or a whole number of thousands of digits
        remedy = "mend the value; numbers beyond JSON's are written as texts"
        raise DataError(
            f"not JSON: {problem}"[:200], where=Where(str(path), first), remedy=remedy
        ) from problem


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; which of two values of one key is meant, nobody can know."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in an object"
        )
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    kind = {bool: "a boolean", str: "text"}.get(type(value), "a number")
    shown = str(value)[: _SHOWN + 1]
    return f"{kind} ({shown[:_SHOWN] + '…' if len(shown) > _SHOWN else shown})"
