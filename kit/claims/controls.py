"""What controls of a training set do where the set itself has its effect (S2): the same or not, by language or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kit.claims.causes import named
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
    made = []
    for control in controls:
        found = explain(control)
        if own is None or found is None:
            continue
        gate = rules.gate if claim.gate is None else claim.gate
        made.append(
            ControlVerdict(
                control.subject.name,
                found.change,
                found.language,
                _kept(found.change, own.change, gate, rules),
                "language" in named(found, rules),
            )
        )
    return tuple(made)


def _kept(change: Estimate, own: Estimate, gate: float, rules: Rules) -> bool:
    same_way = change.value * own.value > 0 and change.excludes(0.0)
    return same_way and abs(change.value) >= max(gate, rules.kept * abs(own.value))


def weighed(verdict: Verdict, claim: Claim) -> Verdict:
    """A verdict on `language` in the light of the controls.

    One that does the same without language as a cause, in more than half of the pairs that hold, explains the effect
    otherwise; one that does it with that cause says that it is no matter of this training set. Where a control that the
    claim names is nowhere finished, the cause is not settled.
    """
    held = [pair for pair in verdict.pairs if pair.standing is Standing.HOLDS]
    if not held or "language" not in verdict.causes:
        return verdict
    said, otherwise, lacking = [], False, []
    for kind in claim.controls:
        own = [(pair, one) for pair in held for one in pair.controls if _kind(one) == kind]
        if not own:
            lacking.append(kind)
            continue
        form = sum(one.kept and not one.language for _, one in own)
        any_tuning = sum(one.kept and one.language for _, one in own)
        said.append(f"{kind} does the same in {form + any_tuning} of {len(own)}, {any_tuning} by language")
        otherwise = otherwise or 2 * form > len(own)
        if 2 * any_tuning > len(own):
            said.append(
                f"so it is no matter of what the training set says: {kind} takes other scripts away as well"
            )
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
