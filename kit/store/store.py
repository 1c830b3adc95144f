"""What is already done: cells, adapters, models and rendered slices, each under its key.

Layout: `cells/<key>/`, `adapters/<tuning>/<step>/`, `models/<key>/`, `data/<id>.jsonl`. A folder lands by one rename,
so that two kits on one store can do no harm: the first wins, and equal keys mean equal content.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import filelock
import platformdirs

from kit.errors import StorageError, Where
from kit.jobdir import atomic_write, publish_folder, read_json

SCHEMA = 1


def default_home() -> Path:
    """Where store, runs and cache lie: `XLT_KIT_HOME`, or the user's data folder of this platform."""
    named = os.environ.get("XLT_KIT_HOME")
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_data_path("xlt-kit"))


def writable_folder(path: Path, what: str) -> Path:
    """Create `path` where needed.

    Raises:
        StorageError: it cannot be created or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StorageError(
            f"{what} cannot be created: {problem.strerror}",
            where=Where(str(path)),
            remedy="choose another place with --home or XLT_KIT_HOME",
        ) from problem
    if not os.access(path, os.W_OK | os.X_OK):
        raise StorageError(
            f"{what} cannot be written",
            where=Where(str(path)),
            remedy="change its permissions, or choose another place with --home or XLT_KIT_HOME",
        )
    return path


class Store:
    """A folder of finished work, addressed by key."""

    def __init__(self, root: Path) -> None:
        """Open or create the store at `root`.

        Raises:
            StorageError: it cannot be written, or was made by a newer kit.
        """
        self.root = writable_folder(root, "the store")
        marker = root / "store.json"
        if not marker.exists():
            atomic_write(marker, json.dumps({"schema": SCHEMA}))
        try:
            schema = read_json(marker)["schema"]
        except (ValueError, KeyError, TypeError) as problem:
            raise StorageError(
                "this is not a store's marker",
                where=Where(str(marker)),
                remedy="remove the file if it is damaged",
            ) from problem
        if schema > SCHEMA:
            raise StorageError(
                f"the store has schema {schema}, this kit reads up to {SCHEMA}",
                where=Where(str(marker)),
                remedy="upgrade xlt-kit, or choose another store with --home",
            )

    def cell(self, key: str) -> Path | None:
        """The folder of a finished cell, or None."""
        return _present(self.root / "cells" / key)

    def adapter_path(self, tuning: str, step: int) -> Path:
        """Where the adapter of that tuning and optimizer step lies, or will lie."""
        return self.root / "adapters" / tuning / str(step)

    def adapter(self, tuning: str, step: int) -> Path | None:
        """The folder of a finished adapter, or None."""
        return _present(self.adapter_path(tuning, step))

    def adapter_digest(self, tuning: str, step: int) -> str | None:
        """The sha256 of a finished adapter's weights, or None."""
        folder = self.adapter(tuning, step)
        return (folder / "digest.txt").read_text().strip() if folder else None

    def model_path(self, key: str) -> Path:
        """Where a pre-trained model lies, or will lie."""
        return self.root / "models" / key

    def model(self, key: str) -> Path | None:
        """The folder of a finished model, or None."""
        return _present(self.model_path(key))

    def slice_path(self, data_id: str) -> Path:
        """Where a rendered slice lies, or will lie."""
        return self.root / "data" / f"{data_id}.jsonl"

    def adapter_steps(self, tuning: str) -> list[int]:
        """The optimizer steps of a tuning whose adapters are stored, ascending."""
        return sorted(
            int(path.name) for path in (self.root / "adapters" / tuning).glob("*") if path.name.isdigit()
        )

    def remove_adapter(self, tuning: str, step: int) -> None:
        """Take an adapter out, in one step."""
        if folder := self.adapter(tuning, step):
            self._discard(folder)

    def lease(self, run: Path, adapters: Iterable[str]) -> None:
        """Note that this unfinished run needs the adapters of these tunings."""
        with self._lock():
            (self.root / "leases").mkdir(exist_ok=True)
            note = {"run": str(run), "adapters": sorted(adapters)}
            atomic_write(self._lease(run), json.dumps(note))

    def release(self, run: Path) -> None:
        """Take the note of a run back: it has ended well."""
        self._lease(run).unlink(missing_ok=True)

    def drop_adapters(self, tuning: str, keep: Literal["last", "none"], run: Path) -> list[int]:
        """Take out the adapters of a tuning, but for the last where it is kept; none that another run needs.

        Returns the steps that were taken out.
        """
        with self._lock():
            if tuning in self._leased(run):
                return []
            steps = self.adapter_steps(tuning)
            gone = steps if keep == "none" else steps[:-1]
            for step in gone:
                self.remove_adapter(tuning, step)
            return gone

    def _lock(self) -> filelock.BaseFileLock:
        return filelock.FileLock(self.root / "store.lock")

    def _lease(self, run: Path) -> Path:
        return self.root / "leases" / f"{hashlib.sha256(str(run).encode()).hexdigest()[:20]}.json"

    def _leased(self, but: Path) -> set[str]:
        """The tunings that unfinished runs need, `but` for one."""
        found: set[str] = set()
        for path in (self.root / "leases").glob("*.json"):
            try:
                note = read_json(path)
                if note["run"] != str(but) and Path(note["run"]).is_dir():
                    found.update(note["adapters"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found

    def adapter_digests(self, cell: Path) -> dict[str, str]:
        """The digests of the adapters that a stored cell came from; empty for a base or a damaged cell."""
        return dict(_adapter_digests(cell) or {})

    def put_slice(self, data_id: str, rendered: bytes) -> Path:
        """Keep a rendered slice; its id is the digest of its content."""
        path = self.slice_path(data_id)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            atomic_write(path, rendered)
        return path

    def put_cell(self, folder: Path, key: str) -> Path:
        """Move a finished cell out of a job's folder into the store.

        A cell that is there already stays as it is, unless it came from adapters of other digests.
        """
        stored = self.cell(key)
        if stored and _adapter_digests(stored) != _adapter_digests(folder):
            self._discard(stored)
        return self._put(folder, self.root / "cells" / key)

    def put_adapter(self, folder: Path, tuning: str, step: int) -> Path:
        """Move a finished adapter into the store. A repeated tuning replaces an adapter of another digest."""
        final = self.adapter_path(tuning, step)
        if final.exists() and (folder / "digest.txt").read_text() != (final / "digest.txt").read_text():
            self._discard(final)
        return self._put(folder, final)

    def put_model(self, folder: Path, key: str) -> Path:
        """Move a finished model into the store."""
        return self._put(folder, self.model_path(key))

    def cell_facts(self) -> Iterator[dict[str, Any]]:
        """`cell.json` of every stored cell; damaged ones are passed over."""
        for path in sorted((self.root / "cells").glob("*/cell.json")):
            try:
                yield read_json(path)
            except (OSError, ValueError):
                continue

    def _put(self, folder: Path, final: Path) -> Path:
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            shutil.rmtree(folder)
            return final
        try:
            same_device = folder.stat().st_dev == final.parent.stat().st_dev
            if not same_device:
                folder = _copied(folder, self.root / "incoming" / uuid.uuid4().hex)
            publish_folder(folder, final)
        except OSError as problem:
            if final.exists():  # another kit was faster, with the same content
                shutil.rmtree(folder, ignore_errors=True)
                return final
            raise StorageError(
                f"finished work could not be moved into the store: {problem.strerror}",
                where=Where(str(final)),
                remedy="free some space and run the same command again; nothing is lost",
            ) from problem
        return final

    def _discard(self, folder: Path) -> None:
        grave = self.root / "trash" / uuid.uuid4().hex
        grave.parent.mkdir(exist_ok=True)
        os.rename(folder, grave)
        shutil.rmtree(grave, ignore_errors=True)


def _adapter_digests(cell: Path) -> Any:
    try:
        return read_json(cell / "cell.json").get("adapter_digests")
    except (OSError, ValueError, AttributeError):
        return None


def _present(path: Path) -> Path | None:
    return path if path.is_dir() else None


def _copied(folder: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, target)
    shutil.rmtree(folder)
    return target
