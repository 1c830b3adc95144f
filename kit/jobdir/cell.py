"""The files of a finished cell that both worlds know by name."""

from __future__ import annotations

from pathlib import Path

from kit.jobdir.files import sha256_file

CELL_SCHEMA = 1
"""Version of a finished cell's files, which is not that of job folders. A reader refuses newer ones."""
ITEMS_FILE = "items.jsonl"
LENS_FILE = "lens.npz"


def digest_of_cell(folder: Path) -> str:
    """sha256 of what came out: of the array of a `lens` cell, of the items of any other."""
    array = folder / LENS_FILE
    return sha256_file(array if array.exists() else folder / ITEMS_FILE)
