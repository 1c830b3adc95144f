"""The rules that name the cause of a change, as the protocol fixed them on bases with planted faults."""

from __future__ import annotations

from collections.abc import Iterable

from kit.claims.model import Cause, Rules
from kit.claims.verdict import Evidence
from kit.results.interchange import BOTH_WAYS, UNDECIDED


def named(evidence: Evidence, rules: Rules) -> tuple[Cause, ...]:
    """The causes of a change; none where its parts mean nothing, or where no part is large enough.

    Over-generation and lead-in: where their part of the change is above `rules.share` of it. Knowledge: where the rest
    is above that share, and the share of answers that the model ranks first moves the same way, its interval without 0
    and by more than `rules.knowledge`. Language, where answers were made under a mask of scripts: where its part is
    `rules.language` points at least, by its interval, and `rules.language_share` of all parts that point the same way.
    Suppression: where language is, and an interchange with an interfering script works both ways (S5).
    """
    change = evidence.change.value
    if not change:
        return ()
    language: tuple[Cause, ...] = ("language",) if _language_moved(evidence, change, rules) else ()
    if language and any(one.stands == BOTH_WAYS for one in evidence.interchanges):
        language = ("language", "suppression")
    if evidence.void:
        return language
    causes: list[Cause] = []
    if evidence.over.value / change > rules.share:
        causes.append("over-generation")
    if evidence.lead.value / change > rules.share:
        causes.append("lead-in")
    if evidence.rest.value / change > rules.share and _knowledge_moved(evidence, change, rules):
        causes.append("knowledge")
    return (*causes, *language)


def decides(evidence: Evidence, expected: Iterable[Cause], rules: Rules) -> bool:
    """Whether the evidence can tell if one of the expected causes is there: all but suppression need what is there
    anyway. Suppression needs an interchange that says something; or a part by language that is below `rules.language`
    points by its interval, for without that there is none, whatever an interchange says.
    """
    if set(expected) != {"suppression"} or any(one.stands != UNDECIDED for one in evidence.interchanges):
        return True
    language = evidence.language
    if language is None or not language.defined:
        return False
    return (language.high if evidence.change.value > 0 else -language.low) < rules.language


def _language_moved(evidence: Evidence, change: float, rules: Rules) -> bool:
    parts = (evidence.stop, evidence.language, evidence.free)
    if evidence.language is None or not evidence.language.defined:
        return False
    same = sum(abs(part.value) for part in parts if part is not None and part.value * change > 0)
    nearer = evidence.language.low if change > 0 else -evidence.language.high
    return nearer > rules.language and abs(evidence.language.value) >= rules.language_share * same


def _knowledge_moved(evidence: Evidence, change: float, rules: Rules) -> bool:
    known = evidence.known
    if known is None or not known.excludes(0.0):
        return False
    return known.value * change > 0 and abs(known.value) > 100 * rules.knowledge
