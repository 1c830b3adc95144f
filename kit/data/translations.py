"""Parallel text: translation pairs (FLORES-IN) and reference translations, one a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit.data.cursor import read_json, read_text
from kit.errors import DataError, Where


@dataclass(frozen=True)
class TranslationPair:
    """A sentence and its translation; `id` is the place in the file, which is the same in every language."""

    id: str
    source: str
    target: str
    language: str


def read_pairs(path: Path, language: str) -> list[TranslationPair]:
    """Pairs of a file `{"canary", "examples": [{"source", "target", …}]}`.

    Raises:
        MissingInputError, DataError: with the place.
    """
    root = read_json(path)
    pairs = [
        TranslationPair(str(index), item.get("source").text(), item.get("target").text(), language)
        for index, item in enumerate(root.get("examples").items())
    ]
    if not pairs:
        raise root.fault("the file holds no pair")
    return pairs


def read_lines(path: Path) -> list[str]:
    """The lines of a file, each one text; a newline at the end of the file is no line.

    Raises:
        MissingInputError, DataError: not UTF-8, or with an empty line (which would shift the texts after it).
    """
    lines = read_text(path).removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            message, remedy = "the line is empty", "each line is one text: fill it in, or take the set out"
            raise DataError(message, where=Where(str(path), number), remedy=remedy)
    return [line.removesuffix("\r") for line in lines]
