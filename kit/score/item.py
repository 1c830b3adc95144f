"""All that is scored about one output, in one pass."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from kit.score import aware, mlqa, squad
from kit.score.answer import parted
from kit.score.overlap import as_golds
from kit.score.overrun import best_gold, contains

METRICS_VERSION = 1
"""Rises whenever a number of `ItemScore` can change for the same output, gold and language."""


class ItemScore(NamedTuple):
    """All scores of one output.

    Each 0 to 1: `em`, `f1` by SQuAD, `mlqa_*` by MLQA (None outside its seven languages), `aware_*` by the
    kit's own metric. The rest is over-generation as in `Overrun`, lengths in the tokens of the kit's metric.
    """

    em: float
    f1: float
    mlqa_em: float | None
    mlqa_f1: float | None
    aware_em: float
    aware_f1: float
    contains_gold: bool
    overran: bool
    answer_words: int
    gold_words: int
    raw_words: int


def score_item(raw: str, gold: str | Sequence[str], language: str) -> ItemScore:
    """Cut a raw output to its answer, as the paper's protocol does, and score it against the gold answers.

    `language` is any code that `languages.code` reads (`or`, `ory_Orya`). Each metric takes its own best
    gold. Raises ValueError for an empty sequence of golds.
    """
    return score_items([raw], [gold], language)[0]


class _Targets(NamedTuple):
    """The golds of a question as each rule reads them; `mlqa` is None outside its languages. `as_squad`: whether MLQA
    and the kit's own rule find the words in them that SQuAD finds, which is so of most.
    """

    squad: list[list[str]]
    mlqa: list[list[str]] | None
    aware: tuple[tuple[str, ...], ...]
    as_squad: tuple[bool, bool]


@lru_cache(maxsize=1 << 15)
def _targets(golds: tuple[str, ...], language: str) -> _Targets:
    by_mlqa = mlqa.gold_tokens(golds, language) if mlqa.covers(language) else None
    by_squad, words = squad.gold_tokens(golds), aware.gold_tokens(golds, language)
    return _Targets(by_squad, by_mlqa, words, (by_mlqa == by_squad, words == tuple(map(tuple, by_squad))))


def score_items(raws: Sequence[str], golds: Sequence[str | Sequence[str]], language: str) -> list[ItemScore]:
    """`score_item` of many outputs in one language: their texts go through each rule together."""
    if not raws:
        return []
    parts = [parted(raw) for raw in raws]
    answers = [answer for answer, _ in parts]
    # Only the number of these words counts, and a newline divides words as a space does.
    rests = aware.tokens_of_lines([beyond.replace("\n", " ") for _, beyond in parts], language)
    by_mlqa = mlqa.tokens_of_lines(answers, language) if mlqa.covers(language) else repeat([])
    forms = zip(
        squad.tokens_of_lines(answers),
        by_mlqa,
        aware.tokens_of_lines(answers, language),
        map(len, rests),
        strict=False,
    )
    return [_score(form, _targets(as_golds(gold), language)) for form, gold in zip(forms, golds, strict=True)]


def _score(form: tuple[list[str], list[str], tuple[str, ...], int], targets: _Targets) -> ItemScore:
    """Of one answer in the forms of SQuAD, MLQA and the kit's own metric, and the number of words behind it."""
    by_squad, by_mlqa, words, beyond = form
    exact, f1 = squad.score(by_squad, targets.squad)
    mlqa_like, aware_like = targets.as_squad
    mlqa_exact = mlqa_f1 = None
    if targets.mlqa is not None:
        if mlqa_like and not exact and by_mlqa == by_squad:  # the same words have the same F1
            mlqa_exact, mlqa_f1 = exact, f1
        else:
            mlqa_exact, mlqa_f1 = mlqa.score(by_mlqa, targets.mlqa)
    length = len(words)
    if words in targets.aware:  # then it is the gold that fits best, and all there is
        aware_exact, aware_f1, held, overran, width = 1.0, 1.0, length > 0, False, length
    else:
        same = aware_like and words == tuple(by_squad)
        aware_exact, aware_f1 = 0.0, f1 if same else aware.best_f1(words, targets.aware)
        best = best_gold(words, targets.aware)
        held, width = contains(words, best), len(best)
        overran = held and length > width
    return ItemScore(
        exact, f1, mlqa_exact, mlqa_f1, aware_exact, aware_f1, held, overran, length, width, length + beyond
    )
