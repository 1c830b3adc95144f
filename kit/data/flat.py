"""Flat formats: XQuAD-IN's one JSON object with a list of examples; JSON lines, of Belebele and of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from kit.data.assemble import Row, answer_texts, assemble
from kit.data.choices import belebele_row, choices_of, right_of
from kit.data.cursor import Cursor, parse_json, read_json, read_text
from kit.data.example import Example


def read_xquad_in(path: Path, language: str, answerable_only: bool = False) -> list[Example]:
    """Examples of a file `{"canary", "examples": [{"id", "question", "context", "answers": [{"text"}], …}]}`.

    What the file says of its language is not read: machine-translated files say `en` (trap 16).

    Raises:
        MissingInputError, DataError: with the place.
    """
    root = read_json(path)
    rows = (
        Row(
            at=item,
            id=item.get("id").identifier(),
            context=item.get("context").text(),
            question=item.get("question").text(),
            answers=answer_texts(item.get("answers")),
        )
        for item in root.get("examples").items()
    )
    return assemble(rows, root, language, answerable_only)


def read_jsonl(path: Path, language: str, answerable_only: bool = False) -> list[Example]:
    """Examples of a file with one object a line: `id`, `context`, `question`, and `answer` or `answers`.

    `answers` is a list of texts, or of `{"text": …}`; `context_id`, if there, names the cluster; other keys
    are left alone. Empty lines are skipped. Where an item has `choices`, a list of texts, the right one is named by
    `answer`, its text, or by `correct`, its number from 1 or its letter.

    Raises:
        MissingInputError, DataError: with the line.
    """
    return assemble(_rows(path, _row), Cursor(None, path), language, answerable_only)


def read_belebele(path: Path, language: str, answerable_only: bool = False) -> list[Example]:
    """Examples of a Belebele file: one object a line, four choices each; all questions of a passage share it.

    An id is `<link>#<question_number>`, the same in all languages.

    Raises:
        MissingInputError, DataError: with the line.
    """
    return assemble(_rows(path, belebele_row), Cursor(None, path), language, answerable_only)


def _rows(path: Path, row: Callable[[Cursor], Row]) -> Iterator[Row]:
    # Not splitlines(): it also breaks at U+2028 and others, which may stand within a JSON text.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield row(Cursor(parse_json(line, path, number), path, line=number))


def _row(item: Cursor) -> Row:
    cluster = item.find("context_id")
    choices = choices_of(item)
    right = right_of(item, choices) if choices else None
    return Row(
        at=item,
        id=item.get("id").identifier(),
        context=item.get("context").text(),
        question=item.get("question").text(),
        answers=_gold(item) if right is None else (choices[right],),
        cluster=cluster.identifier() if cluster else None,
        choices=choices,
        right=right,
    )


def _gold(item: Cursor) -> tuple[str, ...]:
    single = item.find("answer")
    if single is not None:
        if item.find("answers") is not None:
            raise item.fault("`answer` and `answers` stand side by side", "keep one of them")
        text = single.text(blank=True).strip()
        return (text,) if text else ()
    answers = item.get("answers")
    if any(isinstance(answer.value, dict) for answer in answers.items()):
        return answer_texts(answers)
    texts = (answer.text(blank=True).strip() for answer in answers.items())
    return tuple(text for text in texts if text)
