"""The store's care: what it takes, what nobody needs, what is damaged."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from kit.data.example import slice_id
from kit.jobdir import read_json, sha256_file
from kit.store.folders import DIGESTS
from kit.store.store import Store

_OLD = 3600.0
"""Seconds after which a temporary file is taken for one whose writer is dead."""
_READERS = 4

Kind = Literal["cells", "adapters", "models", "data", "leftovers"]
KINDS: tuple[Kind, ...] = ("cells", "adapters", "models", "data", "leftovers")


@dataclass(frozen=True)
class Piece:
    """One thing in the store: its kind, its key (`tuning@step` for an adapter), where it lies, its size in bytes."""

    kind: Kind
    key: str
    path: Path
    size: int


@dataclass(frozen=True)
class Damage:
    """A piece that is not as it was stored, what is wrong with it, and what it was, in words."""

    piece: Piece
    problem: str
    about: str


@dataclass(frozen=True)
class Needed:
    """What runs still ask for: keys of cells, models and slices; how many adapters of each tuning are kept."""

    cells: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    adapters: dict[str, Literal["all", "last", "none"]] = field(default_factory=dict)


def pieces(store: Store) -> Iterator[Piece]:
    """Everything in the store, kind by kind."""
    for folder in store.folders():
        kind = folder.relative_to(store.root).parts[0]
        key = f"{folder.parent.name}@{folder.name}" if kind == "adapters" else folder.name
        yield Piece(_kind(kind), key, folder, size_of(folder))
    for path in sorted((store.root / "data").glob("*.jsonl")):
        yield Piece("data", path.stem, path, size_of(path))
    for path in sorted(leftovers(store)):
        yield Piece("leftovers", str(path.relative_to(store.root)), path, size_of(path))


def leftovers(store: Store) -> set[Path]:
    """What killed processes left: trash, half-copied folders, temporary files. Some may still be in use."""
    folders = {path for name in ("trash", "incoming") for path in (store.root / name).glob("*")}
    files = {path for pattern in (".*.tmp", "*/.*.tmp", "*/*/.*.tmp") for path in store.root.glob(pattern)}
    return folders | {path for path in files if not folders & set(path.parents)}


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    try:
        if not path.is_dir():
            return path.stat().st_size
        return sum(size_of(inner) for inner in path.iterdir())
    except FileNotFoundError:
        return 0


def verify(store: Store, tell: Callable[[int, int], None] = lambda done, total: None) -> list[Damage]:
    """Read everything again and compare it with its digests; `tell` is called with pieces read and their number."""
    wanted = [piece for piece in pieces(store) if piece.kind != "leftovers"]
    found: list[Damage] = []
    with ThreadPoolExecutor(_READERS) as readers:
        for done, (piece, problem) in enumerate(zip(wanted, readers.map(_problem, wanted), strict=True), 1):
            if problem:
                found.append(Damage(piece, problem, about(piece)))
            tell(done, len(wanted))
    return found


def about(piece: Piece) -> str:
    """What a piece is, in words, as far as its own files tell."""
    if piece.kind != "cells":
        return piece.kind.removesuffix("s")
    try:
        spec = read_json(piece.path / "cell.json")["spec"]
        subject = " + ".join([spec["base"], *spec["adapters"]])
        return f"{spec['task']['kind']} by {subject} on {spec['data']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a cell"


def garbage(store: Store, needed: Needed, unused: bool) -> list[Piece]:
    """What can be taken out: leftovers of the dead, slices and adapters that no run keeps.

    With `unused`, also cells, models and adapters that no run asks for at all. Never what an unfinished run leases.
    """
    now, leased = _file_clock(store.root), store.leased()
    found = []
    for piece in pieces(store):
        old = now - _modified(piece.path) > _OLD
        tuning, _, step = piece.key.partition("@")
        if piece.kind == "leftovers":
            gone = old or piece.key.startswith("trash/")
        elif piece.kind == "data":
            gone = old and piece.key not in needed.data
        elif piece.kind == "adapters":
            keep = needed.adapters.get(tuning, "none" if unused else "all")
            last = str(max(store.adapter_steps(tuning), default=0)) == step
            gone = tuning not in leased and (keep == "none" or (keep == "last" and not last))
        elif piece.kind == "cells":
            gone = unused and piece.key not in needed.cells
        else:
            gone = unused and piece.key not in needed.models
        if gone:
            found.append(piece)
    return found


def collect(store: Store, needed: Callable[[], Needed], unused: bool, dry_run: bool) -> list[Piece]:
    """Take out what `garbage` finds, under the store's lock; returns it. Leases of vanished runs go too."""
    with store.lock():
        found = garbage(store, needed(), unused)
        if not dry_run:
            remove(store, found)
            for path in (store.root / "leases").glob("*.json"):
                if not _run_exists(path):
                    path.unlink(missing_ok=True)
    return found


def remove(store: Store, found: Iterable[Piece]) -> None:
    """Take pieces out of the store."""
    for piece in found:
        if piece.key.startswith("trash/"):
            shutil.rmtree(piece.path, ignore_errors=True)
            piece.path.unlink(missing_ok=True)
        elif piece.path.exists():
            store.discard(piece.path)


def _problem(piece: Piece) -> str | None:
    try:
        if piece.kind == "data":
            found = slice_id(piece.path.read_bytes())
            return None if found == piece.key else f"its content is that of {found}"
        noted = read_json(piece.path / DIGESTS)
        names = {
            path.name for path in piece.path.iterdir() if path.is_file() and not path.name.startswith(".")
        }
        if missing := sorted(set(noted) - names):
            return f"{missing[0]} is missing"
        if unknown := sorted(names - set(noted) - {DIGESTS}):
            return f"{unknown[0]} was not there when it was stored"
        changed = [name for name in sorted(noted) if sha256_file(piece.path / name) != noted[name]]
        return f"{changed[0]} was changed" if changed else None
    except FileNotFoundError:
        return None if not piece.path.exists() else f"{DIGESTS} is missing"
    except (OSError, ValueError, TypeError, AttributeError) as problem:
        return f"it cannot be read: {problem}"


def _run_exists(lease: Path) -> bool:
    try:
        return Path(json.loads(lease.read_text())["run"]).is_dir()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _file_clock(folder: Path) -> float:
    """The time as the file system tells it; ages are differences of its own times, however wrong our clock is."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock.", suffix=".tmp") as probe:
        return os.fstat(probe.fileno()).st_mtime


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _kind(name: str) -> Kind:
    return next(kind for kind in KINDS if kind == name)
