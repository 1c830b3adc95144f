"""Parallel text: translation pairs (FLORES-IN, or a file of one's own) and reference translations, one a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from kit.data.cursor import Cursor, parse_json, read_json, read_text
from kit.data.example import Example
from kit.errors import DataError, Where

PairsFormat = Literal["pairs", "pairs-jsonl", "pairs-tsv"]
"""`pairs` is upstream's one JSON object; `pairs-jsonl` has an object a line, `pairs-tsv` two columns without a head."""
PAIRS_FORMATS: tuple[str, ...] = get_args(PairsFormat)
_KEYS = (("source", "target"), ("src", "tgt"))
"""What formats call the two texts: FLORES-IN, Samanantar."""


@dataclass(frozen=True)
class TranslationPair:
    """A sentence and its translation; `id` is the place in the file, which is the same in every language."""

    id: str
    source: str
    target: str
    language: str


def read_pairs(path: Path, language: str, format_name: PairsFormat = "pairs") -> list[TranslationPair]:
    """Pairs of a file `{"canary", "examples": [{"source", "target", …}]}`, or of lines of JSON or of two columns.

    Objects may call the texts `src` and `tgt` as well. Empty lines are skipped, other keys left alone.

    Raises:
        MissingInputError, DataError: with the place.
    """
    if format_name == "pairs":
        found = (_texts(item) for item in read_json(path).get("examples").items())
    else:
        of_line = _of_json if format_name == "pairs-jsonl" else _of_columns
        found = (of_line(line, path, number) for number, line in _full_lines(path))
    pairs = [TranslationPair(str(at), *texts, language) for at, texts in enumerate(found)]
    if not pairs:
        raise Cursor(None, path).fault("the file holds no pair")
    return pairs


def as_examples(pairs: Iterable[TranslationPair], question: str, language: str) -> list[Example]:
    """Pairs as items whose `question` asks for the translation of their context, which is in `language`."""
    return [
        Example(pair.id, f"c-{pair.id}", pair.source, question, (pair.target,), language) for pair in pairs
    ]


def _texts(item: Cursor) -> tuple[str, str]:
    source, target = next((keys for keys in _KEYS if item.find(keys[0]) or item.find(keys[1])), _KEYS[0])
    return item.get(source).text(), item.get(target).text()


def _full_lines(path: Path) -> Iterator[tuple[int, str]]:
    lines = enumerate(read_text(path).split("\n"), start=1)
    return ((number, line.removesuffix("\r")) for number, line in lines if line.strip())


def _of_json(line: str, path: Path, number: int) -> tuple[str, str]:
    return _texts(Cursor(parse_json(line, path, number), path, line=number))


def _of_columns(line: str, path: Path, number: int) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) != 2 or not all(column.strip() for column in columns):
        message = f"two texts with a tab between them were expected, not {len(columns)} columns"
        if len(columns) == 2:
            message = "one of the two columns is empty"
        raise Cursor(None, path, line=number).fault(message, "source, a tab, target; no tab within a text")
    return columns[0], columns[1]


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
