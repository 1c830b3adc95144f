"""What is already done: cells, adapters, models and rendered slices, each under its key.

Layout: `cells/<key>/`, `adapters/<tuning>/<step>/`, `models/<key>/`, `data/<id>.jsonl`. A folder lands by one rename,
so that two kits on one store can do no harm: the first wins, and equal keys mean equal content. Beside its files lies
`digests.json`, the sha256 of each, so that damage is found. `leases/` says which adapters unfinished runs need.

Schemas: 1 had no `digests.json`; a store of that kind is brought up when it is opened.
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
from kit.jobdir import DERIVED_FILE, PARENTS_FILE, atomic_write, publish_folder, read_json
from kit.store.folders import DIGESTS, copied, drop, write_digests

SCHEMA = 2


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
        if not marker.exists():  # a store whose marker was lost is taken for one of the first schema
            atomic_write(marker, json.dumps({"schema": 1 if any(self.folders()) else SCHEMA}))
        schema = _schema(marker)
        if schema > SCHEMA:
            raise StorageError(
                f"the store has schema {schema}, this kit reads up to {SCHEMA}",
                where=Where(str(marker)),
                remedy="upgrade xlt-kit, or choose another store with --home",
            )
        if schema < SCHEMA:
            self._bring_up(marker)

    def folders(self) -> Iterator[Path]:
        """The folders of all finished cells, adapters and models."""
        for pattern in ("cells/*", "adapters/*/*", "models/*"):
            yield from sorted(path for path in self.root.glob(pattern) if path.is_dir())

    def lock(self) -> filelock.BaseFileLock:
        """Held while leases are written and while anything is taken out."""
        return filelock.FileLock(self.root / "store.lock")

    def _bring_up(self, marker: Path) -> None:
        """From schema 1: note the digests of what is there. May be cut off anywhere, and done again."""
        with self.lock():
            if _schema(marker) == SCHEMA:
                return  # another kit was faster
            for folder in self.folders():
                if not (folder / DIGESTS).exists():
                    write_digests(folder)
            atomic_write(marker, json.dumps({"schema": SCHEMA}))

    def cell(self, key: str) -> Path | None:
        """The folder of a finished cell, or None."""
        return _present(self.root / "cells" / key)

    def adapter_path(self, tuning: str, step: int) -> Path:
        """Where the adapter of that tuning and optimizer step lies, or will lie."""
        return self.root / "adapters" / tuning / str(step)

    def adapter(self, tuning: str, step: int) -> Path | None:
        """The folder of a finished adapter, or None; none either of one that was derived from an adapter which has been
        made anew since, and differs, or that goes on from others which are not there any more as they were.
        """
        folder = _present(self.adapter_path(tuning, step))
        if folder is None or self.outdated(tuning, step):
            return None
        return folder if self._stands(folder) else None

    def outdated(self, tuning: str, step: int) -> bool:
        """Whether an adapter that is there was derived from another that has been made anew since, and differs."""
        try:
            origin = read_json(self.adapter_path(tuning, step) / DERIVED_FILE)
        except FileNotFoundError:
            return False
        name, _, own = str(origin["adapter"]).partition("@")
        return self.adapter_digest(name, int(own)) not in (None, origin["digest"])

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
        if folder := _present(self.adapter_path(tuning, step)):
            self.discard(folder)

    def lease(self, run: Path, adapters: Iterable[str]) -> None:
        """Note that this unfinished run needs the adapters of these tunings."""
        with self.lock():
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
        with self.lock():
            if tuning in self.leased(run):
                return []
            steps = self.adapter_steps(tuning)
            gone = steps if keep == "none" else steps[:-1]
            for step in gone:
                self.remove_adapter(tuning, step)
            return gone

    def _lease(self, run: Path) -> Path:
        return self.root / "leases" / f"{hashlib.sha256(str(run).encode()).hexdigest()[:20]}.json"

    def leased(self, but: Path | None = None) -> set[str]:
        """The tunings whose adapters unfinished runs need, `but` for one run."""
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
        return dict(made_with(_facts(cell)) or {})

    def put_slice(self, data_id: str, rendered: bytes) -> Path:
        """Keep a rendered slice; its id is the digest of its content, so a damaged one is mended on the way."""
        path = self.slice_path(data_id)
        if not path.exists() or path.read_bytes() != rendered:
            path.parent.mkdir(exist_ok=True)
            atomic_write(path, rendered)
        else:
            os.utime(path)  # in use: not to be taken for forgotten
        return path

    def put_cell(self, folder: Path, key: str) -> Path:
        """Move a finished cell out of a job's folder into the store.

        A cell that is there already stays as it is, unless it came from adapters of other digests than this one, and
        this one from those that are stored now.
        """
        final = self.root / "cells" / key
        if not final.exists():
            return self._put(folder, final)
        digests = made_with(_facts(folder))
        replaces = made_with(_facts(final)) != digests and self._is_of_now(digests)
        return self._put(folder, final, replaces)

    def put_adapter(self, folder: Path, tuning: str, step: int) -> Path:
        """Move a finished adapter into the store. A repeated tuning replaces an adapter of another digest."""
        final = self.adapter_path(tuning, step)
        other = final.exists() and any(
            _text(folder / name) != _text(final / name) for name in ("digest.txt", PARENTS_FILE)
        )
        return self._put(folder, final, other)

    def put_model(self, folder: Path, key: str) -> Path:
        """Move a finished model into the store."""
        return self._put(folder, self.model_path(key))

    def cells(self) -> dict[str, Any]:
        """`cell.json` of every stored cell by its key, in order of keys, in one pass; None for a damaged one."""
        try:
            with os.scandir(self.root / "cells") as entries:
                found = sorted((entry.name, entry.path) for entry in entries if entry.is_dir())
        except FileNotFoundError:
            return {}
        return {key: _facts(Path(path)) for key, path in found}

    def cell_keys(self) -> set[str]:
        """The keys of all stored cells, by one look at their folder."""
        try:
            with os.scandir(self.root / "cells") as entries:
                return {entry.name for entry in entries if entry.is_dir()}
        except FileNotFoundError:
            return set()

    def cell_facts(self) -> Iterator[dict[str, Any]]:
        """`cell.json` of every stored cell; damaged ones are passed over."""
        return (facts for facts in self.cells().values() if facts is not None)

    def _stands(self, adapter: Path) -> bool:
        """Whether the adapters that one goes on from are stored, with the weights that it was tuned on."""
        if not (adapter / PARENTS_FILE).exists():
            return True
        try:
            parents = {str(name): digest for name, digest in read_json(adapter / PARENTS_FILE).items()}
        except (OSError, ValueError, AttributeError):
            return False  # damaged: it is made anew
        found = (name.partition("@") for name in parents)
        return all(
            self.adapter_digest(tuning, int(step)) == parents[f"{tuning}@{step}"] for tuning, _, step in found
        )

    def _is_of_now(self, digests: object) -> bool:
        """Whether the adapters that a cell came from are those that are stored, as far as they are."""
        if not isinstance(digests, dict):
            return False
        for name, digest in digests.items():
            tuning, _, step = str(name).partition("@")
            stored = self.adapter_digest(tuning, int(step)) if step.isdigit() else None
            if stored not in (None, digest):
                return False
        return True

    def _put(self, folder: Path, final: Path, replaces: bool = False) -> Path:
        """Move a folder in. It stays where it was until it is in place, and what it replaces until it is ready."""
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists() and not replaces:
            drop(folder)
            return final
        try:
            write_digests(folder)
            ready = folder
            if folder.stat().st_dev != final.parent.stat().st_dev:
                ready = copied(folder, self.root / "incoming" / uuid.uuid4().hex)
            if replaces and final.exists():
                self.discard(final)
            publish_folder(ready, final)
        except OSError as problem:
            if final.exists() and not replaces:  # another kit was faster, with the same content
                drop(folder)
                return final
            raise StorageError(
                f"finished work could not be moved into the store: {problem.strerror}",
                where=Where(str(final)),
                remedy="free some space and run the same command again; nothing is lost",
            ) from problem
        if ready != folder:
            drop(folder)
        return final

    def discard(self, folder: Path) -> None:
        """Take a folder or file out in one step; its removal may then be cut off anywhere."""
        grave = self.root / "trash" / uuid.uuid4().hex
        grave.parent.mkdir(exist_ok=True)
        os.rename(folder, grave)
        if grave.is_dir():
            shutil.rmtree(grave, ignore_errors=True)
        else:
            grave.unlink(missing_ok=True)


def _schema(marker: Path) -> int:
    try:
        return int(read_json(marker)["schema"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise StorageError(
            "this is not a store's marker",
            where=Where(str(marker)),
            remedy="remove the file if it is damaged",
        ) from problem


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _facts(cell: Path) -> Any:
    try:
        return read_json(cell / "cell.json")
    except (OSError, ValueError):
        return None


def made_with(facts: Any) -> Any:
    """The digests of the adapters that a cell came from, as its `cell.json` has them; None for a damaged one."""
    return facts.get("adapter_digests") if isinstance(facts, dict) else None


def _present(path: Path) -> Path | None:
    return path if path.is_dir() else None
