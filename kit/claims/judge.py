"""From pairs to verdicts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kit.claims.causes import decides, named
from kit.claims.controls import controls_beside, weighed
from kit.claims.correlate import correlation
from kit.claims.covariates import adjusted
from kit.claims.describe import flags, sets_that_decide, setting, what_would_decide
from kit.claims.evidence import evidence
from kit.claims.measure import Measured, measure, permutations
from kit.claims.model import Bounded, Cause, Claim, ClaimsFile, RankCorrelation, Rules, Sets, Suppression
from kit.claims.pairs import Groups, Pair, models_in, pairs
from kit.claims.references import Reference, beside
from kit.claims.standing import beyond, combined, on_correlation, standing_of
from kit.claims.suppression import Trio, standing, trios
from kit.claims.verdict import Evidence, Outcome, PairVerdict, Standing, Verdict
from kit.recipe.sources import label_of
from kit.results import Results
from kit.stats import Estimate, holm, pairs_needed

Explain = Callable[[Claim, Pair, Rules], Evidence | None]
"""Finds what speaks for the cause of a pair's change; None where that was not measured."""


@dataclass(frozen=True)
class Case:
    """What claims are judged on.

    `runs`: results by the name of their recipe. `groups`: languages by group. `toys`: models that show the mechanics
    alone. `waived`: reasons by id, beside those of the file. `quality`: of training sets, by measure, then by
    `dataset/language`. `references`: published figures.
    """

    runs: Mapping[str, Results]
    groups: Groups = field(default_factory=dict)
    toys: frozenset[str] = frozenset()
    waived: Mapping[str, str] = field(default_factory=dict)
    quality: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()


@dataclass
class _Judged:
    """A claim on its way to a verdict. `permuted`: the permutation test of each of its tests."""

    id: str
    claim: Claim
    model: str
    found: list[Pair]
    measured: list[Measured | None]
    permuted: list[float | None] = field(default_factory=list)
    pooled: Measured | None = None
    correlated: tuple[Estimate, float] | None = None
    trios: list[Trio] = field(default_factory=list)
    named: tuple[str, ...] = ()
    p_holm: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class _Court:
    """What the pairs of one claim are judged by."""

    claim: Claim
    explain: Explain
    rules: Rules
    references: tuple[Reference, ...]


def judge(file: ClaimsFile, case: Case, explain: Explain = evidence) -> list[Verdict]:
    """A verdict on every claim in each of its models that was run, or in the first where none was.

    Tests of one family in one model are corrected together (Holm). A claim on a mean or a correlation is one test; any
    other has one for each pair.
    """
    judged = [one for id_, claim in file.claims.items() for one in _measured(id_, claim, case, file.rules)]
    families: dict[tuple[str, str], list[_Judged]] = defaultdict(list)
    for one in judged:
        families[one.claim.family, one.model].append(one)
    for members in families.values():
        _correct(members)
    return [_verdict(one, case, explain, file.rules) for one in judged]


def _measured(id_: str, claim: Claim, case: Case, rules: Rules) -> list[_Judged]:
    run = models_in([case.runs[recipe] for recipe in claim.recipes if recipe in case.runs])
    made = []
    for model in run or claim.models[:1]:
        found = pairs(claim, model, case.runs, case.groups)
        effect = claim.effect
        if isinstance(effect, RankCorrelation):
            one = _Judged(id_, claim, model, found, [None] * len(found))
            one.correlated = correlation(found, case.quality.get(effect.quality, {}), rules)
        elif isinstance(effect, Suppression):
            one = _Judged(id_, claim, model, found, [None] * len(found))
            run_of = next((case.runs[recipe] for recipe in claim.recipes if recipe in case.runs), None)
            one.trios, one.named = trios(claim, effect, model, found, run_of, rules)
        else:
            one = _Judged(id_, claim, model, found, [measure(claim, [pair], effect, rules) for pair in found])
            # Of unfinished pairs some seeds may be there and others not: a mean over them would weigh seeds unevenly.
            finished = [pair for pair in found if not pair.missing]
            one.pooled = measure(claim, finished, effect, rules)
            tests = [finished] if claim.needed == "mean" else [[pair] for pair in found]
            one.permuted = permutations(tests, effect)
        made.append(one)
    return made


def _correct(members: Sequence[_Judged]) -> None:
    """Holm's correction over all tests of a family."""
    tests = [(one, at, p) for one in members for at, p in enumerate(_tests(one))]
    adjusted = iter(holm([p for _, _, p in tests if p is not None]))
    for one, _, p in tests:
        one.p_holm.append(None if p is None else float(next(adjusted)))


def _tests(one: _Judged) -> list[float | None]:
    if isinstance(one.claim.effect, RankCorrelation):
        return [one.correlated[1] if one.correlated else None]
    if isinstance(one.claim.effect, Suppression):
        return [trio.p for trio in one.trios]
    if one.claim.needed == "mean":
        return [one.pooled.p if one.pooled else None]
    return [measured.p if measured else None for measured in one.measured]


def _verdict(one: _Judged, case: Case, explain: Explain, rules: Rules) -> Verdict:
    claim = one.claim
    specs = {cell.key: cell.spec for results in case.runs.values() for cell in results.wanted.cells}
    bare = Verdict(
        one.id,
        claim,
        one.model,
        Outcome.NOT_RUN,
        flags=flags(claim, one.model, one.found, case.toys),
        setting=setting(one.found, specs),
    )
    if reason := claim.waived or case.waived.get(one.id, ""):
        return replace(bare, outcome=Outcome.WAIVED, why=(reason,))
    missing = sum(pair.scores is None for pair in one.found)
    if missing == len(one.found):
        absent = (
            f"none of its {missing} pairs has both sides finished" if missing else "no run asks for its cells"
        )
        return replace(bare, why=(absent,))
    bare = replace(bare, adjusted=adjusted(claim, one.found, case.quality, rules))
    if isinstance(claim.effect, RankCorrelation):
        return _with_covariates(_on_correlation(one, claim.effect, bare, rules), claim, rules)
    if isinstance(claim.effect, Suppression):
        return _on_suppression(one, bare, rules)
    mean = claim.needed == "mean"
    untested: list[tuple[float | None, float | None]] = [(None, None)] * len(one.found)
    tests = (
        untested if mean else list(zip(one.p_holm, one.permuted, strict=True))
    )  # of a mean's pairs none is tested
    told = tuple(
        _told(pair, measured, test, _Court(claim, explain, rules, case.references))
        for pair, measured, test in zip(one.found, one.measured, tests, strict=True)
    )
    standings = [pair.standing for pair in told]
    if mean:
        standings = [standing_of(one.pooled, claim, rules, one.p_holm[0])]
    outcome, why = combined(standings, claim)
    unfinished = sum(bool(pair.missing) or pair.scores is None for pair in one.found)
    if mean and unfinished:
        why = (
            *why,
            f"{unfinished} of {len(told)} pairs are not finished, so a mean over the others decides nothing",
        )
        outcome = Outcome.INCONCLUSIVE
    verdict = replace(bare, outcome=outcome, pairs=told, effect=_headline(one, told), why=why)
    if mean and one.pooled:
        p = one.pooled.p
        verdict = replace(verdict, p=p, p_holm=one.p_holm[0], p_permutation=one.permuted[0])
    if outcome is Outcome.INCONCLUSIVE:
        decide = () if mean and unfinished else what_would_decide(claim, one.pooled, told)
        return replace(verdict, why=(*why, *decide))
    if outcome is Outcome.REPRODUCED and claim.expects:
        court = _Court(claim, explain, rules, case.references)
        verdict = weighed(_with_cause(_with_controls(verdict, one, case, court), claim, rules), claim)
    return _with_covariates(verdict, claim, rules)


def _with_controls(verdict: Verdict, one: _Judged, case: Case, court: _Court) -> Verdict:
    """The verdict with what the claim's controls do beside each pair that holds."""
    claim = court.claim
    if not claim.controls:
        return verdict

    def explained(pair: Pair) -> Evidence | None:
        return court.explain(claim, pair, court.rules)

    told = []
    for pair, verdict_of in zip(one.found, verdict.pairs, strict=True):
        found: list[Pair] = []
        if verdict_of.standing is Standing.HOLDS:
            dataset, _, language = pair.subject.trained_on.rpartition("/")
            names = tuple(label_of(dataset, control) for control in claim.controls)
            same = claim.model_copy(update={"trained_on": Sets(datasets=names, languages=(language,))})
            found = [p for p in pairs(same, one.model, case.runs, case.groups) if p.column == pair.column]
        beside = controls_beside(claim, pair, found, explained, court.rules)
        told.append(replace(verdict_of, controls=beside))
    return replace(verdict, pairs=tuple(told))


def _told(
    pair: Pair, measured: Measured | None, test: tuple[float | None, float | None], court: _Court
) -> PairVerdict:
    """`test`: p after correction, and by permutation."""
    claim, rules = court.claim, court.rules
    p_holm, p_permutation = test
    standing = standing_of(measured, claim, rules, p_holm)
    sides = (pair.reference, pair.subject)
    printed = tuple(
        one for side in sides for one in beside(court.references, side, pair.column, claim.metric)
    )
    if measured is None:
        return PairVerdict(pair.name, standing, missing=pair.missing, published=printed)
    evidence, bounded = court.explain(claim, pair, rules), claim.effect
    assert isinstance(bounded, Bounded)
    compared = measured.compared
    return PairVerdict(
        name=pair.name,
        standing=standing,
        effect=measured.effect(bounded),
        base=compared.base,
        tuned=compared.tuned,
        difference=compared.difference,
        p=measured.p,
        p_holm=p_holm,
        p_permutation=p_permutation,
        floor=pair.floor,
        sees=measured.sees,
        contexts_needed=measured.contexts_needed if standing is Standing.OPEN else None,
        seeds_needed=measured.seeds_needed if standing is Standing.OPEN else None,
        evidence=evidence,
        causes=named(evidence, rules) if evidence else (),
        missing=pair.missing,
        published=printed,
    )


def _with_cause(verdict: Verdict, claim: Claim, rules: Rules) -> Verdict:
    """Where the effect is there: whether its cause is the one that the claim speaks of."""
    held = [pair for pair in verdict.pairs if pair.standing is Standing.HOLDS]
    held = held or list(verdict.pairs)  # a mean: its pairs need not hold one by one
    seen = [
        pair
        for pair in held
        if pair.evidence
        and (pair.causes or not pair.evidence.void)
        and decides(pair.evidence, claim.expects, rules)
    ]
    expected = " or ".join(claim.expects)
    if not seen:
        why = f"the effect is there; whether its cause is {expected} was not measured"
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, why=(*verdict.why, why))
    counts: Counter[Cause] = Counter(cause for pair in seen for cause in pair.causes)
    causes = tuple(cause for cause, n in counts.most_common() if 2 * n > len(seen))
    told = ", ".join(f"{cause} in {n}" for cause, n in counts.most_common()) or "none"
    why = f"causes named, of {len(seen)} pairs: {told}; the claim speaks of {expected}"
    outcome = Outcome.INCONCLUSIVE
    if set(causes) & set(claim.expects):
        outcome = Outcome.REPRODUCED
    elif causes:
        outcome = Outcome.EXPLAINED_OTHERWISE
    return replace(verdict, outcome=outcome, why=(*verdict.why, why), causes=causes)


def _with_covariates(verdict: Verdict, claim: Claim, rules: Rules) -> Verdict:
    """Where the effect is there: whether it still is at equal covariates."""
    found = verdict.adjusted
    if verdict.outcome is not Outcome.REPRODUCED or found is None:
        return verdict
    names = " and ".join(claim.covariates)
    if found.effect is None or not found.effect.defined:
        why = f"the effect is there; whether it is at equal {names} cannot be told from {found.sets} training sets"
    elif not isinstance(claim.effect, Bounded) or beyond(found.effect, claim.effect):
        return verdict
    else:
        why = f"the effect is there, but at equal {names} its interval does not lie beyond the threshold"
        why += sets_that_decide(found, claim, rules)
    return replace(verdict, outcome=Outcome.INCONCLUSIVE, why=(*verdict.why, why))


def _on_correlation(one: _Judged, effect: RankCorrelation, bare: Verdict, rules: Rules) -> Verdict:
    if one.correlated is None:
        why = "fewer than three training sets have both a change and a known translation quality"
        return replace(bare, outcome=Outcome.NOT_RUN, why=(why,))
    rho, p = one.correlated
    outcome = on_correlation(rho, effect, one.p_holm[0], rules)
    said = [f"Spearman's rank correlation over {rho.n_items} training sets: {rho.value:.2f}"]
    if outcome is Outcome.INCONCLUSIVE and (needed := pairs_needed(rho.value, rules.level)):
        said.append(f"about {needed:,} training sets would decide, if the correlation is as it looks")
    return replace(bare, outcome=outcome, effect=rho, why=tuple(said), p=p, p_holm=one.p_holm[0])


def _on_suppression(one: _Judged, bare: Verdict, rules: Rules) -> Verdict:
    """Each case is a trio; where the base's answers name no interferer there is none, and nothing to suppress."""
    if not one.trios:
        nobody = "by script no language interferes with another in the base's answers: there is nothing to suppress"
        return replace(bare, outcome=Outcome.INCONCLUSIVE, why=(*one.named, nobody))
    gate = rules.gate if one.claim.gate is None else one.claim.gate
    told = tuple(
        PairVerdict(
            trio.name,
            standing(trio, p, gate, rules.level),
            effect=trio.changes[-1] if trio.changes else None,
            p=trio.p,
            p_holm=p,
            missing=trio.missing,
            parts=trio.parts,
        )
        for trio, p in zip(one.trios, one.p_holm, strict=True)
    )
    outcome, why = combined([pair.standing for pair in told], one.claim)
    alone = sum(not trio.others for trio in one.trios)
    if alone:
        why = (*why, f"{alone} have no language of like base score beside them, and stay open")
    held = [pair.effect for pair in told if pair.standing is Standing.HOLDS and pair.effect]
    effects = held or [pair.effect for pair in told if pair.effect]
    strongest = min(effects, key=lambda effect: effect.value, default=None)
    return replace(bare, outcome=outcome, pairs=told, effect=strongest, why=(*why, *one.named))


def _headline(one: _Judged, told: Sequence[PairVerdict]) -> Estimate | None:
    bounded = one.claim.effect
    assert isinstance(bounded, Bounded)
    if one.claim.needed != "any":
        return one.pooled.effect(bounded) if one.pooled else None
    effects = [pair.effect for pair in told if pair.effect and math.isfinite(pair.effect.value)]
    return max(effects, key=lambda effect: bounded.sign * effect.value, default=None)
