"""All that is scored about one output, in one pass."""

from collections.abc import Sequence
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


def score_items(raws: Sequence[str], golds: Sequence[str | Sequence[str]], language: str) -> list[ItemScore]:
    """`score_item` of many outputs in one language: their texts go through each rule together."""
    if not raws:
        return []
    parts = [parted(raw) for raw in raws]
    answers = [answer for answer, _ in parts]
    # Only the number of these words counts, and a newline divides words as a space does.
    rests = aware.tokens_of_lines([beyond.replace("\n", " ") for _, beyond in parts], language)
    in_mlqa = mlqa.covers(language)
    forms = zip(
        squad.tokens_of_lines(answers),
        mlqa.tokens_of_lines(answers, language) if in_mlqa else repeat([]),
        aware.tokens_of_lines(answers, language),
        strict=False,
    )
    scores = []
    for (by_squad, by_mlqa, words), rest, gold in zip(forms, rests, map(as_golds, golds), strict=True):
        exact, f1 = squad.score(by_squad, gold)
        mlqa_exact, mlqa_f1 = mlqa.score(by_mlqa, gold, language) if in_mlqa else (None, None)
        targets = aware.gold_tokens(gold, language)
        aware_exact, aware_f1 = float(words in targets), aware.best_f1(words, targets)
        best, length = best_gold(words, targets), len(words)
        held = contains(words, best)
        lengths = (held and length > len(best), length, len(best), length + len(rest))
        scores.append(ItemScore(exact, f1, mlqa_exact, mlqa_f1, aware_exact, aware_f1, held, *lengths))
    return scores
