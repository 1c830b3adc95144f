"""Suppression (S1) and controls (S2) judged on made-up runs where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kit.claims import Case, Claim, Evidence, Outcome, Pair, Standing, Verdict, judge
from kit.claims.model import Rules
from kit.report.claims import as_csv, as_data, details
from kit.results import Results
from kit.stats import Estimate
from tests.claims.bench import GOLD, Bench, claims

CLAIM: Mapping[str, Any] = {
    "metric": "f1_length",
    "evaluated_on": {"datasets": "xquad-in", "split": "test"},
    "effect": {
        "kind": "suppression",
        "named_on": {"datasets": "dev-set"},
        "mass": 20,
        "quiet": 5,
        "like": 15,
    },
    "needed": "any",
}
BENGALI, LATIN, ODIA = "বাংলা", "wort", "ଓଡ଼ିଆ"


def answers(*parts: tuple[str, float]) -> list[str]:
    """Answers of these words in these shares."""
    words = [word for word, share in parts for _ in range(round(100 * share))]
    return [words[(at * 37) % len(words)] for at in range(len(GOLD))]


def run(
    root: Path,
    tuned: Mapping[str, float],
    dev: Sequence[str] | None = None,
    base: Mapping[str, float] | None = None,
) -> Results:
    """The base answers Odia in Bengali half of the time; tuned on Russian, each language scores as a test says."""
    made = Bench(root)
    for language, share in {"or": 0.2, "bn": 0.6, "te": 0.6, "ta": 0.55, **(base or {})}.items():
        made.base(language, share)
        words = {"or": dev or answers((ODIA, 0.6), (BENGALI, 0.4)), "bn": answers((BENGALI, 1.0))}
        made._add(words.get(language) or answers((LATIN, 1.0)), language, dataset="dev-set")
    for language, share in {"or": 0.6, "bn": 0.3, "te": 0.6, "ta": 0.55, **tuned}.items():
        for seed in (1, 2):
            made.tuned("xquad-in/ru", language, share, seed)
    return made.results()


def judged(found: Results, **more: Any) -> Verdict:
    (verdict,) = judge(claims({**CLAIM, **more}), Case({found.recipe: found}))
    return verdict


def test_an_interferer_that_falls_where_the_target_rises_is_suppressed(tmp_path: Path) -> None:
    verdict = judged(run(tmp_path, {}))
    assert verdict.outcome is Outcome.REPRODUCED
    (pair,) = verdict.pairs
    assert pair.name == "xquad-in/ru@60 → xquad-in/or, bn against te, ta"
    target, interferer, against = (part.change.value for part in pair.parts)
    assert target == pytest.approx(40, abs=2) and interferer == pytest.approx(-30, abs=2)
    assert against == pytest.approx(-30, abs=3)
    assert pair.effect is not None and pair.effect.value == against
    assert "with or interfere bn (40 %)" in " ".join(verdict.why)
    assert any("interferer less its like" in line for line in details(verdict))
    assert as_data([verdict])[0]["pairs"][0]["parts"][0]["name"] == "target" and "bn against" in as_csv(
        [verdict]
    )


def test_what_all_languages_lose_is_no_suppression(tmp_path: Path) -> None:
    verdict = judged(run(tmp_path, {"te": 0.3, "ta": 0.25}))
    assert verdict.pairs[0].standing is Standing.OPEN and verdict.outcome is Outcome.INCONCLUSIVE
    verdict = judged(run(tmp_path / "more", {"te": 0.1, "ta": 0.1}))
    assert verdict.pairs[0].standing is Standing.FAILS and verdict.outcome is Outcome.CONTRADICTED


@pytest.mark.parametrize(
    ("tuned", "standing"),
    [
        ({"bn": 0.6}, Standing.NOISE),
        ({"or": 0.2}, Standing.NOISE),
        ({"bn": 0.9}, Standing.FAILS),
        ({"or": 0.02}, Standing.FAILS),
    ],
)
def test_all_three_must_hold(tmp_path: Path, tuned: Mapping[str, float], standing: Standing) -> None:
    verdict = judged(run(tmp_path, tuned))
    assert verdict.pairs[0].standing is standing
    assert verdict.outcome in (Outcome.CONTRADICTED, Outcome.WITHIN_NOISE)


def test_where_the_base_answers_in_its_own_script_nobody_interferes(tmp_path: Path) -> None:
    verdict = judged(run(tmp_path, {}, dev=answers((ODIA, 0.9), (BENGALI, 0.1))))
    assert verdict.outcome is Outcome.INCONCLUSIVE and not verdict.pairs
    assert any("nothing to suppress" in why for why in verdict.why)


def test_what_is_named_is_named_on_dev_and_not_on_what_is_judged(tmp_path: Path) -> None:
    """The answers that are judged are all Latin, in every language: they name nobody."""
    found = run(tmp_path, {})
    assert all(
        set("".join(cell.raw)) <= set("wortfalsch0123456789")
        for cell in found.cells
        if cell.at.dataset == "xquad-in"
    )
    for effect in (
        {**CLAIM["effect"], "named_on": {"datasets": "xquad-in", "split": "test"}},
        {**CLAIM["effect"], "named_on": {"split": "test"}},
        {**CLAIM["effect"], "quiet": 30},
    ):
        with pytest.raises(ValidationError):
            claims({**CLAIM, "effect": effect})


def test_without_a_like_of_the_base_score_a_case_stays_open(tmp_path: Path) -> None:
    verdict = judged(run(tmp_path, {}, base={"te": 0.1, "ta": 0.1}))
    assert verdict.pairs[0].standing is Standing.OPEN and verdict.outcome is Outcome.INCONCLUSIVE
    assert any("no language of like base score" in why for why in verdict.why)


def test_what_is_not_there_yet_is_missing(tmp_path: Path) -> None:
    found = run(tmp_path, {})
    gone = [cell for cell in found.cells if (cell.at.dataset, cell.at.language) == ("dev-set", "or")]
    verdict = judged(replace(found, cells=tuple(cell for cell in found.cells if cell not in gone)))
    assert any("who interferes is not known yet" in pair.name for pair in verdict.pairs)
    assert verdict.outcome is not Outcome.REPRODUCED


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 2, value + 2, 200, 40, 1)


def explained(language: Mapping[str, float]) -> Any:
    """Evidence in which so many points of a row's change are language, the rest knowledge."""

    def explain(claim: Claim, pair: Pair, rules: Rules) -> Evidence | None:
        if pair.scores is None:
            return None
        change = _change(pair)
        part = language[pair.subject.trained_on]
        return Evidence(
            change=estimate(change),
            over=estimate(0),
            lead=estimate(0),
            rest=estimate(change),
            void=True,
            stop=estimate(change - part),
            language=estimate(part),
            free=estimate(0),
        )

    return explain


def _change(pair: Pair) -> float:
    assert pair.scores is not None
    return float(pair.scores.tuned.mean() - pair.scores.base.mean())  # type: ignore[union-attr]


CONTROLLED: Mapping[str, Any] = {
    "needed": "any",
    "expects": ["language"],
    "controls": ["shuffled", "random"],
}


@pytest.mark.parametrize(
    ("shares", "parts", "outcome", "words"),
    [
        ((0.25, 0.2), (0, 0), Outcome.REPRODUCED, "shuffled has the change in 0 of 1"),
        (
            (0.6, 0.2),
            (0, 0),
            Outcome.EXPLAINED_OTHERWISE,
            "shuffled has the change in 1 of 1, its part by language in 0",
        ),
        ((0.6, 0.2), (38, 0), Outcome.REPRODUCED, "shuffled takes other scripts away as well"),
        (
            (0.2, 0.55),
            (0, 0),
            Outcome.EXPLAINED_OTHERWISE,
            "random has the change in 1 of 1, its part by language in 0",
        ),
        ((0.1, 0.2), (30, 0), Outcome.REPRODUCED, "change in 0 of 1, its part by language in 1; so shuffled"),
        ((0.6, None), (38, 0), Outcome.INCONCLUSIVE, "not there: random"),
    ],
)
def test_a_control_that_does_the_same_without_language_explains_the_gain(
    tmp_path: Path,
    shares: tuple[float, float | None],
    parts: tuple[float, float],
    outcome: Outcome,
    words: str,
) -> None:
    made = Bench(tmp_path).base("or", 0.2).tuned("xquad-in/ru", "or", 0.6)
    names = ("xquad-in~shuffled/ru", "xquad-in~random/ru")
    for name, share in zip(names, shares, strict=True):
        if share is not None:
            made.tuned(name, "or", share)
    found = made.results()
    language = {"xquad-in/ru": 38.0, **dict(zip(names, parts, strict=True))}
    (verdict,) = judge(claims(CONTROLLED), Case({"grid": found}), explained(language))
    assert [pair.name for pair in verdict.pairs] == ["xquad-in/ru@60 → xquad-in/or"]  # controls are no cases
    assert (verdict.outcome, words in " ".join(verdict.why)) == (outcome, True), verdict.why
    assert any("~shuffled/ru@60:" in line for line in details(verdict))


def test_controls_are_rows_where_they_are_named(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.2).tuned("xquad-in~shuffled/ru", "or", 0.6).results()
    (verdict,) = judge(claims({"trained_on": {"datasets": "xquad-in~shuffled"}}), Case({"grid": made}))
    assert verdict.outcome is Outcome.REPRODUCED
    (verdict,) = judge(claims({}), Case({"grid": made}))
    assert verdict.outcome is Outcome.NOT_RUN
    with pytest.raises(ValidationError, match="controls"):
        claims({"controls": ["shuffled"]})
