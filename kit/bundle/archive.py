"""The archive: the same tree gives the same bytes; what is unpacked stays in its folder."""

from __future__ import annotations

import contextlib
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from kit.bundle.sums import SUMS, files_of
from kit.errors import DataError, StorageError, UsageError, Where
from kit.jobdir import atomic_stream

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the earliest that the format knows."""
_CHUNK = 1 << 20


def pack(root: Path, target: Path) -> None:
    """Write a tree as a zip file, whole or not at all. Names in order, one time, one mode: equal trees, equal bytes.

    Raises:
        StorageError: the file cannot be written.
    """
    names = [*files_of(root), SUMS]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_stream(target) as stream:
            _write(root, sorted(names), stream)
    except OSError as problem:
        raise StorageError(
            f"the bundle cannot be written: {problem.strerror}",
            where=Where(str(target)),
            remedy="free some space, or name another place with -o",
        ) from problem


def _write(root: Path, names: list[str], stream: BinaryIO) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            entry.create_system = 3  # as on Unix, wherever it is made
            entry.compress_type = zipfile.ZIP_DEFLATED
            with (root / name).open("rb") as source, archive.open(entry, "w") as into:
                shutil.copyfileobj(source, into, _CHUNK)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A bundle's tree in a folder of our own, which is gone afterwards; `path` is an archive or a folder.

    Raises:
        UsageError: there is no such file. DataError: it is no archive, or a damaged or dangerous one.
    """
    if not path.exists():
        raise UsageError(
            "there is no such file", where=Where(str(path)), remedy="name a file of xlt-kit export"
        )
    with tempfile.TemporaryDirectory(prefix="xlt-kit-bundle-") as name:
        root = Path(name) / "bundle"
        if path.is_dir():
            shutil.copytree(path, root, symlinks=True)
            _refuse_links(root, path)
        else:
            root.mkdir()
            _unpack(path, root)
        yield root


def _unpack(path: Path, root: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            for entry in entries:
                _refuse(entry, path)
            size, room = sum(entry.file_size for entry in entries), shutil.disk_usage(root).free
            if size > room:
                message = f"unpacked it takes {size / 1e9:.1f} GB, and {room / 1e9:.1f} GB are free"
                raise StorageError(message, where=Where(str(path)), remedy="set TMPDIR to a larger disk")
            for entry in entries:
                target = root / entry.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, target.open("xb") as into:
                    shutil.copyfileobj(source, into, _CHUNK)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
        raise DataError(
            f"the archive is damaged, or none: {problem}",
            where=Where(str(path)),
            remedy="copy it again, and compare its sha256 with that of its maker",
        ) from problem
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as problem:
        raise DataError(
            "two files of the archive have one name",
            where=Where(str(path)),
            remedy="do not trust this archive: ask its maker for another",
        ) from problem


def _refuse(entry: zipfile.ZipInfo, path: Path) -> None:
    """Names that lead elsewhere, and links."""
    name = PurePosixPath(entry.filename)
    leads_out = name.is_absolute() or ".." in name.parts or "\\" in entry.filename or "\0" in entry.filename
    if leads_out or stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(
            f"the archive holds {entry.filename!r}, which leads out of it",
            where=Where(str(path)),
            remedy="do not trust this archive: ask its maker for another",
        )


def _refuse_links(root: Path, path: Path) -> None:
    for inner in root.rglob("*"):
        if inner.is_symlink():
            raise DataError(
                f"the bundle holds a link, {inner.relative_to(root)}",
                where=Where(str(path)),
                remedy="a bundle has files only: unpack it again",
            )
