"""How pairs stand to a predicate, and what they come to together. Rules and order of precedence: `docs/claims.md`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kit.claims.measure import Measured
from kit.claims.model import Bounded, Claim, RankCorrelation, Rules
from kit.claims.verdict import Outcome, Standing
from kit.stats import Estimate


def standing_of(measured: Measured | None, claim: Claim, rules: Rules, p_holm: float | None) -> Standing:
    """How one pair, or the mean, stands to the predicate. Without a corrected p the interval alone decides."""
    if measured is None:
        return Standing.MISSING
    if measured.compared.base.value == measured.compared.tuned.value == 0:
        return Standing.OPEN  # neither side can do the task at all: that shows nothing
    bounded = claim.effect
    assert isinstance(bounded, Bounded)
    effect, difference = measured.effect(bounded), measured.compared.difference
    gate = rules.gate if claim.gate is None else claim.gate
    low, high = (effect.low, effect.high) if bounded.sign > 0 else (-effect.high, -effect.low)
    threshold = bounded.sign * bounded.threshold
    tested = p_holm is None or p_holm < 1 - rules.level
    passes = abs(difference.value) >= gate and (not gate or difference.excludes(0.0))
    if effect.defined and low > threshold and passes and tested:
        return Standing.HOLDS
    within = difference.defined and -gate < difference.low and difference.high < gate
    # A difference that does not pass the gate counts neither way; a ratio is contradicted by its own interval.
    counts = bounded.kind == "ratio" or passes
    if effect.defined and high < threshold and counts:
        return Standing.FAILS
    return Standing.NOISE if within else Standing.OPEN


def combined(standings: Sequence[Standing], claim: Claim) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome over all pairs, and the sentence that says why. Missing pairs count as open."""
    count = Counter(standings)
    total, holds, fails, noise = (
        len(standings),
        count[Standing.HOLDS],
        count[Standing.FAILS],
        count[Standing.NOISE],
    )
    unsettled = total - holds - fails - noise
    needed = {"any": 1, "most": total // 2 + 1}.get(claim.needed, total)
    why = _tally(count, claim)
    if holds >= needed:
        return Outcome.REPRODUCED, why
    if unsettled == total == count[Standing.MISSING]:
        return Outcome.NOT_RUN, why
    if holds + unsettled + noise < needed or (holds + unsettled < needed and fails and claim.needed == "any"):
        return Outcome.CONTRADICTED, why
    if holds + unsettled < needed:
        return Outcome.WITHIN_NOISE, why
    return Outcome.INCONCLUSIVE, why


def on_correlation(rho: Estimate, effect: RankCorrelation, p_holm: float | None, rules: Rules) -> Outcome:
    """The outcome of a claim on a rank correlation."""
    if beyond(rho, effect) and p_holm is not None and p_holm < 1 - rules.level:
        return Outcome.REPRODUCED
    high = rho.high if effect.sign > 0 else -rho.low
    return Outcome.CONTRADICTED if high < effect.sign * effect.threshold else Outcome.INCONCLUSIVE


def beyond(estimate: Estimate, effect: Bounded) -> bool:
    """Whether an interval lies beyond the threshold on the claimed side; not where it is undefined."""
    low = estimate.low if effect.sign > 0 else -estimate.high
    return low > effect.sign * effect.threshold


def _tally(count: Counter[Standing], claim: Claim) -> tuple[str, ...]:
    if claim.needed == "mean":
        return (f"the mean over the pairs: {next(iter(count)).value}",)
    words = ", ".join(f"{count[standing]} {standing.value}" for standing in Standing if count[standing])
    return (f"of {count.total()} pairs {words}; needed: {claim.needed}",)
