"""A claim on choices is judged on their cells, whatever else the recipe asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.claims.model import Claim
from kit.claims.pairs import pairs
from tests.results.cells import BASE, TUNED, Shelf

SUMS, WORSE = [[-2.0, -3.0, -5.0, -9.0]] * 4, [[-4.0, -3.0, -5.0, -9.0]] * 4


@pytest.mark.parametrize(("metric", "base", "tuned"), [("acc", 100, 0), ("f1", 54.2, 75)])
def test_each_metric_finds_the_cells_of_its_own_task(
    tmp_path: Path, metric: str, base: float, tuned: float
) -> None:
    shelf = Shelf(tmp_path)
    for trained_on, seed in (("", None), ("tiny/hi", 1)):
        where = {"language": "hi", "trained_on": trained_on, "seed": seed}
        shelf.add(TUNED if trained_on else BASE, **where)
        for window in (",layers=1/2", ""):
            shelf.add_chosen(WORSE if trained_on and not window else SUMS, [0] * 4, window=window, **where)
    claim = Claim.model_validate(
        {
            "title": "Loss",
            "statement": "Choices are lost.",
            "source": "a test",
            "recipes": ["hand-made"],
            "family": "O5",
            "models": ["toy"],
            "metric": metric,
            "trained_on": {},
            "evaluated_on": {},
            "pairs": "self",
            "effect": {"kind": "difference", "below": 0},
        }
    )
    (pair,) = pairs(claim, "toy", {"hand-made": shelf.load()}, {})
    assert pair.scores is not None and pair.name == "tiny/hi@60 → tiny/hi"
    assert (pair.scores.base.mean(), pair.scores.tuned.mean()) == pytest.approx((base, tuned), abs=0.1)
