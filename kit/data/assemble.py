"""From the rows of a file to examples: ids checked, contexts clustered, unanswerable items dropped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kit.data.cursor import Cursor
from kit.data.example import Example


@dataclass(frozen=True)
class Row:
    """One item as its file has it. `cluster` is the context id that the file itself gives, or None.

    An item with `choices` has the `right` one, by its place, as its one answer.
    """

    at: Cursor
    id: str
    context: str
    question: str
    answers: tuple[str, ...]
    cluster: str | None = None
    choices: tuple[str, ...] = ()
    right: int | None = None


def assemble(
    rows: Iterable[Row], source: Cursor, language: str, answerable_only: bool = False
) -> list[Example]:
    """Examples in file order.

    Questions belong to one cluster if their contexts are the same text. A cluster is named after the smallest
    of its question ids (`c-<id>`), taken over the whole file, before anything is dropped: so parallel files
    (XQuAD's twelve languages, XQuAD-IN's thirteen, and the two among each other, whatever their order) give
    the same names, and a bootstrap can draw the same contexts in every language.

    Raises:
        DataError: two items share an id, some items have choices and others none, or no item is left.
    """
    kept: dict[str, Row] = {}
    for row in rows:
        if row.id in kept:
            first = kept[row.id].at
            place = f"line {first.line}" if first.line else first.way
            raise row.at.fault(
                f"the id {row.id!r} is used twice, first at {place}", "give every item an id of its own"
            )
        kept[row.id] = row
    with_choices = [row for row in kept.values() if row.choices]
    if 0 < len(with_choices) < len(kept):
        bare = next(row for row in kept.values() if not row.choices)
        raise bare.at.fault(
            f"this item has no choices, and {with_choices[0].id!r} has",
            "keep the two kinds in files of their own",
        )
    names: dict[str, str] = {}
    for row in kept.values():
        names[row.context] = min(row.id, names.get(row.context, row.id))
    examples = [
        Example(
            row.id,
            row.cluster or f"c-{names[row.context]}",
            row.context,
            row.question,
            row.answers,
            language,
            row.choices,
            row.right,
        )
        for row in kept.values()
        if row.answers or not answerable_only
    ]
    if not examples:
        raise source.fault("the file holds no answerable question" if kept else "the file holds no question")
    return examples


def answer_texts(answers: Cursor) -> tuple[str, ...]:
    """Gold answers of a SQuAD-like list of `{"text": …}`, in file order, all of them, repeated ones too.

    White space around an answer is dropped (the metrics do so anyway, and a tuned model should not learn it);
    blank answers, with which IndicQA marks unanswerable questions, are left out.
    """
    texts = (item.get("text").text(blank=True).strip() for item in answers.items())
    return tuple(text for text in texts if text)
