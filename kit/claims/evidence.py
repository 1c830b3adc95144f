"""What speaks for the cause of a change: its parts by form (O3) and by language (S3), and what the model knows (O1)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kit.claims.model import Claim, Rules
from kit.claims.pairs import Pair
from kit.claims.verdict import Evidence, Interchanged
from kit.results import METRICS, Pool, compare_cells, paired, swaps_of
from kit.stats import Bootstrap, Estimate

_PARROT = 0.5
"""From this share on of what the best spans earn that spans of another question's answer earn in the same outputs, the
split is void: a model that repeats its context scores 1, one that answers scores 0, be it right or wrong.
"""


def evidence(claim: Claim, pair: Pair, rules: Rules) -> Evidence | None:
    """The parts of a pair's change, on the resamples of the tables, with intervals of the rules' level; None where a
    side has no columns of form.
    """
    if claim.metric != "f1":
        return None
    settings = Bootstrap(level=rules.level)
    parts = {name: _change(pair, name, settings) for name in ("f1", "lost_over", "lost_lead", "f1_span")}
    change, over, lead, rest = parts.values()
    if change is None or over is None or lead is None or rest is None:
        return None
    return Evidence(
        change=change,
        over=_turned(over),
        lead=_turned(lead),
        rest=rest,
        void=any(parrots(pool) for pool in (pair.other, pair.tuned)),
        known=_change(pair, "known", settings),
        stop=_gain(pair, "lost_stop", settings),
        language=_gain(pair, "lost_language", settings),
        free=_change(pair, "f1_free", settings),
        interchanges=tuple(
            Interchanged(one.interferer, one.stands, one.into.effect, one.out.effect)
            for one in swaps_of(pair.tuned, settings)
        ),
    )


def parrots(pool: Pool) -> bool:
    """Whether outputs hold the answers to other questions about as well as their own."""
    cells = pool.having("f1_foil")
    if not cells:
        return False
    span, foil = pool.scores("f1_span", cells[0]), pool.scores("f1_foil", cells[0])
    both = np.fmin(span, foil)[np.isfinite(foil)]
    own = span[np.isfinite(foil)]
    return bool(own.sum() > 0 and both.sum() >= _PARROT * own.sum())


def _change(pair: Pair, name: str, settings: Bootstrap) -> Estimate | None:
    if not (pair.other.having(name) and pair.tuned.having(name)):
        return None
    cell = paired(pair.other, pair.tuned, METRICS[name])
    return None if cell is None else compare_cells([cell], METRICS[name], settings).difference


def _gain(pair: Pair, loss: str, settings: Bootstrap) -> Estimate | None:
    change = _change(pair, loss, settings)
    return None if change is None else _turned(change)


def _turned(loss: Estimate) -> Estimate:
    """The gain of a loss's change: its negative."""
    low, high = (math.nan, math.nan) if math.isnan(loss.low) else (-loss.high, -loss.low)
    return replace(loss, value=-loss.value, low=low, high=high)
