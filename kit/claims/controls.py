"""What controls of a training set do where the set itself has its effect (S2): the same or not, by language or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kit.claims.model import Claim, Rules
from kit.claims.pairs import Pair
from kit.claims.verdict import ControlVerdict, Evidence, Outcome, Standing, Verdict
from kit.stats import Estimate

Explained = Callable[[Pair], Evidence | None]


def controls_beside(
    claim: Claim, pair: Pair, controls: Sequence[Pair], explain: Explained, rules: Rules
) -> tuple[ControlVerdict, ...]:
    """What each control does in a pair's place; those that are not finished are left out."""
    own = explain(pair)
    gate = rules.gate if claim.gate is None else claim.gate
    made = []
    for control in controls:
        found = explain(control)
        if own is None or found is None:
            continue
        part = found.language
        language = part is not None and own.language is not None and _as_much(part, own.language, rules)
        made.append(
            ControlVerdict(
                control.subject.name,
                found.change,
                part,
                _as_much(found.change, own.change, rules) and abs(found.change.value) >= gate,
                language and abs(part.value if part else 0.0) >= rules.language,
            )
        )
    return tuple(made)


def _as_much(change: Estimate, own: Estimate, rules: Rules) -> bool:
    same_way = change.value * own.value > 0 and change.excludes(0.0)
    return same_way and abs(change.value) >= rules.kept * abs(own.value)


def weighed(verdict: Verdict, claim: Claim) -> Verdict:
    """A verdict on `language` in the light of the controls, which are judged by their parts: one may lose as a whole
    what it gains by language.

    One that has the change without the part that is language, in more than half of the pairs that hold, explains the
    effect otherwise; one that has that part says that it is no matter of what the training set teaches. Where a control
    that the claim names is nowhere finished, the cause is not settled.
    """
    held = [pair for pair in verdict.pairs if pair.standing is Standing.HOLDS]
    if not held or "language" not in verdict.causes:
        return verdict
    said, otherwise, lacking = [], False, []
    for kind in claim.controls:
        own = [one for pair in held for one in pair.controls if _kind(one) == kind]
        if not own:
            lacking.append(kind)
            continue
        change, language = sum(one.kept for one in own), sum(one.language for one in own)
        said.append(f"{kind} has the change in {change} of {len(own)}, its part by language in {language}")
        otherwise = otherwise or 2 * sum(one.kept and not one.language for one in own) > len(own)
        if 2 * language > len(own):
            said.append(f"so {kind} takes other scripts away as well, whatever else it teaches")
    if lacking:
        said.append(f"not there: {', '.join(lacking)}")
    why = (*verdict.why, f"controls: {'; '.join(said)}")
    if otherwise:
        return replace(verdict, outcome=Outcome.EXPLAINED_OTHERWISE, why=why, causes=())
    if lacking and verdict.outcome is Outcome.REPRODUCED:
        return replace(verdict, outcome=Outcome.INCONCLUSIVE, why=why)
    return replace(verdict, why=why)


def _kind(control: ControlVerdict) -> str:
    return control.name.partition("~")[2].partition("/")[0]
