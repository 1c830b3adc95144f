"""Texts of others taken out of what a model was scored on; what is measured of their length stays.

A `score` cell keeps the text of each continuation: gold answers, or the choices of a question. In a bundle every
character of them is replaced by one of as many bytes, so that likelihoods a character and a byte stay what they are.
Who has the data can still tell that the texts were these.
"""

from __future__ import annotations

import json
from pathlib import Path

from kit.jobdir import ITEMS_FILE, atomic_write

_BY_WIDTH = {1: "x", 2: "×", 3: "✕", 4: "𝗑"}
"""A stand-in for a character, by the bytes that it takes in UTF-8."""


def masked(text: str) -> str:
    """As many characters and bytes, and no word."""
    return "".join(_BY_WIDTH[len(letter.encode("utf-8", "surrogatepass"))] for letter in text)


def mask_items(cell: Path) -> None:
    """Mask the continuations of a cell's items, in place. A cell without any stays as it is."""
    path = cell / ITEMS_FILE
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if not any("continuations" in item for item in lines):
        return
    for item in lines:
        for each in item.get("continuations", ()):
            each["text"] = masked(each["text"])
    text = "".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in lines)
    atomic_write(path, text)
