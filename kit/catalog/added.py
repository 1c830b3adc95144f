"""Entries put into a catalog file of one's own: what stands in it, comments too, stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml

from kit import yamlfile
from kit.catalog.catalog import Catalog
from kit.errors import CatalogError, StorageError, Where
from kit.jobdir import atomic_write

Section = Literal["languages", "families", "models", "datasets", "prompts"]
_HEAD = "# A catalog of one's own: name it in a recipe with `catalog: {name}`.\nschema: 1\n"


def add_entry(path: Path, section: Section, name: str, entry: Mapping[str, Any]) -> str:
    """Put an entry into a catalog file, which is made where there is none; returns the lines that were added.

    The whole file is checked before it is written.

    Raises:
        CatalogError: the entry, or the file, has a fault, or the name is taken. StorageError: it cannot be written.
    """
    old = _read(path)
    lines = yaml.safe_dump({name: dict(entry)}, allow_unicode=True, sort_keys=False, width=100)
    block = "".join(f"  {line}" for line in lines.splitlines(keepends=True))
    taken = yamlfile.parse(old, path, CatalogError).value.get(section)
    if isinstance(taken, dict) and name in taken:
        raise CatalogError(
            f"{section} has an entry {name!r} already",
            where=Where(str(path)),
            remedy="choose another --name, or take the old entry out",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = path.with_name(f".{path.stem}.trial.yaml")
        try:
            text = _with_block(old, section, block, taken is not None, path)
            atomic_write(trial, text)
            Catalog.load([trial])
        except CatalogError as problem:
            raise CatalogError(problem.message, where=Where(str(path)), remedy=problem.remedy) from problem
        finally:
            trial.unlink(missing_ok=True)
        atomic_write(path, text)
    except OSError as problem:
        raise StorageError(
            f"the catalog cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="name another file with --catalog",
        ) from problem
    return f"{section}:\n{block}"


def _read(path: Path) -> str:
    if not path.exists():
        return _HEAD.format(name=path.name)
    yamlfile.load(path, CatalogError)  # not UTF-8, not YAML: said with file and line
    return path.read_text(encoding="utf-8")


def _with_block(text: str, section: str, block: str, there: bool, path: Path) -> str:
    """The text with a block at the end of its section."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if not there:
        return "".join([*lines, f"\n{section}:\n", block])
    start = next((at for at, line in enumerate(lines) if re.match(rf"{section}:\s*(#.*)?$", line)), None)
    if start is None:
        raise CatalogError(
            f"`{section}` is not written as a block of lines",
            where=Where(str(path)),
            remedy=f"write `{section}:` on a line of its own, and its entries below, indented by two",
        )
    end = next((at for at in range(start + 1, len(lines)) if re.match(r"[^\s#]", lines[at])), len(lines))
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1  # empty lines stay between sections
    return "".join([*lines[:end], block, *lines[end:]])
