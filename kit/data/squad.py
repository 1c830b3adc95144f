"""SQuAD's nested format: XQuAD, raw IndicQA, TyDiQA-GoldP, and any file of one's own in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from kit.data.assemble import Row, answer_texts, assemble
from kit.data.cursor import Cursor, read_json
from kit.data.example import Example

# TyDiQA-GoldP keeps all languages in one file; an id begins with the language's English name and a hyphen.
_TYDIQA_NAMES = {
    "ar": "arabic",
    "bn": "bengali",
    "en": "english",
    "fi": "finnish",
    "id": "indonesian",
    "ja": "japanese",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
    "th": "thai",
}


def read_squad(path: Path, language: str, answerable_only: bool = False) -> list[Example]:
    """Examples of a file `{"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers"}]}]}]}`.

    Ids may be texts or numbers. Unanswerable questions (no answer, or blank ones as in raw IndicQA) have
    empty `answers`; `answerable_only` drops them.

    Raises:
        MissingInputError, DataError: with the place.
    """
    root = read_json(path)
    return assemble(_rows(root), root, language, answerable_only)


def read_tydiqa(path: Path, language: str, answerable_only: bool = False) -> list[Example]:
    """Examples of one language out of a TyDiQA-GoldP file, all gold answers kept in file order (trap 14).

    Raises:
        MissingInputError, DataError: with the place; also for a language that the file does not hold.
    """
    root = read_json(path)
    rows = list(_rows(root))
    prefix = f"{_TYDIQA_NAMES.get(language, language)}-"
    chosen = [row for row in rows if row.id.startswith(prefix)]
    if rows and not chosen:
        there = ", ".join(sorted({row.id.partition("-")[0] for row in rows})[:15])
        raise root.fault(f"no question id begins with {prefix!r}", f"the file holds: {there}")
    return assemble(chosen, root, language, answerable_only)


def _rows(root: Cursor) -> Iterator[Row]:
    for article in root.get("data").items():
        for paragraph in article.get("paragraphs").items():
            context = paragraph.get("context").text()
            for item in paragraph.get("qas").items():
                answers = item.get("answers")
                yield Row(
                    at=item,
                    id=item.get("id").identifier(),
                    context=context,
                    question=item.get("question").text(),
                    answers=answer_texts(answers),
                )
