"""Items with choices: Belebele's own keys, and those of JSON lines of one's own."""

from __future__ import annotations

from kit.data.assemble import Row
from kit.data.cursor import Cursor
from kit.data.example import LETTERS

_BELEBELE_CHOICES = 4


def belebele_row(item: Cursor) -> Row:
    """A line of a Belebele file as its publishers lay it out (facebookresearch/belebele, README).

    Keys: `link`, `question_number`, `flores_passage`, `question`, `mc_answer1` to `mc_answer4`, `correct_answer_num`
    (from 1); `dialect` and `ds` are not read. A question may have two choices of one text.
    """
    number = item.get("question_number").identifier()
    choices = tuple(item.get(f"mc_answer{at}").text().strip() for at in range(1, _BELEBELE_CHOICES + 1))
    right = _place(item.get("correct_answer_num"), choices)
    return Row(
        at=item,
        id=f"{item.get('link').text()}#{number}",
        context=item.get("flores_passage").text(),
        question=item.get("question").text().strip(),
        answers=(choices[right],),
        choices=choices,
        right=right,
    )


def choices_of(item: Cursor) -> tuple[str, ...]:
    """The texts under `choices`, white space around them dropped; none where there is no such key.

    Raises:
        DataError: one choice alone, or more than there are letters; a blank one.
    """
    found = item.find("choices")
    if found is None:
        return ()
    choices = tuple(choice.text().strip() for choice in found.items())
    if not 2 <= len(choices) <= len(LETTERS):
        raise found.fault(
            f"{len(choices)} choices",
            f"a question has 2 to {len(LETTERS)}; leave `choices` out of an open one",
        )
    return choices


def right_of(item: Cursor, choices: tuple[str, ...]) -> int:
    """The place (from 0) of the right choice, which the item names by `answer` or `correct`.

    Raises:
        DataError: neither or both; a text that is no choice, or several; a number or letter without a choice.
    """
    correct, answer = item.find("correct"), item.find("answer")
    if (correct is None) == (answer is None):
        raise item.fault(
            f"an item with `choices` has {'both' if answer else 'neither'} of `answer` and `correct`",
            "name the right choice by its text (`answer`), or by its number from 1 or its letter (`correct`)",
        )
    if correct is not None:
        return _place(correct, choices)
    assert answer is not None
    text = answer.text().strip()
    if choices.count(text) != 1:
        how = "several choices" if text in choices else "no choice"
        raise answer.fault(
            f"{text[:40]!r} is the text of {how}", "name the right one by `correct`, its number from 1"
        )
    return choices.index(text)


def _place(named: Cursor, choices: tuple[str, ...]) -> int:
    """The place of a choice that is named by its number from 1, or its letter."""
    word = named.identifier().strip()
    last = LETTERS[len(choices) - 1]
    places = {name: at for at in range(len(choices)) for name in (str(at + 1), LETTERS[at])}
    if word not in places:
        raise named.fault(
            f"{word[:40]!r} is the number of no choice",
            f"they are counted from 1 to {len(choices)}, or A to {last}",
        )
    return places[word]
