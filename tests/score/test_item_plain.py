"""All scores of an output in one pass are those that each metric gives by itself, to the last bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kit.score import ItemScore, mlqa, squad
from kit.score.answer import parted
from kit.score.aware import tokens
from kit.score.item import score_items

PIECES = [
    "Rom",
    "rom",
    "the",
    "a",
    "Straße",
    "क्या",
    "१२",
    "12",
    "U.S.",
    "“x”",
    "$",
    "ال",
    "中文",
    "l'eau",
    "۔",
]
TEXTS = st.lists(st.sampled_from([*PIECES, *PIECES[:3], "\n", ""]), max_size=6).map(" ".join)


def bag_f1(prediction: Sequence[str], gold: Sequence[str]) -> float:
    """As the official scripts have it."""
    same = (Counter(prediction) & Counter(gold)).total()
    if not same:
        return 0.0
    precision, recall = 1.0 * same / len(prediction), 1.0 * same / len(gold)
    return (2 * precision * recall) / (precision + recall)


def or_both_empty(prediction: Sequence[str], gold: Sequence[str]) -> float:
    return bag_f1(prediction, gold) if prediction and gold else float(not prediction and not gold)


def within(answer: tuple[str, ...], gold: tuple[str, ...]) -> bool:
    return bool(gold) and any(answer[at : at + len(gold)] == gold for at in range(len(answer)))


def plain_score(raw: str, golds: Sequence[str], language: str) -> ItemScore:
    answer, beyond = parted(raw)
    by_squad = squad.normalize(answer).split()
    wanted = [squad.normalize(gold).split() for gold in golds]
    wanted = [gold for gold in wanted if gold] or [[]]
    in_mlqa: tuple[float | None, float | None] = (None, None)
    if mlqa.covers(language):
        by_mlqa = mlqa.normalize(answer, language).split()
        targets = [mlqa.normalize(gold, language).split() for gold in golds]
        in_mlqa = float(by_mlqa in targets), max(bag_f1(by_mlqa, gold) for gold in targets)
    words = tokens(answer, language)
    spoken = [tokens(gold, language) for gold in golds]
    best = max(spoken, key=lambda gold: (within(words, gold), or_both_empty(words, gold)))
    held = within(words, best)
    return ItemScore(
        float(by_squad in wanted),
        max(or_both_empty(by_squad, gold) for gold in wanted),
        *in_mlqa,
        float(words in spoken),
        max(or_both_empty(words, gold) for gold in spoken),
        held,
        held and len(words) > len(best),
        len(words),
        len(best),
        len(words) + len(tokens(beyond, language)),
    )


@given(
    st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), max_size=4),
    st.sampled_from(["en", "hi", "or", "ar", "zh", "fr", "tr", "ur", "xx"]),
)
def test_one_pass_is_every_metric_by_itself(asked: list[tuple[str, list[str]]], language: str) -> None:
    found = score_items([raw for raw, _ in asked], [golds for _, golds in asked], language)
    assert repr(found) == repr([plain_score(raw, golds, language) for raw, golds in asked])
