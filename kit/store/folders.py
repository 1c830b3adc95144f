"""What is done to a finished folder on its way in: digests taken, copied to another device, removed in one step."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from kit.jobdir import atomic_write, sha256_file

DIGESTS = "digests.json"


def write_digests(folder: Path) -> None:
    """Note the sha256 of each file of a finished folder in its `digests.json`."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != DIGESTS)
    found = {name: sha256_file(folder / name) for name in names if not name.startswith(".")}
    atomic_write(folder / DIGESTS, json.dumps(found, indent=1))


def copied(folder: Path, target: Path) -> Path:
    """A folder's copy on another device."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, target)
    return target


def drop(folder: Path) -> None:
    """Remove a folder that has been taken in; first from its name, so that half of it never stands there."""
    aside = folder.with_name(f".{folder.name}.gone")
    shutil.rmtree(aside, ignore_errors=True)
    os.rename(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)
