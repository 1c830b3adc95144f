"""Checksums of a tree of files, as `sha256sum` writes and reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.errors import DataError, Where
from kit.jobdir import atomic_write, sha256_file

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Sums:
    """How a tree stands beside its list: files as listed, changed, missing, and not listed."""

    right: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    unlisted: tuple[str, ...]


def read_sums(path: Path) -> dict[str, str]:
    """The lines of a `SHA256SUMS` file: name to digest.

    Raises:
        DataError: a line is none of its kind.
    """
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise DataError(
                "not a line of checksums",
                where=Where(str(path), number),
                remedy="each line is a sha256, two spaces and a path, as `sha256sum` writes it",
            )
        found[match[2].removeprefix("./")] = match[1]
    return found


def sums_of(digests: dict[str, str]) -> str:
    """The text of a `SHA256SUMS` file, in order of names."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def write_sums(root: Path) -> dict[str, str]:
    """Write the list of all files of a tree; returns it."""
    digests = {name: sha256_file(root / name) for name in files_of(root)}
    atomic_write(root / SUMS, sums_of(digests))
    return digests


def check_sums(root: Path) -> Sums:
    """Read every file of a tree again.

    Raises:
        DataError: there is no list, or it is none.
    """
    if not (root / SUMS).is_file():
        raise DataError(
            "it has no list of checksums", where=Where(SUMS), remedy="ask for a whole bundle: xlt-kit export"
        )
    listed, present = read_sums(root / SUMS), set(files_of(root))
    changed = [name for name in sorted(present & set(listed)) if sha256_file(root / name) != listed[name]]
    return Sums(
        right=len(present & set(listed)) - len(changed),
        changed=tuple(changed),
        missing=tuple(sorted(set(listed) - present)),
        unlisted=tuple(sorted(present - set(listed))),
    )


def files_of(root: Path) -> Iterator[str]:
    """The names of all files of a tree but its list, in order."""
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name != SUMS:
            yield name
