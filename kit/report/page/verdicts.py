"""Verdicts of a page: what stands in a line, what below it, and whether it is evidence of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kit.claims import Outcome, Verdict
from kit.claims.model import Bounded
from kit.report.claims import SIGNS, details, effect_words, n_words, outcome_words, summary
from kit.report.page.curves import Interval, intervals
from kit.report.page.facts import Facts, Judged
from kit.report.page.origin import Origins
from kit.report.text import number, signed
from kit.results import METRICS

_CLASSES = {
    Outcome.REPRODUCED: "good",
    Outcome.CONTRADICTED: "bad",
    Outcome.EXPLAINED_OTHERWISE: "other",
    Outcome.INCONCLUSIVE: "open",
    Outcome.WITHIN_NOISE: "open",
    Outcome.NOT_RUN: "none",
    Outcome.WAIVED: "none",
}
_DRAWN = 40
"""Pairs that a drawing of intervals shows; the lines below it name all."""


@dataclass(frozen=True)
class Told:
    """One verdict as a page shows it. `counts`: its evidence is all of this machine; `lines` have their depth."""

    sign: str
    look: str
    id: str
    title: str
    model: str
    outcome: str
    effect: str
    n: str
    counts: bool
    evidence: str
    lines: tuple[tuple[int, str], ...]
    picture: str
    command: str


@dataclass(frozen=True)
class Verdicts:
    """All verdicts of a page; `summary` counts them, `ours` those that stand on cells of this machine alone."""

    file: str
    title: str
    told: tuple[Told, ...]
    summary: str
    ours: str
    notes: tuple[str, ...]
    commands: tuple[str, ...]


def verdicts_of(facts: Facts, origins: Origins) -> Verdicts | None:
    """The verdicts of the facts; None where there are none."""
    judged = facts.judged
    if judged is None:
        return None
    names = " ".join(run.name for run in facts.runs)
    told = tuple(_told(verdict, facts, origins, names) for verdict in judged.verdicts)
    return Verdicts(
        judged.file,
        judged.title,
        told,
        summary(judged.verdicts),
        _ours(judged, told),
        judged.notes,
        (f"xlt-kit claims {names} --details",),
    )


def _ours(judged: Judged, told: tuple[Told, ...]) -> str:
    """Empty where every verdict stands on evidence of this machine."""
    counted = [verdict for verdict, one in zip(judged.verdicts, told, strict=True) if one.counts]
    if len(counted) == len(told):
        return ""
    return summary(counted) or "none"


def _told(verdict: Verdict, facts: Facts, origins: Origins, names: str) -> Told:
    evidence = _evidence(verdict, facts, origins)
    return Told(
        SIGNS[verdict.outcome],
        _CLASSES[verdict.outcome],
        verdict.id,
        verdict.claim.title,
        verdict.model,
        outcome_words(verdict),
        effect_words(verdict),
        n_words(verdict.setting),
        not evidence,
        evidence,
        tuple((_depth(line), line.strip()) for line in details(verdict)),
        _picture(verdict),
        f"xlt-kit claims {names} --only {verdict.id} --details",
    )


def _depth(line: str) -> int:
    return (len(line) - len(line.lstrip())) // 2


def _evidence(verdict: Verdict, facts: Facts, origins: Origins) -> str:
    """Why its evidence is not this machine's; empty where it is, or where there is none."""
    others = origins.others(verdict.setting.environments)
    if not others or verdict.outcome is Outcome.WAIVED:
        return ""
    named = "; ".join(f"{one.code}: {one.words}" for one in others)
    told = "evidence shipped by someone else" if facts.shipped else "evidence from another environment"
    return f"{told} ({named}); not counted as this machine's"


def _picture(verdict: Verdict) -> str:
    """The intervals of its pairs, and that of the whole, against the claim's threshold."""
    rows = list(_rows(verdict))
    if len(rows) < 2:
        return ""
    bounded = verdict.claim.effect
    threshold = bounded.threshold if isinstance(bounded, Bounded) else 0.0
    if bounded.kind in ("difference", "suppression"):
        label = f"Δ {METRICS[verdict.claim.metric].title}"
        return intervals(rows, threshold, label, lambda value: signed(value, 1))
    ratio = bounded.kind == "ratio"
    label, sign = ("tuned / base", "×") if ratio else (bounded.kind, "ρ ")
    return intervals(rows, threshold, label, lambda value: number(value, 2), sign)


def _rows(verdict: Verdict) -> Iterator[Interval]:
    if verdict.effect is not None:
        yield Interval(f"{verdict.id}: {verdict.claim.needed}", verdict.effect, head=True)
    if verdict.claim.effect.kind != "rank-correlation":
        pairs = [pair for pair in verdict.pairs if pair.effect is not None]
        yield from (Interval(pair.name, pair.effect) for pair in pairs[:_DRAWN] if pair.effect)
