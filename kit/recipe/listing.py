"""A list of the recipes in a folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kit import yamlfile
from kit.errors import RecipeError

_HEAD_KEYS = ("schema", "name", "title", "needs", "extends")
_TOP_KEY = re.compile(r"([^\s#:][^:]*):(\s|$)")


@dataclass(frozen=True)
class RecipeHead:
    """What a list shows of a recipe. `title` and `needs` are empty where the file leaves them out."""

    path: Path
    name: str
    title: str
    needs: str


def find_recipes(folder: Path) -> list[RecipeHead]:
    """The recipes in `folder` and below it, by path. Only the first keys of each file are read.

    Files that do not begin as a recipe does (`schema` and `name` before all that is long) are passed over.
    """
    heads = (_head(path) for path in sorted(folder.rglob("*.yaml")) if path.is_file())
    return [head for head in heads if head is not None]


def _head(path: Path) -> RecipeHead | None:
    try:
        value = yamlfile.parse(_first_lines(path), path, RecipeError).value
    except (OSError, UnicodeDecodeError, RecipeError):
        return None
    name = value.get("name")
    if not isinstance(name, str) or "schema" not in value:
        return None
    return RecipeHead(path, name, str(value.get("title") or ""), str(value.get("needs") or ""))


def _first_lines(path: Path) -> str:
    """The lines up to the first key that no list shows."""
    lines = []
    with path.open(encoding="utf-8-sig") as stream:
        for line in stream:
            key = _TOP_KEY.match(line)
            if key and key[1].strip("'\" ") not in _HEAD_KEYS:
                break
            lines.append(line)
    return "".join(lines)
