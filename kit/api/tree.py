"""Trees for machines without a network: made from what was fetched, read with `--mirror`, checked again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kit.api.fetching import Fetched
from kit.bundle.sums import SUMS, read_sums, sums_of
from kit.catalog import Catalog
from kit.catalog.hub import HUB_IN_MIRROR
from kit.errors import StorageError, Where
from kit.jobdir import atomic_stream, atomic_write, sha256_file

README = "README.md"


@dataclass(frozen=True)
class Check:
    """What was found in a tree: files as they should be, and those that are changed, missing or not listed."""

    right: int
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]


def bundle(found: list[Fetched], catalog: Catalog, root: Path) -> list[Path]:
    """Put what was fetched into a tree laid out as upstream, with checksums and a page of sources and licences.

    A tree that is there is added to; what it holds stays as it is. Returns the files that are new.

    Raises:
        StorageError: the tree cannot be written; what is in it is whole.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        new = [target for source, target in _copies(found, catalog, root) if _copied(source, target)]
        for one in found:
            if (
                one.part.source is not None
                and one.revision
                and not getattr(one.part.source, "revision", None)
            ):
                _write_text(_hub_place(one, root).parent / "refs" / "main", one.revision + "\n")
        sums = read_sums(root / SUMS) if (root / SUMS).exists() else {}
        names = [str(path.relative_to(root)) for path in _files(root)]
        sums = {name: sums.get(name) or sha256_file(root / name) for name in names}
        _write_text(root / SUMS, sums_of(sums))
        _write_text(root / README, _readme(catalog, root))
    except OSError as problem:
        raise StorageError(
            f"the bundle cannot be written: {problem.strerror}",
            where=Where(str(problem.filename or root)),
            remedy="free some space and run it again: what is in it stays",
        ) from problem
    return new


def check(root: Path, catalog: Catalog) -> Check:
    """Read a tree again: against its own list of checksums, and against the catalog's.

    Raises:
        StorageError: there is no such folder. DataError: its list of checksums is none.
    """
    if not root.is_dir():
        raise StorageError("there is no such folder", where=Where(str(root)), remedy="check the path")
    listed = read_sums(root / SUMS) if (root / SUMS).is_file() else {}
    known = {name: digest for name, digest in _catalog_sums(catalog).items() if (root / name).is_file()}
    changed, right = [], 0
    present = {str(path.relative_to(root)) for path in _files(root)}
    for name in sorted(present & (set(listed) | set(known))):
        digest = sha256_file(root / name)
        expected = {sums[name] for sums in (listed, known) if name in sums}
        if expected == {digest}:
            right += 1
        else:
            changed.append(name)
    unknown = sorted(present - set(listed) - set(known))
    return Check(right, tuple(changed), tuple(sorted(set(listed) - present)), tuple(unknown))


def _copies(found: list[Fetched], catalog: Catalog, root: Path) -> Iterator[tuple[Path, Path]]:
    for one in found:
        if one.part.data is not None and one.origin != "kit":
            dataset, language, split = one.part.data
            yield one.path, root / str(catalog.dataset(dataset).file(language, split).mirror_path)
        elif one.part.source is not None and one.revision:
            for file in sorted(one.path.iterdir()):
                if file.is_file():
                    yield file, _hub_place(one, root) / file.name


def _hub_place(one: Fetched, root: Path) -> Path:
    return root / HUB_IN_MIRROR / str(getattr(one.part.source, "hub", "")) / str(one.revision)


def _copied(source: Path, target: Path) -> bool:
    """Copy a file by way of a temporary one; False where it was there."""
    if target.is_file():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_stream(target) as stream, source.open("rb") as content:
        shutil.copyfileobj(content, stream, 1 << 20)
    return True


def _write_text(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text)


def _files(root: Path) -> Iterator[Path]:
    """The published files of a tree: neither its own two pages nor hidden ones."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if (
            path.is_file()
            and not any(part.startswith(".") for part in parts)
            and parts not in ((SUMS,), (README,))
        ):
            yield path


def _catalog_sums(catalog: Catalog) -> dict[str, str]:
    found = {}
    for entry in catalog.datasets.values():
        for language in entry.languages() if not entry.embedded and entry.path is None else ():
            for split in entry.splits(language):
                file = entry.file(language, split)
                if file.sha256:
                    found[str(file.mirror_path)] = file.sha256
    return found


def _readme(catalog: Catalog, root: Path) -> str:
    lines = [
        "# Data for machines without a network",
        "",
        "Laid out as published: `<host>/<owner>/<repository>/<commit>/<path>`. Name this folder with `--mirror`; check",
        f"it with `xlt-kit fetch --verify DIR` or `sha256sum -c {SUMS}`. Each set keeps its own licence; where none is",
        "stated, the files may be used here but not passed on.",
        "",
        "| what | licence | source |",
        "| --- | --- | --- |",
    ]
    for entry in catalog.datasets.values():
        if not entry.embedded and entry.path is None and _holds(root, entry):
            lines.append(f"| {entry.name}: {entry.title} | {entry.licence} | {entry.source} |")
    for model in catalog.models.values():
        if model.hub and (root / HUB_IN_MIRROR / model.hub).is_dir():
            lines.append(f"| {model.name} | {model.licence} | https://huggingface.co/{model.hub} |")
    return "\n".join(lines) + "\n"


def _holds(root: Path, entry: object) -> bool:
    from kit.catalog import DatasetEntry

    assert isinstance(entry, DatasetEntry)
    places = ((language, split) for language in entry.languages() for split in entry.splits(language))
    return any((root / str(entry.file(*place).mirror_path)).is_file() for place in places)
