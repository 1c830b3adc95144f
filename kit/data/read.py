"""One door to all formats of question answering."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from kit.data.example import Example
from kit.data.flat import read_belebele, read_jsonl, read_xquad_in
from kit.data.squad import read_squad, read_tydiqa
from kit.errors import DataError, Where

QuestionFormat = Literal["squad", "xquad-in", "tydiqa", "jsonl", "belebele"]
QUESTION_FORMATS: tuple[str, ...] = get_args(QuestionFormat)
"""The names that `read` takes as `format_name`."""

_READERS = {
    "squad": read_squad,
    "xquad-in": read_xquad_in,
    "tydiqa": read_tydiqa,
    "jsonl": read_jsonl,
    "belebele": read_belebele,
}


def read(path: Path, format_name: str, language: str, answerable_only: bool = False) -> list[Example]:
    """The examples of a file, in its order. `language` is what the caller says it is, whatever the file says.

    Raises:
        MissingInputError: no such file.
        DataError: not of this format, with file, line where known, and what was expected; or an unknown
        format.
    """
    reader = _READERS.get(format_name)
    if reader is None:
        known = ", ".join(QUESTION_FORMATS)
        raise DataError(
            f"{format_name!r} is no format of questions", where=Where(str(path)), remedy=f"use {known}"
        )
    return reader(path, language, answerable_only)
