"""The files of a finished cell that both worlds know by name."""

from __future__ import annotations

from pathlib import Path

from kit.jobdir.files import sha256_file

CELL_SCHEMA = 1
"""Version of a finished cell's files, which is not that of job folders. A reader refuses newer ones."""
NEUTRAL, SPECIAL, BROKEN, PADDING, UNMAPPED = "neutral", "special", "broken", "padding", "unmapped"
"""Classes of tokens in a `lens` cell that speak for no script and no language."""
ONLY_SCRIPTS, BAN_SCRIPTS = "scripts=", "ban="
"""How an intervention on scripts begins; ISO 15924 codes follow, joined by `+`."""
LAYERS = "layers="
"""How an intervention on layers begins; `0-4` (blocks, both ends counted) or `1/6` (one of six windows) follows."""
ITEMS_FILE = "items.jsonl"
LENS_FILE = "lens.npz"
DERIVED_FILE = "derived.json"
"""In the folder of an adapter that was derived from another: which, and the digest of its weights."""
PARENTS_FILE = "parents.json"
"""In an adapter's folder: the digests of the adapters that it goes on from, by name; absent where there are none."""


def broken(script: str) -> str:
    """The class of pieces of characters that can only become one of that script."""
    return f"{BROKEN} {script}"


def digest_of_cell(folder: Path) -> str:
    """sha256 of what came out: of the array of a `lens` cell, of the items of any other."""
    array = folder / LENS_FILE
    return sha256_file(array if array.exists() else folder / ITEMS_FILE)
