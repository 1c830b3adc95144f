"""All that is scored about one output, in one pass."""

from collections.abc import Sequence
from typing import NamedTuple

from kit.score import aware, mlqa, squad
from kit.score.answer import parted
from kit.score.overlap import as_golds
from kit.score.overrun import best_gold, measure

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
    golds = as_golds(gold)
    answer, beyond = parted(raw)
    exact, f1 = squad.score(answer, golds)
    mlqa_exact, mlqa_f1 = mlqa.score(answer, golds, language) if mlqa.covers(language) else (None, None)
    words, targets = aware.tokens(answer, language), aware.gold_tokens(golds, language)
    aware_exact = float(words in targets)
    aware_f1 = max([aware.pair_f1(words, target) for target in targets])
    length = measure(words, beyond, best_gold(words, targets), language)
    return ItemScore(exact, f1, mlqa_exact, mlqa_f1, aware_exact, aware_f1, *length)
