"""Writing that is whole or not at all: unique temporary name, fsync, rename. And digests of files and trees."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

_CHUNK = 1 << 20


def atomic_write(path: Path, content: bytes | str) -> None:
    """Put `content` at `path` in one step; a reader sees the old file or the new one, never a part.

    Raises:
        OSError: no space, no permission; the temporary file is removed and the old file stays as it was.
    """
    with atomic_stream(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def atomic_stream(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content is at `path` once the block has ended well, whole or not at all, as `atomic_write` has it.

    Raises:
        OSError: as `atomic_write`.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def publish_folder(unfinished: Path, final: Path) -> None:
    """Sync every file under `unfinished`, then rename the folder to `final` (which must not exist)."""
    for path in sorted(unfinished.rglob("*")):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    os.rename(unfinished, final)
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; a no-op where the file system cannot."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def append_line(path: Path, value: Any) -> None:
    """Append one JSON line with a single write, so that lines never mix.

    Raises:
        OSError: no space, no permission; a part that was written is taken back, so that the next line begins anew.
    """
    line = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, line) < len(line):
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """The JSON value in a UTF-8 file.

    Raises:
        OSError, ValueError: absent, unreadable, not UTF-8 or not JSON.
    """
    return json.loads(path.read_bytes().decode("utf-8"))


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def tree_digest(folder: Path) -> str:
    """Hex digest of a folder: relative names and contents of its files (hidden ones left out), in order."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(".") and "/." not in name:
            digest.update(f"{name}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()
