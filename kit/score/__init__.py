"""Reads: one raw model output, its gold answers, a language code (all text).
Writes: numbers from 0 to 1 (three named metrics) and the over-generation of that output.

`squad` is SQuAD v2's official metric, `mlqa` MLQA's (seven languages), `aware` the kit's own for every
language. `METRICS_VERSION` rises whenever any number of `score_item` can change for the same input.
"""

from kit.score.answer import cut
from kit.score.aware import aware_exact_match, aware_f1
from kit.score.differences import DIFFERENCES, Difference
from kit.score.form import Form, Targets, forms, forms_against, length_f1s, targets_of
from kit.score.item import METRICS_VERSION, ItemScore, score_item, score_items
from kit.score.languages import code
from kit.score.mlqa import MLQA_LANGUAGES, mlqa_exact_match, mlqa_f1
from kit.score.overrun import Overrun, overrun
from kit.score.squad import exact_match, f1

__all__ = [
    "DIFFERENCES",
    "METRICS_VERSION",
    "MLQA_LANGUAGES",
    "Difference",
    "Form",
    "ItemScore",
    "Overrun",
    "Targets",
    "aware_exact_match",
    "aware_f1",
    "code",
    "cut",
    "exact_match",
    "f1",
    "forms",
    "forms_against",
    "length_f1s",
    "mlqa_exact_match",
    "mlqa_f1",
    "overrun",
    "score_item",
    "score_items",
    "targets_of",
]
