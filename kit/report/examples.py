"""The examples under a cell: what was asked, what the base said, what the tuned models say now."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from kit.data.example import Example
from kit.errors import DataError
from kit.results import CellData
from kit.score import cut
from kit.score.aware import UNSPACED

Change = Literal["right", "wrong", "turned-right", "turned-wrong"]
"""From the base to the tuned model; `right` and `wrong`: unchanged."""
CHANGES: Mapping[Change, str] = {
    "right": "right before and after",
    "wrong": "wrong before and after",
    "turned-right": "turned right",
    "turned-wrong": "turned wrong",
}
"""Each change in words."""
FILTERS = ("all", *get_args(Change), "unchanged")
_AROUND = 160
_WORDS = re.compile(r"\S+\s*|\s+")
# Line separators, escape codes, and marks that turn the direction of all that follows on the line.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Answer:
    """One model's answer. `raw`: the whole output; `f1` in percent; `right` by language-aware exact match.

    Of a question with choices it is the likeliest choice, which nothing ended; `share` is that of the right one, in
    percent, and `f1` then whether it is that one.
    """

    key: str
    seed: int | None
    replicate: int
    answer: str
    raw: str
    stop: str
    right: bool
    f1: float
    overran: bool
    share: float | None = None

    @property
    def verdict(self) -> str:
        """How good it is, in words."""
        if self.share is not None:
            return f"share of the right choice {self.share:.0f} %"
        return f"F1 {self.f1:.0f}{', overran' if self.overran else ''}"

    @property
    def ending(self) -> str:
        """What ended it, in words; empty for a choice."""
        return f"ended by {self.stop}" if self.stop else ""


@dataclass(frozen=True)
class Shown:
    """One item with all answers to it. `example` is None without gold; `changes` has one a tuned cell."""

    id: str
    example: Example | None
    base: Answer
    tuned: tuple[Answer, ...]
    changes: tuple[Change, ...]


def examples_under(
    base: CellData,
    tuned: CellData | Sequence[CellData] | None,
    gold: Mapping[str, Example],
    keep: str = "all",
) -> Iterator[Shown]:
    """The items of a cell beside the base's answers, in file order.

    `tuned` is one cell, several (seeds, replicates) or none: then `changes` compare the base with itself.
    `keep` is one of `FILTERS`; with several tuned cells an item stays where the change holds for any of
    them.

    Raises:
        DataError: a tuned cell lacks an item of the base.
        ValueError: `keep` is no filter.
    """
    if keep not in FILTERS:
        raise ValueError(f"{keep!r} is none of {', '.join(FILTERS)}")
    cells = [tuned] if isinstance(tuned, CellData) else list(tuned or ())
    places = [_places(cell, base) for cell in cells]
    for at, item in enumerate(base.ids):
        before = _answer(base, at)
        after = [_answer(cell, place[item]) for cell, place in zip(cells, places, strict=True)]
        changes = tuple(_change(before.right, one.right) for one in after or [before])
        if any(_kept(change, keep) for change in changes):
            yield Shown(item, gold.get(item), before, tuple(after), changes)


def show_cell(
    base: CellData,
    tuned: CellData | Sequence[CellData] | None,
    gold: Mapping[str, Example],
    keep: str = "all",
    limit: int | None = None,
) -> list[Shown]:
    """The first `limit` (None: all) of `examples_under`."""
    found = examples_under(base, tuned, gold, keep)
    return (
        [shown for _, shown in zip(range(limit), found, strict=False)] if limit is not None else list(found)
    )


def as_text(item: Shown, names: tuple[str, str] = ("base", "tuned")) -> str:
    """Plain text; `names` are those of the two sides. Whatever comes from the data stands alone on its line, so that
    no line mixes scripts or directions; control characters of an output are shown, not obeyed.
    """
    lines = [f"[{item.id}] {', '.join(dict.fromkeys(item.changes))}"]
    if item.example is not None:
        lines += [
            "context:",
            f"  {clean(marked(item.example))}",
            "question:",
            f"  {clean(item.example.question)}",
        ]
        lines += ["gold:", *(f"  {clean(answer)}" for answer in item.example.answers)]
    lines += _answer_lines(names[0], item.base)
    for answer in item.tuned:
        seed = f" seed {answer.seed}" if answer.seed is not None else ""
        copy = f" replicate {answer.replicate}" if answer.replicate else ""
        lines += _answer_lines(f"{names[1]}{seed}{copy}", answer)
    return "\n".join(lines)


def marked(example: Example) -> str:
    """The context around the first gold answer that stands in it, that answer between ⟦ and ⟧; else its
    beginning.

    Cuts fall between words where there are any, never before a combining mark.
    """
    text = example.context
    for answer in example.answers:
        place = text.find(answer) if answer else -1
        if place >= 0:
            end = place + len(answer)
            return f"{_before(text[:place])}⟦{answer}⟧{_after(text[end:], _AROUND)}"
    return _after(text, 2 * _AROUND)


def clean(text: str) -> str:
    """One line: line breaks as ⏎, tabs as spaces, other control characters (escape codes) by code point."""
    flat = text.replace("\r\n", "⏎").replace("\n", "⏎").replace("\t", " ")
    return _CONTROL.sub(lambda found: f"<U+{ord(found.group()):04X}>", flat)


def differing(known: str, text: str) -> list[tuple[str, bool]]:
    """`text` in pieces, and of each whether it is new against `known`: by words, or by letters (each with its
    combining marks) where a script has no spaces between words.
    """
    spaced = not UNSPACED.search(known + text)
    before, after = (_WORDS.findall(one) if spaced else _letters(one) for one in (known, text))
    bare_before, bare_after = ([piece.strip() for piece in pieces] for pieces in (before, after))
    matcher = difflib.SequenceMatcher(None, bare_before, bare_after, autojunk=False)
    spans = [(tag, "".join(after[low:high])) for tag, _, _, low, high in matcher.get_opcodes()]
    return [(piece, tag != "equal") for tag, piece in spans if piece]


def after_first_line(answer: Answer) -> str:
    """What a model went on to say after its answer, on one line; empty where it stopped."""
    return clean(answer.raw.strip()[len(answer.answer) :].strip())


def _places(cell: CellData, base: CellData) -> dict[str, int]:
    places = {item: at for at, item in enumerate(cell.ids)}
    if not places.keys() >= set(base.ids):
        raise DataError(f"cells {base.key} and {cell.key} do not hold the same items")
    return places


def _answer(cell: CellData, at: int) -> Answer:
    if cell.kind == "score":
        right, text = bool(cell.metrics["acc"][at] > 0), cell.raw[at]
        share = 100 * float(cell.metrics["choice_share"][at])
        place = (cell.key, cell.at.seed, cell.at.replicate)
        return Answer(*place, text, text, "", right, 100.0 * right, overran=False, share=share)
    return Answer(
        key=cell.key,
        seed=cell.at.seed,
        replicate=cell.at.replicate,
        answer=cut(cell.raw[at]),
        raw=cell.raw[at],
        stop=cell.stops[at],
        right=bool(cell.metrics["aware_em"][at] == 1),
        f1=100 * float(cell.metrics["f1"][at]),
        overran=bool(cell.metrics["overran"][at] == 1),
    )


def _change(before: bool, after: bool) -> Change:
    if before == after:
        return "right" if after else "wrong"
    return "turned-right" if after else "turned-wrong"


def _kept(change: Change, keep: str) -> bool:
    return keep in ("all", change) or (keep == "unchanged" and change in ("right", "wrong"))


def _answer_lines(name: str, answer: Answer) -> list[str]:
    marks = ["right" if answer.right else "wrong"]
    if answer.share is not None:
        marks += [answer.verdict]
    else:
        marks += [f"F1 {answer.f1:.0f}", f"stop: {answer.stop}", *(["overran"] if answer.overran else [])]
    lines = [f"{name} ({', '.join(marks)}):", f"  {clean(answer.answer)}"]
    rest = after_first_line(answer)
    return [*lines, "  and after the first line:", f"  {rest}"] if rest else lines


def _letters(text: str) -> list[str]:
    """A text by its letters, each with the combining marks that follow it."""
    found: list[str] = []
    for letter in text:
        if found and unicodedata.category(letter)[0] == "M":
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _before(text: str) -> str:
    if len(text) <= _AROUND:
        return text
    start = len(text) - _AROUND
    space = text.find(" ", start, start + _AROUND // 4)
    start = _whole(text, space + 1 if space >= 0 else start)
    return "…" + text[start:]


def _after(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    space = text.rfind(" ", room - _AROUND // 4, room)
    return text[: space if space >= 0 else _whole(text, room)] + "…"


def _whole(text: str, at: int) -> int:
    """The next place from `at` on that does not stand before a combining mark."""
    while at < len(text) and unicodedata.category(text[at])[0] == "M":
        at += 1
    return at
