"""The rules that name the cause of a change, as the protocol fixed them on bases with planted faults."""

from __future__ import annotations

from kit.claims.model import Cause, Rules
from kit.claims.verdict import Evidence


def named(evidence: Evidence, rules: Rules) -> tuple[Cause, ...]:
    """The causes of a change; none where its parts mean nothing, or where no part is large enough.

    Over-generation and lead-in: where their part of the change is above `rules.share` of it. Knowledge: where the rest
    is above that share, and the share of answers that the model ranks first moves the same way, its interval without 0
    and by more than `rules.knowledge`.
    """
    change = evidence.change.value
    if evidence.void or not change:
        return ()
    causes: list[Cause] = []
    if evidence.over.value / change > rules.share:
        causes.append("over-generation")
    if evidence.lead.value / change > rules.share:
        causes.append("lead-in")
    if evidence.rest.value / change > rules.share and _knowledge_moved(evidence, change, rules):
        causes.append("knowledge")
    return tuple(causes)


def _knowledge_moved(evidence: Evidence, change: float, rules: Rules) -> bool:
    known = evidence.known
    if known is None or not known.excludes(0.0):
        return False
    return known.value * change > 0 and abs(known.value) > 100 * rules.knowledge
