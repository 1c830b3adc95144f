"""What stands beside a verdict: the setting of its numbers, flags, and what would decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from kit.claims.measure import Measured
from kit.claims.model import Bounded, Claim, RankCorrelation, Rules
from kit.claims.pairs import Pair
from kit.claims.verdict import Adjusted, PairVerdict, Setting, Standing
from kit.jobdir import CellSpec
from kit.results import METRICS
from kit.results.types import environment_words
from kit.stats import pairs_needed, standard_error, units_needed


def setting(found: Sequence[Pair], specs: Mapping[str, CellSpec]) -> Setting:
    """What the cells of some pairs were made with; `specs` by key of the cell."""
    cells = [cell for pair in found for cell in pair.cells]
    slices = {cell.data: cell for cell in cells}
    return Setting(
        n=sum(cell.n for cell in slices.values()),
        contexts=len({context for cell in slices.values() for context in cell.clusters}),
        seeds=len({cell.at.seed for cell in cells if cell.at.seed is not None}),
        dtypes=tuple(sorted({specs[cell.key].dtype for cell in cells})),
        modes=tuple(sorted({specs[cell.key].mode for cell in cells})),
        environments=tuple(dict.fromkeys(environment_words(cell.environment) for cell in cells)),
        seen=tuple(dict.fromkeys(pair.column.name for pair in found if pair.column.seen)),
    )


def flags(claim: Claim, model: str, found: Sequence[Pair], toys: Collection[str]) -> tuple[str, ...]:
    """What must stand beside the outcome wherever it is shown."""
    cells = [cell for pair in found for cell in pair.cells]
    told = {
        "mechanics only": model in toys,
        "another model": model not in toys and model not in claim.models,
        "seen data": any(pair.column.seen for pair in found),
        "several environments": len({environment_words(cell.environment) for cell in cells}) > 1,
        "stored scores": any(cell.kind == "generate" and not cell.rescored for cell in cells),
    }
    return tuple(flag for flag, applies in told.items() if applies)


def what_would_decide(claim: Claim, pooled: Measured | None, told: Sequence[PairVerdict]) -> list[str]:
    """Sentences on the power of what was run, and on the contexts or seeds that would decide what is open."""
    if claim.needed == "mean":
        if pooled is None:
            return []
        sees, seeds = pooled.sees, pooled.compared.difference.n_seeds
        needed, more = pooled.contexts_needed, pooled.seeds_needed
    else:
        unsettled = [pair for pair in told if pair.standing is Standing.OPEN]
        needed = min((pair.contexts_needed for pair in unsettled if pair.contexts_needed), default=None)
        more = min((pair.seeds_needed for pair in unsettled if pair.seeds_needed), default=None)
        sees = max((pair.sees for pair in unsettled if pair.sees is not None), default=None)
        seeds = min((pair.difference.n_seeds for pair in unsettled if pair.difference), default=0)
    said = []
    if sees is not None:
        unit = METRICS[claim.metric].unit
        said.append(f"this test can see a difference of {sees:.1f} {'points' if unit == 'percent' else unit}")
    ways = [f"{needed:,} contexts"] if needed is not None else []
    ways += [f"{more:,} seeds"] if more is not None else []
    if ways:
        said.append(f"about {' or '.join(ways)} would decide, if the effect is as it looks")
    elif sees is not None:
        said.append(
            "neither more contexts nor more seeds alone would decide: the effect is too near its threshold"
        )
    if seeds == 1:
        said.append("one seed: how far seeds differ is unknown; three would tell")
    return said


def sets_that_decide(found: Adjusted, claim: Claim, rules: Rules) -> str:
    """How many training sets would show an adjusted effect that points the claimed way; else nothing."""
    effect, bounded = found.effect, claim.effect
    if effect is None or not isinstance(bounded, Bounded):
        return ""
    if (effect.value - bounded.threshold) * bounded.sign <= 0:
        return ""
    if isinstance(bounded, RankCorrelation):
        needed = pairs_needed(effect.value, rules.level)
    else:
        error = standard_error(effect, rules.level)
        needed = (
            units_needed(effect.value - bounded.threshold, error, found.sets, rules.level) if error else None
        )
    return f"; about {needed:,} sets would decide, if it is as it looks" if needed else ""
