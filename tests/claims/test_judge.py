"""Verdicts on made-up runs: each outcome where it belongs, and nowhere else."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from kit.claims import Case, Claim, Evidence, Outcome, Pair, Rules, Standing, judge
from kit.report.claims import as_csv, as_data, details
from kit.stats import Estimate
from tests.claims.bench import GOLD, INDIC, Bench, claims, right, unexplained, verdict

DOUBLES = {"effect": {"kind": "ratio", "above": 2}}
FALLS = {"effect": {"kind": "difference", "below": 0}}


def run(root: Path, base: float, tuned: float, seeds: tuple[int, ...] = (1,)) -> Bench:
    made = Bench(root).base("or", base)
    for seed in seeds:
        made.tuned("xquad-in/de", "or", tuned, seed)
    return made


def test_a_claimed_gain_that_is_there_is_reproduced(tmp_path: Path) -> None:
    found = verdict({}, run(tmp_path, 0.2, 0.6).results())
    assert found.outcome is Outcome.REPRODUCED
    assert found.effect is not None and found.effect.value == pytest.approx(40, abs=1)
    assert found.setting.n == 200 and found.setting.contexts == 40 and found.setting.seeds == 1
    assert found.flags == ()


def test_the_opposite_is_contradicted(tmp_path: Path) -> None:
    assert verdict({}, run(tmp_path, 0.6, 0.2).results()).outcome is Outcome.CONTRADICTED


def test_a_ratio_needs_more_than_its_threshold(tmp_path: Path) -> None:
    assert verdict(DOUBLES, run(tmp_path / "a", 0.2, 0.6).results()).outcome is Outcome.REPRODUCED
    assert verdict(DOUBLES, run(tmp_path / "b", 0.4, 0.6).results()).outcome is Outcome.CONTRADICTED
    found = verdict(DOUBLES, run(tmp_path / "c", 0.25, 0.52).results())
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any("contexts would decide" in why for why in found.why)
    assert any("one seed" in why for why in found.why)


def test_a_change_within_the_gate_is_noise(tmp_path: Path) -> None:
    found = verdict({}, run(tmp_path, 0.5, 0.5).results())
    assert found.outcome is Outcome.WITHIN_NOISE
    assert found.pairs[0].standing is Standing.NOISE


def test_two_sides_that_answer_nothing_show_nothing(tmp_path: Path) -> None:
    found = verdict({}, run(tmp_path, 0.0, 0.0).results())
    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_ratio_to_a_base_of_nothing_decides_nothing(tmp_path: Path) -> None:
    assert verdict(DOUBLES, run(tmp_path, 0.0, 0.5).results()).outcome is Outcome.INCONCLUSIVE


def test_what_no_run_asks_for_is_not_run(tmp_path: Path) -> None:
    found = verdict({"recipes": ["another"]}, run(tmp_path, 0.2, 0.6).results())
    assert (found.outcome, found.model) == (Outcome.NOT_RUN, "bloomz-7b1")


def test_missing_cells_leave_a_claim_on_all_open_and_decide_one_on_any(tmp_path: Path) -> None:
    made = run(tmp_path, 0.2, 0.6).base("hi", 0.2).missing("xquad-in/de", "hi").results()
    found = verdict({"needed": "all"}, made)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert [pair.standing for pair in found.pairs] == [Standing.HOLDS, Standing.MISSING]
    assert verdict({"needed": "any"}, made).outcome is Outcome.REPRODUCED


def test_a_waiver_comes_first_and_shows_its_reason(tmp_path: Path) -> None:
    made = run(tmp_path, 0.6, 0.2).results()
    found = verdict({}, made, waived={"C": "no time"})
    assert (found.outcome, found.why) == (Outcome.WAIVED, ("no time",))
    assert verdict({"waived": "licence"}, made).outcome is Outcome.WAIVED


def test_most_counts_pairs(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    for language, tuned in (("or", 0.2), ("hi", 0.2), ("bn", 0.6)):
        made.base(language, 0.4).tuned(f"xquad-in/{language}", language, tuned)
    most = {**FALLS, "pairs": "self", "needed": "most"}
    assert verdict(most, made.results()).outcome is Outcome.REPRODUCED
    assert verdict({**most, "needed": "all"}, made.results()).outcome is Outcome.CONTRADICTED
    rises = {**most, "effect": {"kind": "difference", "above": 0}}
    assert verdict(rises, made.results()).outcome is Outcome.CONTRADICTED


def test_self_and_cross_take_their_own_pairs(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.2).base("hi", 0.2)
    for source in ("or", "hi"):
        for language in ("or", "hi"):
            made.tuned(f"xquad-in/{source}", language, 0.6)
    found = made.results()
    assert [p.name for p in verdict({"pairs": "self"}, found).pairs] == [
        "xquad-in/or@60 → xquad-in/or",
        "xquad-in/hi@60 → xquad-in/hi",
    ]
    assert len(verdict({"pairs": "cross"}, found).pairs) == 2
    assert len(verdict({}, found).pairs) == 4
    only = {
        "trained_on": {"languages": "indic", "except": ["hi"]},
        "evaluated_on": {"languages": ["ory_Orya"]},
    }
    assert len(verdict(only, found).pairs) == 1


def test_one_training_system_is_compared_with_another_on_the_same_language(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.2)
    made.tuned("xquad-mt-nllb/de", "or", 0.6).tuned("xquad-mt-marian/de", "or", 0.3)
    made.tuned("xquad-mt-nllb/ru", "or", 0.6)
    claim = {"trained_on": {"datasets": "xquad-mt-nllb"}, "against": {"datasets": "xquad-mt-marian"}}
    found = verdict(claim, made.results())
    (pair,) = found.pairs
    assert pair.name == "xquad-mt-nllb/de@60 → xquad-in/or against xquad-mt-marian/de@60"
    assert pair.base is not None and pair.base.value == pytest.approx(30, abs=1)
    assert found.outcome is Outcome.REPRODUCED


def test_swapping_the_two_systems_flips_the_verdict(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.2)
    made.tuned("xquad-mt-nllb/de", "or", 0.3).tuned("xquad-mt-marian/de", "or", 0.6)
    claim = {"trained_on": {"datasets": "xquad-mt-nllb"}, "against": {"datasets": "xquad-mt-marian"}}
    assert verdict(claim, made.results()).outcome is Outcome.CONTRADICTED


def test_one_recipe_is_compared_with_another(tmp_path: Path) -> None:
    first = Bench(tmp_path, "masked").base("or", 0.4).tuned("xquad-in/or", "or", 0.2).results()
    second = Bench(tmp_path, "learnt").base("or", 0.4).tuned("xquad-in/or", "or", 0.6).results()
    claim = {**FALLS, "recipes": ["masked"], "against": {"recipe": "learnt"}}
    assert verdict(claim, first, second).outcome is Outcome.REPRODUCED
    alone = verdict(claim, first)
    assert alone.outcome is Outcome.NOT_RUN


def test_a_mean_over_languages_is_one_test(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    for language, tuned in (("or", 0.6), ("hi", 0.3), ("bn", 0.35)):
        made.base(language, 0.3).tuned("xquad-in/de", language, tuned)
    found = verdict({"needed": "mean"}, made.results())
    assert found.outcome is Outcome.REPRODUCED
    assert found.effect is not None and found.effect.value == pytest.approx((30 + 0 + 5) / 3, abs=1.5)
    assert all(pair.p_holm is None for pair in found.pairs)


def test_many_pairs_of_a_family_are_corrected_together(tmp_path: Path) -> None:
    made = run(tmp_path, 0.3, 0.42).results()
    alone = verdict({"needed": "any"}, made).pairs[0]
    assert alone.p is not None and alone.p == alone.p_holm
    more = {name: {"needed": "any"} for name in ("D", "E", "F", "G")}
    together = judge(claims({"needed": "any"}, **more), Case({"grid": made}), unexplained)
    adjusted = together[0].pairs[0].p_holm
    assert adjusted is not None and adjusted == pytest.approx(5 * alone.p, rel=1e-6)


def test_the_gate_stops_a_sure_but_small_change(tmp_path: Path) -> None:
    small = [text if at % 40 else "falsch" for at, text in enumerate(GOLD)]
    made = Bench(tmp_path).base("or", 1.0).tuned("xquad-in/de", "or", 0, answers=small).results()
    assert verdict(FALLS, made).outcome is Outcome.WITHIN_NOISE
    assert verdict({**FALLS, "gate": 0}, made).outcome is Outcome.REPRODUCED


def test_a_small_change_the_other_way_is_noise_too(tmp_path: Path) -> None:
    small = [text if at % 40 else "falsch" for at, text in enumerate(GOLD)]
    made = Bench(tmp_path).base("or", 1.0).tuned("xquad-in/de", "or", 0, answers=small).results()
    assert verdict({}, made).outcome is Outcome.WITHIN_NOISE
    assert verdict({"gate": 0}, made).outcome is Outcome.CONTRADICTED
    assert verdict(DOUBLES, made).outcome is Outcome.CONTRADICTED


def test_flags_stand_beside_the_outcome(tmp_path: Path) -> None:
    made = Bench(tmp_path, model="tiny").base("or", 0.2, seen=True).tuned("xquad-in/de", "or", 0.6, seen=True)
    found = verdict({}, made.results(), toys=frozenset({"tiny"}))
    assert found.flags == ("mechanics only", "seen data")
    assert verdict({}, made.results()).flags == ("another model", "seen data")
    assert found.setting.seen == ("xquad-in/or",)


def explained(**parts: float) -> Evidence:
    def estimate(value: float, reach: float = 1.0) -> Estimate:
        return Estimate(value, value - reach, value + reach, 200, 40, 1)

    known = parts.get("known")
    return Evidence(
        change=estimate(parts["over"] + parts["lead"] + parts["rest"]),
        over=estimate(parts["over"]),
        lead=estimate(parts["lead"]),
        rest=estimate(parts["rest"]),
        void=bool(parts.get("void")),
        known=None if known is None else estimate(known),
        **{name: estimate(parts[name]) for name in ("stop", "language", "free") if name in parts},
    )


@pytest.mark.parametrize(
    ("parts", "outcome", "causes"),
    [
        ({"over": -30, "lead": 0, "rest": -2}, Outcome.REPRODUCED, ("over-generation",)),
        ({"over": 0, "lead": -30, "rest": -2}, Outcome.EXPLAINED_OTHERWISE, ("lead-in",)),
        ({"over": -2, "lead": 0, "rest": -30, "known": -40}, Outcome.EXPLAINED_OTHERWISE, ("knowledge",)),
        (
            {"over": -20, "lead": 0, "rest": -20, "known": -40},
            Outcome.REPRODUCED,
            ("over-generation", "knowledge"),
        ),
        ({"over": -2, "lead": 0, "rest": -30, "known": -4}, Outcome.INCONCLUSIVE, ()),
        ({"over": -2, "lead": 0, "rest": -30}, Outcome.INCONCLUSIVE, ()),
        ({"over": -2, "lead": 0, "rest": -30, "known": 40}, Outcome.INCONCLUSIVE, ()),
        ({"over": -30, "lead": 0, "rest": 0, "void": 1}, Outcome.INCONCLUSIVE, ()),
        # S3: by language, even where the split by form means nothing; not if it is small, or points the other way
        (
            {"over": 0, "lead": 0, "rest": -30, "void": 1, "stop": -2, "language": -25, "free": -3},
            Outcome.EXPLAINED_OTHERWISE,
            ("language",),
        ),
        (
            {"over": -20, "lead": 0, "rest": -10, "stop": -20, "language": -8, "free": -2},
            Outcome.REPRODUCED,
            ("over-generation", "language"),
        ),
        (
            {"over": -30, "lead": 0, "rest": 0, "stop": -28, "language": -2.5, "free": 0},
            Outcome.REPRODUCED,
            ("over-generation",),
        ),
        (
            {"over": -30, "lead": 0, "rest": 0, "stop": -40, "language": 10, "free": 0},
            Outcome.REPRODUCED,
            ("over-generation",),
        ),
    ],
)
def test_an_effect_by_another_cause_is_explained_otherwise(
    tmp_path: Path, parts: dict[str, float], outcome: Outcome, causes: tuple[str, ...]
) -> None:
    def explain(claim: Claim, pair: Pair, rules: Rules) -> Evidence:
        return explained(**parts)

    claim = {**FALLS, "expects": ["over-generation"], "needed": "all"}
    found = verdict(claim, run(tmp_path, 0.6, 0.3).results(), explain=explain)
    assert (found.outcome, found.causes) == (outcome, causes)


def test_a_cause_that_was_not_measured_leaves_the_claim_open(tmp_path: Path) -> None:
    found = verdict({**FALLS, "expects": ["over-generation"]}, run(tmp_path, 0.6, 0.3).results())
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any("was not measured" in why for why in found.why)


def test_quality_and_gain_rise_together_or_not(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.1)
    shares = {"de": 0.2, "es": 0.3, "et": 0.4, "fi": 0.5, "fr": 0.6, "id": 0.7}
    for language, share in shares.items():
        made.tuned(f"xquad-mt-nllb/{language}", "or", share)
    claim = {"effect": {"kind": "rank-correlation", "with": "bleu", "above": 0}}
    rising = {f"xquad-mt-nllb/{language}": 100 * share for language, share in shares.items()}
    found = verdict(claim, made.results(), quality={"bleu": rising})
    assert found.outcome is Outcome.REPRODUCED
    assert found.effect is not None and found.effect.value == pytest.approx(1)
    falling = {name: -value for name, value in rising.items()}
    assert verdict(claim, made.results(), quality={"bleu": falling}).outcome is Outcome.CONTRADICTED
    assert verdict(claim, made.results(), quality={"bleu": {}}).outcome is Outcome.NOT_RUN


def test_seeds_are_a_second_level(tmp_path: Path) -> None:
    steady = verdict({}, run(tmp_path / "a", 0.3, 0.5, (1, 2, 3)).results())
    uneven = Bench(tmp_path / "b").base("or", 0.3)
    for seed, share in ((1, 0.2), (2, 0.5), (3, 0.8)):
        uneven.tuned("xquad-in/de", "or", share, seed)
    wide = verdict({}, uneven.results())
    assert steady.outcome is Outcome.REPRODUCED and wide.outcome is Outcome.INCONCLUSIVE
    assert wide.setting.seeds == 3 and right(0.5) != right(0.5, 3)


def test_indic_is_the_catalogs_group(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.2).base("en", 0.2)
    made.tuned("xquad-in/de", "or", 0.6).tuned("xquad-in/de", "en", 0.6)
    assert [
        pair.name for pair in verdict({"evaluated_on": {"languages": "indic"}}, made.results()).pairs
    ] == ["xquad-in/de@60 → xquad-in/or"]
    assert "or" in INDIC["indic"]


def answers(share: float, before: str = "", after: str = "") -> list[str]:
    """So many golds, with words before and after; the others are wrong, without them."""
    return [f"{before} {a} {after}" if a != "falsch" else a for a in right(share)]


@pytest.mark.parametrize(
    ("tuned", "causes"),
    [
        (answers(0.8, after="und noch drei Wörter"), ("over-generation",)),
        (answers(0.8, before="Die Antwort lautet hier"), ("lead-in",)),
        (answers(0.8, before="Die Antwort lautet", after="und mehr noch"), ("over-generation", "lead-in")),
    ],
)
def test_causes_are_read_off_the_outputs(tmp_path: Path, tuned: list[str], causes: tuple[str, ...]) -> None:
    made = Bench(tmp_path).base("or", 0.8).tuned("xquad-in/or", "or", 0, answers=tuned).results()
    (found,) = judge(claims({**FALLS, "expects": ["over-generation"], "needed": "all"}), Case({"grid": made}))
    assert set(found.causes) == set(causes)
    expected = Outcome.REPRODUCED if "over-generation" in causes else Outcome.EXPLAINED_OTHERWISE
    assert found.outcome is expected
    parts = found.pairs[0].evidence
    assert parts is not None and not parts.void
    assert parts.over.value + parts.lead.value + parts.rest.value == pytest.approx(parts.change.value)
    assert parts.over.low <= parts.over.value <= parts.over.high


def test_a_loss_of_knowledge_that_was_not_measured_names_nothing(tmp_path: Path) -> None:
    made = run(tmp_path, 0.8, 0.3).results()
    (found,) = judge(claims({**FALLS, "expects": ["over-generation"], "needed": "all"}), Case({"grid": made}))
    assert (found.outcome, found.causes) == (Outcome.INCONCLUSIVE, ())
    parts = found.pairs[0].evidence
    assert parts is not None and parts.rest.value == pytest.approx(parts.change.value)


def test_a_parrot_of_its_contexts_voids_the_split(tmp_path: Path) -> None:
    whole = [" ".join(GOLD[at // 5 * 5 : at // 5 * 5 + 5]) for at in range(len(GOLD))]
    made = Bench(tmp_path).base("or", 0.8).tuned("xquad-in/or", "or", 0, answers=whole).results()
    (found,) = judge(claims({**FALLS, "expects": ["over-generation"], "needed": "all"}), Case({"grid": made}))
    assert found.pairs[0].evidence is not None and found.pairs[0].evidence.void
    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_model_that_answers_the_wrong_question_is_no_parrot(tmp_path: Path) -> None:
    other = [GOLD[at // 5 * 5 + (at + 1) % 5] if at % 2 else text for at, text in enumerate(GOLD)]
    made = Bench(tmp_path).base("or", 1.0).tuned("xquad-in/or", "or", 0, answers=other).results()
    (found,) = judge(claims({**FALLS, "needed": "all"}), Case({"grid": made}))
    parts = found.pairs[0].evidence
    assert parts is not None and not parts.void and parts.rest.value == pytest.approx(-50)


@pytest.mark.parametrize("needed", ["mean", "all", "most", "any"])
def test_a_run_in_which_some_seeds_are_not_there_yet_is_judged_all_the_same(
    tmp_path: Path, needed: str
) -> None:
    made = Bench(tmp_path).base("or", 0.2).base("hi", 0.2)
    made.tuned("xquad-in/de", "or", 0.6, 1).tuned("xquad-in/de", "or", 0.6, 2).tuned(
        "xquad-in/de", "hi", 0.6, 1
    )
    where = {"dataset": "xquad-in", "model": made.model, "gold": GOLD}
    made.shelf.want("hi", "xquad-in/de", 2, **where)  # type: ignore[arg-type]
    found = verdict({"needed": needed}, made.results())
    assert found.outcome is (Outcome.INCONCLUSIVE if needed == "mean" else Outcome.REPRODUCED)
    assert [pair.missing for pair in found.pairs] == [0, 1]
    if needed == "mean":
        assert any("1 of 2 pairs are not finished" in why for why in found.why)


def test_the_permutation_test_stands_beside_the_other(tmp_path: Path) -> None:
    made = run(tmp_path, 0.2, 0.6).base("hi", 0.5).tuned("xquad-in/de", "hi", 0.5).results()
    first, second = verdict({"needed": "any"}, made).pairs
    assert first.p_permutation == pytest.approx(1 / 10_001) and first.p is not None and first.p < 1e-4
    assert second.p_permutation is not None and second.p_permutation > 0.3
    mean = verdict({"needed": "mean"}, made)
    assert mean.p_permutation == pytest.approx(1 / 10_001) and mean.p_holm == mean.p
    assert mean.pairs[0].p_permutation is None
    told = list(details(mean))
    assert any("tested as one" in line and "by permutation" in line for line in told)


def test_a_ratio_is_permuted_at_its_threshold(tmp_path: Path) -> None:
    found = verdict(DOUBLES, run(tmp_path, 0.3, 0.6).results())
    assert found.p_permutation is not None and found.p_permutation > 0.5
    shifted = verdict(
        {"effect": {"kind": "difference", "above": 30}}, run(tmp_path / "b", 0.3, 0.6).results()
    )
    assert shifted.p_permutation is not None and shifted.p_permutation > 0.5


def test_the_noise_of_a_pairs_cells_is_told(tmp_path: Path) -> None:
    made = run(tmp_path, 0.3, 0.6)
    made.tuned("xquad-in/de", "or", 0, answers=right(0.6, 7), replicate=1)
    made.shelf.add_exact(right(0.3), language="or", gold=GOLD, model=made.model, dataset="xquad-in")
    found = verdict({"needed": "all"}, made.results())
    floor = found.pairs[0].floor
    assert floor.replicates is not None and 0 < floor.replicates.differing < 1
    assert floor.modes is not None and (floor.modes.differing, floor.modes.mean) == (0, 0)
    (line,) = [line for line in details(found) if "replicates differ in" in line]
    assert "exact and fast mode differ in 0.0 % of answers" in line
    row = next(line for line in csv.DictReader(io.StringIO(as_csv([found]))) if line["pair"])
    assert float(row["replicates_differing"]) == pytest.approx(floor.replicates.differing, abs=1e-4)
    assert as_data([found])[0]["pairs"][0]["floor"]["modes"]["mean"] == 0


def test_intervals_of_the_evidence_have_the_rules_level(tmp_path: Path) -> None:
    tuned = answers(0.8, after="und noch drei Wörter")
    made = Bench(tmp_path).base("or", 0.8).tuned("xquad-in/or", "or", 0, answers=tuned).results()
    file = claims({**FALLS, "needed": "all"})
    reach = {}
    for level in (0.6, 0.95, 0.99):
        ruled = file.model_copy(update={"rules": Rules(level=level)})
        (found,) = judge(ruled, Case({"grid": made}))
        pair = found.pairs[0]
        assert pair.evidence is not None and pair.difference is not None
        change = pair.evidence.change
        assert (change.low, change.high) == (pair.difference.low, pair.difference.high)
        reach[level] = pair.evidence.over.high - pair.evidence.over.low
    assert reach[0.6] < reach[0.95] < reach[0.99]


SYSTEMS = {
    "trained_on": {"datasets": "xquad-mt-nllb"},
    "against": {"datasets": "xquad-mt-marian"},
    "covariates": ["length-ratio", "verbatim"],
}
SOURCES = ("de", "es", "et", "fi", "fr", "id")


def two_systems(root: Path, lead: tuple[float, ...]) -> Bench:
    """Of each language a set of either system; the first is so much ahead."""
    made = Bench(root).base("or", 0.2)
    for source, share in zip(SOURCES, lead, strict=True):
        made.tuned(f"xquad-mt-nllb/{source}", "or", 0.3 + share).tuned(f"xquad-mt-marian/{source}", "or", 0.3)
    return made


def measures(lengths: tuple[float, ...], verbatim: float = 0.4) -> dict[str, dict[str, float]]:
    """NLLB's sets are so much longer than the other system's; the rate of verbatim answers is the same in all."""
    found: dict[str, dict[str, float]] = {"length-ratio": {}, "verbatim": {}}
    for source, more in zip(SOURCES, lengths, strict=True):
        for system, length in (("nllb", 0.8 + more), ("marian", 0.8)):
            found["length-ratio"][f"xquad-mt-{system}/{source}"] = length
            found["verbatim"][f"xquad-mt-{system}/{source}"] = verbatim
    return found


def test_a_lead_that_length_explains_is_not_reproduced(tmp_path: Path) -> None:
    lead = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
    made = two_systems(tmp_path, lead).results()
    plain = {name: value for name, value in SYSTEMS.items() if name != "covariates"}
    assert verdict(plain, made).outcome is Outcome.REPRODUCED and verdict(plain, made).adjusted is None
    found = verdict(SYSTEMS, made, quality=measures(lead))
    assert found.outcome is Outcome.INCONCLUSIVE
    left = found.adjusted
    assert left is not None and left.effect is not None and abs(left.effect.value) < 4
    assert (left.covariates, left.constant, left.sets) == (("length-ratio",), ("verbatim",), 6)
    (line,) = [line for line in details(found) if line.startswith("at equal length-ratio")]
    assert "over 6 pairs of training sets; the same everywhere: verbatim" in line
    assert as_data([found])[0]["adjusted"]["sets"] == 6


def test_a_lead_of_its_own_stands_at_equal_length(tmp_path: Path) -> None:
    made = two_systems(tmp_path, (0.3, 0.31, 0.3, 0.32, 0.3, 0.31)).results()
    found = verdict(SYSTEMS, made, quality=measures((0.1, -0.1, 0.2, -0.2, 0.05, 0.0)))
    assert found.outcome is Outcome.REPRODUCED
    assert found.adjusted is not None and found.adjusted.effect is not None and found.adjusted.effect.low > 20
    unknown = verdict(SYSTEMS, made)
    assert unknown.outcome is Outcome.INCONCLUSIVE and any("cannot be told" in why for why in unknown.why)
    assert any("not to be told, over 0 pairs" in line for line in details(unknown))


def test_a_correlation_that_another_measure_makes_is_not_reproduced(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.1)
    shares = dict(zip(["de", "es", "et", "fi", "fr", "id", "ru", "sv"], np.arange(2, 10) / 10, strict=True))
    for language, share in shares.items():
        made.tuned(f"xquad-mt-nllb/{language}", "or", float(share))
    rising = {f"xquad-mt-nllb/{language}": 100 * float(share) for language, share in shares.items()}
    claim = {"effect": {"kind": "rank-correlation", "with": "bleu", "above": 0}, "covariates": ["verbatim"]}
    mixed = {name: float(at * 5 % 8) for at, name in enumerate(rising)}
    alone = verdict(claim, made.results(), quality={"bleu": rising, "verbatim": mixed})
    assert alone.outcome is Outcome.REPRODUCED and alone.adjusted is not None and alone.adjusted.p is not None
    bleu = {name: value + (-1) ** at * 15 for at, (name, value) in enumerate(rising.items())}
    found = verdict(claim, made.results(), quality={"bleu": bleu, "verbatim": rising})
    assert found.effect is not None and found.effect.low > 0
    assert found.outcome is Outcome.INCONCLUSIVE


def test_an_open_claim_says_how_many_contexts_or_seeds_would_decide(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.3)
    for seed, share in ((1, 0.2), (2, 0.5), (3, 0.8)):
        made.tuned("xquad-in/de", "or", share, seed)
    found = verdict({"needed": "any"}, made.results())
    assert found.outcome is Outcome.INCONCLUSIVE
    (pair,) = found.pairs
    # Seeds are what differs: no number of contexts would do, some more seeds would.
    assert pair.contexts_needed is None and pair.seeds_needed is not None and 3 < pair.seeds_needed < 40
    assert f"about {pair.seeds_needed} seeds would decide, if the effect is as it looks" in found.why
    steady = Bench(tmp_path / "b").base("or", 0.30)
    for seed in (1, 2):
        steady.tuned("xquad-in/de", "or", 0.34, seed)
    other = verdict({"needed": "mean"}, steady.results())
    assert other.outcome is Outcome.INCONCLUSIVE
    assert any("contexts would decide" in why or "contexts or" in why for why in other.why)


def test_an_open_correlation_says_how_many_sets_would_decide(tmp_path: Path) -> None:
    made = Bench(tmp_path).base("or", 0.1)
    quality = {}
    for language, share, bleu in (("de", 0.2, 20), ("es", 0.3, 40), ("et", 0.4, 30), ("fi", 0.5, 45)):
        made.tuned(f"xquad-mt-nllb/{language}", "or", share)
        quality[f"xquad-mt-nllb/{language}"] = float(bleu)
    claim = {"effect": {"kind": "rank-correlation", "with": "bleu", "above": 0}}
    found = verdict(claim, made.results(), quality={"bleu": quality})
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any("training sets would decide" in why for why in found.why)
