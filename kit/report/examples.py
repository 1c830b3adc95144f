"""The examples under a cell: what was asked, what the base said, what the tuned model says now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kit.data.example import Example
from kit.results.types import CellData
from kit.score import cut

FILTERS = ("all", "right", "wrong", "turned-right", "turned-wrong", "unchanged")
_AROUND = 160


@dataclass(frozen=True)
class Shown:
    """One question with both answers. `change`: right, wrong, turned-right or turned-wrong (by language-aware EM)."""

    example: Example
    base_answer: str
    base_raw: str
    tuned_answer: str | None
    tuned_raw: str | None
    base_f1: float
    tuned_f1: float | None
    change: str


def examples_under(
    base: CellData, tuned: CellData | None, gold: Mapping[str, Example], keep: str = "all"
) -> Iterator[Shown]:
    """The items of a cell beside the base's answers, in file order; `keep` is one of FILTERS."""
    places = {item: index for index, item in enumerate(base.ids)}
    cell = tuned or base
    for index, item in enumerate(cell.ids):
        at = places[item]
        before = base.metrics["aware_em"][at] > 0
        after = bool(tuned.metrics["aware_em"][index] > 0) if tuned else bool(before)
        change = {(True, True): "right", (False, False): "wrong", (False, True): "turned-right"}.get(
            (bool(before), after), "turned-wrong"
        )
        if keep not in ("all", change) and not (keep == "unchanged" and change in ("right", "wrong")):
            continue
        yield Shown(
            gold[item],
            cut(base.raw[at]),
            base.raw[at],
            cut(tuned.raw[index]) if tuned else None,
            tuned.raw[index] if tuned else None,
            float(base.metrics["f1"][at]) * 100,
            float(tuned.metrics["f1"][index]) * 100 if tuned else None,
            change,
        )


def as_text(item: Shown) -> str:
    """Plain text; what is in another script stands alone on its line, the gold between ⟦ and ⟧ in the context."""
    lines = [f"[{item.example.id}] {item.change}", marked(item.example), f"Q: {item.example.question}"]
    lines += [f"gold: {answer}" for answer in item.example.answers]
    lines.append(f"base (F1 {item.base_f1:.0f}): {item.base_answer}")
    if item.tuned_answer is not None:
        lines.append(f"tuned (F1 {item.tuned_f1:.0f}): {item.tuned_answer}")
    return "\n".join(lines)


def marked(example: Example) -> str:
    """The context around the first gold answer that stands in it, that answer marked; else its beginning."""
    text = example.context
    for answer in example.answers:
        place = text.find(answer) if answer else -1
        if place >= 0:
            start, end = max(0, place - _AROUND), min(len(text), place + len(answer) + _AROUND)
            head, tail = "…" if start else "", "…" if end < len(text) else ""
            return f"{head}{text[start:place]}⟦{answer}⟧{text[place + len(answer) : end]}{tail}"
    return text[: 2 * _AROUND] + ("…" if len(text) > 2 * _AROUND else "")
