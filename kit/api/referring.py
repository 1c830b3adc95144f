"""Published tables that a user has typed in: added, listed, removed, read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.claims.references import Reference, read_references
from kit.errors import CatalogError, ClaimsError, StorageError, UsageError, Where
from kit.jobdir import atomic_write

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ReferenceTable:
    """A table by its name, and its figures."""

    name: str
    path: Path
    figures: tuple[Reference, ...]


def add_reference(workspace: Workspace, file: Path, name: str | None = None) -> ReferenceTable:
    """Check a table and keep a copy under the home; one of the same name is replaced.

    Raises:
        ClaimsError: the file has a fault. UsageError: the name is none. StorageError: the home cannot be written.
    """
    chosen = name or file.stem
    if not _NAME.fullmatch(chosen):
        raise UsageError(f"{chosen!r} is no name", remedy="use letters, digits and . _ - with --name")
    figures = read_references(file)
    _check_names(figures, file)
    path = _folder(workspace) / f"{chosen}.csv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, file.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise StorageError(
            f"the table cannot be kept: {problem.strerror}", where=Where(str(path)), remedy="free some space"
        ) from problem
    return ReferenceTable(chosen, path, tuple(figures))


def list_references(workspace: Workspace) -> list[ReferenceTable]:
    """All tables, by name. Raises ClaimsError: one was changed and has a fault."""
    return [
        ReferenceTable(path.stem, path, tuple(read_references(path)))
        for path in sorted(_folder(workspace).glob("*.csv"))
    ]


def remove_reference(workspace: Workspace, name: str) -> None:
    """Remove a table. Raises UsageError: there is none of that name."""
    path = _folder(workspace) / f"{name}.csv"
    there = sorted(other.stem for other in _folder(workspace).glob("*.csv"))
    if name not in there:
        raise UsageError(
            f"no reference is called {name!r}", remedy=f"there are {', '.join(there) or 'none yet'}"
        )
    path.unlink()


def published(workspace: Workspace) -> tuple[Reference, ...]:
    """The figures of all tables. Raises ClaimsError: one has a fault."""
    return tuple(figure for table in list_references(workspace) for figure in table.figures)


def _folder(workspace: Workspace) -> Path:
    return workspace.home / "references"


def _check_names(figures: list[Reference], file: Path) -> None:
    """A language that nobody knows would never stand beside a figure of ours. Data sets may be a recipe's own."""
    catalog = Catalog.load()
    for figure in figures:
        for language in filter(None, (figure.language, figure.trained_on.rpartition("/")[2])):
            try:
                catalog.language(language)
            except CatalogError as problem:
                raise ClaimsError(problem.message, where=Where(str(file)), remedy=problem.remedy) from problem
