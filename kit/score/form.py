"""What the form of an answer costs it: F1 split into what its best span earns and what words around it lose.

The decisive experiment O3. Oracles cut an answer with the gold at hand: to its best prefix (what follows was too
much), its best suffix (what came before was), its best span (both). With F the plain F1 and F_prefix … under them,

    lost_over = ½ [(F_prefix − F) + (F_span − F_suffix)]
    lost_lead = ½ [(F_suffix − F) + (F_span − F_prefix)]

so that F = F_span − lost_over − lost_lead, item by item and in every mean. The halves are those of Shapley: a loss is
credited by what mending it brings, before and after the other is mended.

The metric is SQuAD's F1 on SQuAD's tokens. A foil is the gold of another question on the same context: an answer that
parrots its context holds both, and then the best span says nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from kit.score import squad
from kit.score.answer import parted
from kit.score.overlap import token_f1

Tokens = Sequence[str]


class Form(NamedTuple):
    """Of one output, each 0 to 1: F1 of its best span, F1 lost by running on and by leading in, and the F1 of the span
    that fits a foil best (None where the context has no other question).
    """

    span: float
    lost_over: float
    lost_lead: float
    foil: float | None


class Oracles(NamedTuple):
    """F1 of an answer as it is, of its best prefix, best suffix and best span."""

    whole: float
    prefix: float
    suffix: float
    span: float


def oracles(answer: Tokens, golds: Sequence[Tokens]) -> Oracles:
    """F1 against the best gold for each, the empty prefix, suffix and span among those tried.

    A best span begins and ends with words of the gold, if it is not empty: any other word at an end only lengthens it.
    """
    each = [_against(answer, gold) for gold in golds]
    return Oracles(*(max(values) for values in zip(*each, strict=True)))


def forms(raws: Sequence[str], golds: Sequence[Sequence[str]], foils: Sequence[Sequence[str]]) -> list[Form]:
    """The form of raw outputs (uncut), one gold or more each; foils that normalise as a gold does are none."""
    answers = squad.tokens_of_lines([parted(raw)[0] for raw in raws])
    return [
        _form(answer, squad.gold_tokens(tuple(gold)), squad.gold_tokens(tuple(foil)) if foil else [])
        for answer, gold, foil in zip(answers, golds, foils, strict=True)
    ]


def _form(answer: Tokens, golds: Sequence[Tokens], foils: Sequence[Tokens]) -> Form:
    whole, prefix, suffix, span = oracles(answer, golds)
    other = [foil for foil in foils if foil and foil not in golds]
    return Form(
        span=span,
        lost_over=((prefix - whole) + (span - suffix)) / 2,
        lost_lead=((suffix - whole) + (span - prefix)) / 2,
        foil=oracles(answer, other).span if other else None,
    )


def _against(answer: Tokens, gold: Tokens) -> Oracles:
    if not gold:  # the empty answer is right, and every answer begins and ends with it
        return Oracles(float(not answer), 1.0, 1.0, 1.0)
    wanted = set(gold)
    places = [at for at, token in enumerate(answer) if token in wanted]
    if not places:
        return Oracles(0.0, 0.0, 0.0, 0.0)
    ends = [(0, place + 1) for place in places]
    starts = [(place, len(answer)) for place in places]
    within = [(first, last + 1) for at, first in enumerate(places) for last in places[at:]]
    whole = token_f1(answer, gold)
    prefix, suffix, span = (
        max(token_f1(answer[start:stop], gold) for start, stop in tried) for tried in (ends, starts, within)
    )
    return Oracles(whole, prefix, suffix, max(span, prefix, suffix))
