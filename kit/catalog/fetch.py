"""Data files on this machine: from the mirror, the cache, or the network, and always with their checksum."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

import filelock

from kit.catalog.datasets import DataFile, DatasetEntry
from kit.catalog.download import Resuming, Tell
from kit.catalog.faults import suggest
from kit.catalog.locations import Locations
from kit.errors import CatalogError, ChecksumError, DataError, MissingInputError, StorageError, Where
from kit.jobdir.files import atomic_write, sha256_file

_NO_PLACE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def locate_data(
    entry: DatasetEntry,
    language: str,
    split: str,
    locations: Locations,
    tell: Tell = lambda here, total: None,
) -> Path:
    """The file of a data set in a language and a split: from the mirror, the cache, or else the network.

    Its sha256 is compared with the catalog's; where the catalog has none, with the one recorded when the file
    was first met (a file of one's own without a sum in the catalog may change at will).

    Raises:
        CatalogError: the set does not have this language or split.
        MissingInputError: the file is nowhere here, and may not or cannot be fetched.
        ChecksumError: the content is not what it should be.
        DataError: the file cannot be read.
        StorageError: the cache cannot be written.
    """
    check_part(entry, language, split)
    if entry.embedded:
        raise CatalogError(f"{entry.name!r} has no files: it is made on the spot")
    file = entry.file(language, split)
    try:
        if file.local is not None:
            return _own(file, file.local)
        return _published(file, f"{entry.name}/{language}/{split}", locations, tell)
    except OSError as problem:
        where = Where(str(problem.filename)) if problem.filename else None
        raise DataError(f"the file cannot be read: {problem.strerror}", where=where) from problem


def check_part(entry: DatasetEntry, language: str, split: str) -> None:
    """Raise CatalogError unless the set has this language and, in it, this split."""
    languages = entry.languages()
    if language not in languages:
        remedy = f"it has: {', '.join(languages)}"
        raise CatalogError(f"the data set {entry.name!r} has no language {language!r}", remedy=remedy)
    splits = entry.splits(language)
    if split not in splits:
        message = f"the data set {entry.name!r} has no split {split!r} in {language!r}"
        raise CatalogError(message, remedy=suggest(split, splits))


def _own(file: DataFile, path: Path) -> Path:
    if not path.is_file():
        where = Where(str(path))
        raise MissingInputError(
            "there is no such file", where=where, remedy="correct the path in the catalog file"
        )
    if file.sha256 is not None:
        _compare(
            path, sha256_file(path), file.sha256, "restore the file, or correct the sum in the catalog file"
        )
    return path


def _published(file: DataFile, name: str, locations: Locations, tell: Tell) -> Path:
    assert file.mirror_path is not None  # a file is either one's own or published
    if locations.mirror is not None:
        if not locations.mirror.is_dir():
            where = Where(str(locations.mirror))
            raise MissingInputError(
                "the mirror is no folder", where=where, remedy="check --mirror, XLT_KIT_MIRROR"
            )
        mirrored = locations.mirror / file.mirror_path
        if mirrored.is_file():
            return _verified(mirrored, file, locations, f"copy it into the mirror again, from {file.url}")
    cached = locations.cache / "data" / file.mirror_path
    if cached.is_file():
        # A damaged file is fetched anew; where that may not be, its fault is told.
        with contextlib.nullcontext() if locations.offline else contextlib.suppress(ChecksumError):
            return _verified(cached, file, locations, "remove it and fetch it again, with the network")
    if locations.offline:
        message = f"{name} is not on this machine, and the network is not to be used"
        remedy = f"name a mirror that has {file.mirror_path}, or run once without --offline"
        raise MissingInputError(message, remedy=remedy)
    return _fetched(file, cached, locations, tell)


def _verified(path: Path, file: DataFile, locations: Locations, remedy: str) -> Path:
    found = sha256_file(path)
    if file.sha256 is not None:
        _compare(path, found, file.sha256, remedy)
        return path
    record = locations.cache / "recorded" / f"{file.mirror_path}.sha256"
    if record.is_file():
        first = record.read_text(encoding="ascii", errors="replace").strip()
        _compare(path, found, first, f"recorded at the first fetch; if the change is meant, remove {record}")
        return path
    _make_folder(record.parent)
    try:
        atomic_write(record, found + "\n")
    except OSError as problem:
        raise _unwritable(record, problem) from problem
    return path


def _compare(path: Path, found: str, expected: str, remedy: str) -> None:
    if found != expected:
        message = f"the file's content is not what it should be: sha256 {found}, expected {expected}"
        raise ChecksumError(message, where=Where(str(path)), remedy=remedy)


def _fetched(file: DataFile, target: Path, locations: Locations, tell: Tell) -> Path:
    """Download beside the target, check, and only then put in place: a bad file never has the good name.

    What is cut off stays as a part, and the next go continues it. One kit at a time; the second finds the file.
    """
    _make_folder(target.parent)
    mark = hashlib.sha256(f"{file.url} {file.sha256}".encode()).hexdigest()[:8]
    part = target.with_name(f".{target.name}.{mark}.part")
    _make_folder(locations.cache / "locks")
    with filelock.FileLock(locations.cache / "locks" / mark):
        if target.is_file():
            with contextlib.suppress(ChecksumError):
                return _verified(target, file, locations, "")
        downloader = Resuming(part, tell)
        try:
            return _put_in_place(file, target, locations, downloader)
        except ChecksumError:
            if not downloader.resumed:
                raise
            downloader.forget()  # the part was of another file: once more from the start
            return _put_in_place(file, target, locations, downloader)


def _put_in_place(file: DataFile, target: Path, locations: Locations, downloader: Resuming) -> Path:
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=".fetch-"))
    try:
        path = folder / target.name
        _download(str(file.url), path, downloader)
        if path.read_bytes()[:100].lstrip().startswith(b"<"):
            message = f"{file.url} answered with a web page instead of the file"
            raise MissingInputError(message, remedy="check the network (a log-in page?), or name a mirror")
        _verified(
            path, file, locations, f"{file.url} has changed, or the way there is not clean; name a mirror"
        )
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        os.replace(path, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _download(url: str, path: Path, downloader: Resuming) -> None:
    import pooch  # here, because it takes a while and most runs fetch nothing

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent, downloader=downloader)
    except (OSError, ValueError) as problem:
        if isinstance(problem, OSError) and problem.errno in _NO_PLACE:
            raise _unwritable(path.parent, problem) from problem
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        remedy = "check the network, or name a mirror that has the file; the next go continues what is here"
        raise MissingInputError(f"{url} cannot be fetched: {reason}", remedy=remedy) from problem


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as problem:
        raise _unwritable(folder, problem) from problem


def _unwritable(folder: Path, problem: OSError) -> StorageError:
    message = f"the cache cannot be written: {problem.strerror}"
    return StorageError(
        message, where=Where(str(folder)), remedy="free space, or choose another place: XLT_KIT_HOME"
    )
