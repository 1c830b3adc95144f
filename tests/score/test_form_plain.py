"""The fast counting of forms against their plain definition: every part tried, to the last bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from kit.score import squad
from kit.score.answer import cut
from kit.score.form import Form, Oracles, forms, forms_against, oracles, targets_of

Tokens = Sequence[str]

WORDS = st.lists(st.sampled_from("bcdefgh"), max_size=9)
LONG = st.lists(st.sampled_from("bc" + "uvwxyz" * 4), max_size=60)
TEXTS = st.text(st.sampled_from("aabcd ,.\n"), max_size=30)


def plain_f1(prediction: Tokens, gold: Tokens) -> float:
    """As the official script has it."""
    same = (Counter(prediction) & Counter(gold)).total()
    if not same:
        return 0.0
    precision = 1.0 * same / len(prediction)
    recall = 1.0 * same / len(gold)
    return (2 * precision * recall) / (precision + recall)


def plain_against(answer: Tokens, gold: Tokens) -> tuple[float, float, float, float]:
    if not gold:
        return float(not answer), 1.0, 1.0, 1.0
    n = len(answer)
    return (
        plain_f1(answer, gold),
        max(plain_f1(answer[:stop], gold) for stop in range(n + 1)),
        max(plain_f1(answer[start:], gold) for start in range(n + 1)),
        max(plain_f1(answer[start:stop], gold) for start in range(n + 1) for stop in range(start, n + 1)),
    )


def plain_oracles(answer: Tokens, golds: Sequence[Tokens]) -> Oracles:
    each = [plain_against(answer, gold) for gold in golds]
    return Oracles(*(max(values) for values in zip(*each, strict=True)))


def plain_form(raw: str, golds: Sequence[str], foils: Sequence[str]) -> Form:
    answer, wanted = squad.normalize(cut(raw)).split(), squad.gold_tokens(tuple(golds))
    whole, prefix, suffix, span = plain_oracles(answer, wanted)
    normal = [squad.normalize(foil).split() for foil in foils]
    other = [foil for foil in normal if foil and foil not in wanted]
    return Form(
        span,
        ((prefix - whole) + (span - suffix)) / 2,
        ((suffix - whole) + (span - prefix)) / 2,
        plain_oracles(answer, other).span if other else None,
    )


@given(WORDS, st.lists(WORDS, min_size=1, max_size=3))
@example(list("bccdb"), [list("bcbd")])
@example([], [[]])
def test_oracles_are_the_plain_ones_to_the_last_bit(answer: list[str], golds: list[list[str]]) -> None:
    assert oracles(answer, golds) == plain_oracles(answer, golds)


@given(LONG, WORDS)
def test_so_are_those_of_long_answers(answer: list[str], gold: list[str]) -> None:
    assert oracles(answer, [gold]) == plain_oracles(answer, [gold])


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, max_size=4))
def test_forms_are_the_plain_ones_with_their_targets_made_once(
    raws: list[str], golds: list[str], foils: list[str]
) -> None:
    expected = [plain_form(raw, golds, foils) for raw in raws]
    assert forms(raws, [golds] * len(raws), [foils] * len(raws)) == expected
    assert forms_against(raws, [targets_of(golds, foils)] * len(raws)) == expected
