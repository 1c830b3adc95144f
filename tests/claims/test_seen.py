"""Claims on the untuned model itself: has it seen a test?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kit.claims import Outcome, Standing, Verdict
from kit.report.claims import details
from kit.results import Results
from tests.claims.bench import CONTEXTS, GOLD, QUESTIONS, Bench, claims, verdict

SEEN: dict[str, Any] = {
    "subject": "base",
    "metric": "context_nats",
    "trained_on": None,
    "effect": {"kind": "difference", "above": 1},
    "gate": 4,
    "needed": "any",
}


def run(root: Path, **nats: float | None) -> Results:
    """A base that prefers its contexts by so many nats on the mean, by language; None: the cell is not there."""
    made = Bench(root)
    where: dict[str, Any] = {"dataset": "xquad-in", "model": made.model, "gold": GOLD}
    for language, mean in nats.items():
        if mean is None:
            made.shelf.want(language, task="score:continuations=context", **where)
            continue
        each = [mean + (at // QUESTIONS * 7 % CONTEXTS - (CONTEXTS - 1) / 2) / 10 for at in range(len(GOLD))]
        made.shelf.add_contrast([(-50.0, [-50 - one]) for one in each], language=language, **where)
    return made.results()


def judged(claim: Mapping[str, Any], found: Results) -> Verdict:
    return verdict({**SEEN, **claim}, found)


def test_a_test_that_was_seen_in_one_language_is_named_there_alone(tmp_path: Path) -> None:
    found = judged({}, run(tmp_path, hi=9.0, te=0.2))
    assert found.outcome is Outcome.REPRODUCED
    assert [(pair.name, pair.standing) for pair in found.pairs] == [
        ("xquad-in/hi", Standing.HOLDS),
        ("xquad-in/te", Standing.NOISE),
    ]
    assert found.effect is not None and found.effect.value == pytest.approx(9)
    assert (found.effect.n_items, found.effect.n_clusters) == (200, 40)


def test_one_that_was_not_seen_is_within_noise(tmp_path: Path) -> None:
    found = judged({}, run(tmp_path, hi=0.5, te=-0.2))
    assert found.outcome is Outcome.WITHIN_NOISE


def test_what_lies_between_is_open_and_says_what_would_decide(tmp_path: Path) -> None:
    found = judged({"needed": "all"}, run(tmp_path, hi=3.9))
    assert found.pairs[0].standing is Standing.OPEN
    assert any("nats" in why for why in found.why) and not any("points" in why for why in found.why)


def test_against_an_unseen_translation_of_the_same_items(tmp_path: Path) -> None:
    claim = {"against": {"languages": "te"}, "evaluated_on": {"languages": "hi"}}
    found = judged(claim, run(tmp_path, hi=11.0, te=3.0))
    (pair,) = found.pairs
    assert pair.name == "xquad-in/hi against xquad-in/te" and pair.standing is Standing.HOLDS
    assert pair.difference is not None and pair.difference.value == pytest.approx(8)
    assert any("3.00 → 11.00" in line for line in details(found))
    turned = judged(claim, run(tmp_path / "turned", hi=3.0, te=11.0))
    assert turned.pairs[0].standing is Standing.FAILS


def test_a_cell_that_is_not_there_is_missing(tmp_path: Path) -> None:
    found = judged({"needed": "all"}, run(tmp_path, hi=9.0, te=None))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert [pair.standing for pair in found.pairs] == [Standing.HOLDS, Standing.MISSING]


def test_a_recipe_without_such_cells_is_not_run(tmp_path: Path) -> None:
    assert judged({}, Bench(tmp_path).base("hi", 0.5).results()).outcome is Outcome.NOT_RUN


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "f1"}, "goes a metric out of context_nats"),
        ({"trained_on": {}}, "go no `trained_on`"),
        ({"effect": {"kind": "ratio", "above": 2}, "metric": "context_above"}, "goes a `difference`"),
        ({"against": {"recipe": "other"}}, "none to another `recipe`"),
        ({"subject": "tuned", "metric": "f1"}, "`trained_on` is missing"),
        (
            {"subject": "tuned", "metric": "f1", "trained_on": {}, "against": {"languages": "hi"}},
            "`subject: base` alone",
        ),
    ],
)
def test_claims_that_make_no_sense_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        claims({**SEEN, **change})
