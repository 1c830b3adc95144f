"""Digests of large files, remembered, and content ids of folders."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kit.jobdir.files import atomic_write, read_json, sha256_file

_WORTH_REMEMBERING = 16 << 20


def content_id(prefix: str, folder: Path, names: Iterable[str], cache: Path) -> str:
    """`<prefix>-<20 hex digits>` of the names and contents of files in `folder`.

    Raises:
        OSError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\0{remembered_sha256(folder / name, cache)}\n".encode())
    return f"{prefix}-{digest.hexdigest()[:20]}"


def remembered_sha256(path: Path, cache: Path) -> str:
    """Hex sha256 of a file's bytes; that of a large file is computed once for each state of the file.

    The state is size, modification and change time: writing to a file alters the last of them, even if its
    modification time is set back. A cache that cannot be written costs time alone.

    Raises:
        OSError: the file cannot be read.
    """
    real = path.resolve()
    status = real.stat()
    if status.st_size < _WORTH_REMEMBERING:
        return sha256_file(real)
    state: dict[str, Any] = {
        "path": str(real),
        "size": status.st_size,
        "modified": status.st_mtime_ns,
        "changed": status.st_ctime_ns,
    }
    note = cache / "digests" / f"{hashlib.sha256(str(real).encode()).hexdigest()[:32]}.json"
    with contextlib.suppress(OSError, ValueError):
        known = read_json(note)
        if isinstance(known, dict) and isinstance(known.get("sha256"), str) and known | state == known:
            return str(known["sha256"])
    found = sha256_file(real)
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(note, json.dumps({**state, "sha256": found}))
    return found
