"""The effect of a claim at equal covariates of the training sets: does what goes along with it explain it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kit.claims.correlate import changes
from kit.claims.model import Claim, RankCorrelation, Rules
from kit.claims.pairs import Pair
from kit.claims.verdict import Adjusted
from kit.stats import Bootstrap, adjusted_mean, partial_spearman, partial_spearman_p

Measured = Mapping[str, Mapping[str, float]]
"""What is known of training sets: by measure, then by `dataset/language`."""
_SAME = 1e-9
_SPARE = 3
"""Training sets that are needed beside one for each covariate."""


def adjusted(claim: Claim, found: Sequence[Pair], measured: Measured, rules: Rules) -> Adjusted | None:
    """The claim's effect at equal covariates; None where it names none.

    The unit is the training set, or of a difference between two of them the pair: a mean over a few of them has few to
    stand on, however many questions were asked. Of a rank correlation it is the partial one, of a difference what is
    left of it where covariates do not differ (`kit.stats.partial`). Those that are the same everywhere are dropped.
    """
    if not claim.covariates:
        return None
    effect = claim.effect
    wanted = {*claim.covariates, *((effect.quality,) if isinstance(effect, RankCorrelation) else ())}
    gains = {
        names: gain
        for names, gain in changes(found).items()
        if all(name in measured.get(measure, {}) for measure in wanted for name in names if name)
    }
    values = {
        name: [_difference(measured[name], *names) for names in gains] for name in claim.covariates if gains
    }
    used = tuple(name for name, each in values.items() if max(each) - min(each) > _SAME)
    bare = Adjusted(used, tuple(name for name in values if name not in used), len(gains))
    if len(gains) < len(used) + _SPARE:
        return bare
    covariates, y, settings = (
        [values[name] for name in used],
        list(gains.values()),
        Bootstrap(level=rules.level),
    )
    if not isinstance(effect, RankCorrelation):
        return Adjusted(bare.covariates, bare.constant, bare.sets, adjusted_mean(y, covariates, settings))
    x = [measured[effect.quality][name] for name, _ in gains]
    rho, p = partial_spearman(x, y, covariates, settings), partial_spearman_p(x, y, covariates, settings)
    return Adjusted(bare.covariates, bare.constant, bare.sets, rho, p)


def _difference(measure: Mapping[str, float], subject: str, reference: str) -> float:
    return measure[subject] - (measure[reference] if reference else 0.0)
