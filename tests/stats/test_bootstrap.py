"""The bootstrap over contexts and seeds: values, intervals, what is undefined, and what must not matter."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from kit.stats import (
    Bootstrap,
    Cell,
    Estimate,
    clustered_difference,
    clustered_mean,
    clustered_se,
    compare,
    grouped_comparison,
    grouped_difference,
    mean_interval,
    mean_intervals,
    paired_difference,
    ratio,
)

QUICK = Bootstrap(resamples=2_000)
Scores = NDArray[np.float64]


def names(contexts: int, each: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{number}" for number in range(contexts) for _ in range(each)]


def simulate(
    generator: np.random.Generator, contexts: int, each: int, seeds: int, seed_spread: float = 0.0
) -> tuple[Scores, Scores]:
    """Base (1, items) and tuned (seeds, items) around .4 and .5, with effects of context and of seed."""
    shared = np.repeat(generator.normal(0, 0.15, contexts), each)
    lift = np.repeat(generator.normal(0.1, 0.08, contexts), each)
    base = 0.4 + shared + generator.normal(0, 0.1, (1, contexts * each))
    tuned = 0.4 + shared + lift + generator.normal(0, 0.1, (seeds, contexts * each))
    tuned += generator.normal(0, seed_spread, (seeds, 1))
    return np.clip(base, 0, None), np.clip(tuned, 0, None)


def width(estimate: Estimate) -> float:
    return estimate.high - estimate.low


def test_values_are_plain_means() -> None:
    base, tuned = [0.0, 0.5, 1.0, 0.5], [[1.0, 1.0, 1.0, 0.0], [1.0, 0.5, 1.0, 0.5]]
    found = compare(base, tuned, ["a", "a", "b", "c"], QUICK)
    assert found.base.value == 0.5
    assert found.tuned.value == 0.75
    assert found.difference.value == 0.25
    assert found.ratio.value == 1.5
    for estimate in found:
        assert (estimate.n_items, estimate.n_clusters) == (4, 3)
        assert estimate.low <= estimate.value <= estimate.high
    assert (found.base.n_seeds, found.tuned.n_seeds) == (1, 2)


def test_single_quantities_are_those_of_the_comparison() -> None:
    base, tuned = simulate(np.random.default_rng(1), 30, 4, 3, 0.02)
    clusters = names(30, 4)
    whole = compare(base, tuned, clusters, QUICK)
    base_alone = mean_interval(base[0], clusters, QUICK)
    assert paired_difference(base, tuned, clusters, QUICK) == whole.difference
    assert ratio(base, tuned, clusters, QUICK) == whole.ratio
    for alone, part in ((mean_interval(tuned, clusters, QUICK), whole.tuned), (base_alone, whole.base)):
        assert (alone.value, alone.n_seeds) == (part.value, part.n_seeds)
        assert (alone.low, alone.high) == pytest.approx((part.low, part.high))


def test_same_seed_same_interval_and_other_seed_nearly() -> None:
    base, tuned = simulate(np.random.default_rng(2), 60, 5, 2, 0.02)
    clusters = names(60, 5)
    first = paired_difference(base, tuned, clusters)
    assert first == paired_difference(base, tuned, clusters)
    other = paired_difference(base, tuned, clusters, Bootstrap(seed=1))
    assert other != first
    assert other.low == pytest.approx(first.low, abs=0.05 * width(first))


def test_a_constant_has_no_width() -> None:
    found = compare(np.full(20, 0.1), np.full((2, 20), 0.3), names(5, 4), QUICK)
    assert found.difference.low == pytest.approx(0.2)
    assert found.difference.high == pytest.approx(0.2)
    assert found.difference.excludes()
    assert found.ratio.low == found.ratio.high == pytest.approx(3)


def test_pairing_narrows_what_contexts_share() -> None:
    base, tuned = simulate(np.random.default_rng(3), 100, 5, 1)
    clusters = names(100, 5)
    found = compare(base, tuned, clusters, QUICK)
    assert width(found.difference) < 0.7 * width(found.tuned)


def test_questions_of_one_context_are_not_independent() -> None:
    base, _ = simulate(np.random.default_rng(4), 100, 5, 1)
    alone = mean_interval(base, [str(number) for number in range(500)], QUICK)
    assert width(mean_interval(base, names(100, 5), QUICK)) > 1.5 * width(alone)


def test_identical_sides_differ_by_nothing() -> None:
    base, _ = simulate(np.random.default_rng(5), 10, 3, 1)
    found = compare(base, base, names(10, 3), QUICK)
    assert width(found.difference) == pytest.approx(0, abs=1e-12)
    assert not found.difference.excludes()
    assert found.ratio.low == pytest.approx(1)
    assert found.ratio.high == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
        min_size=2,
        max_size=15,
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_items_makes_no_difference(
    rows: list[tuple[int, float, float, float]], random: object
) -> None:
    few = Bootstrap(resamples=200)
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def differ(some: list[tuple[int, float, float, float]]) -> Estimate:
        clusters, base, one, two = zip(*some, strict=True)
        return paired_difference(base, [one, two], clusters, few)

    first, second = differ(rows), differ(shuffled)
    assert (first.n_clusters, first.n_items) == (second.n_clusters, second.n_items)
    for name in ("value", "low", "high"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), abs=1e-6, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_ends_lie_within_what_the_scores_allow(rows: list[tuple[int, float, float]]) -> None:
    clusters, base, tuned = zip(*rows, strict=True)
    found = compare(base, tuned, clusters, Bootstrap(resamples=200))
    for estimate, least, most in ((found.base, 0, 1), (found.tuned, 0, 1), (found.difference, -1, 1)):
        if estimate.n_clusters == 1:
            assert not estimate.defined
        else:
            assert least - 1e-6 <= estimate.low <= estimate.high <= most + 1e-6
    if not math.isnan(found.ratio.low):
        assert 0 <= found.ratio.low <= found.ratio.high


def test_one_context_alone_has_a_value_and_no_interval() -> None:
    found = compare([0.2, 0.4], [0.6, 0.6], ["only", "only"], QUICK)
    for estimate in found:
        assert math.isnan(estimate.low)
        assert math.isnan(estimate.high)
        assert not estimate.defined
        assert not estimate.excludes()
    assert found.difference.value == pytest.approx(0.3)
    assert math.isnan(clustered_difference([0.2, 0.4], [0.6, 0.6], ["only", "only"]).low)


def test_ratio_to_nothing_is_undefined() -> None:
    found = compare(np.zeros(10), np.ones(10), names(5, 2), QUICK)
    assert math.isnan(found.ratio.value)
    assert math.isnan(found.ratio.low)
    assert found.difference.value == 1


def test_a_resample_without_base_counts_as_infinite() -> None:
    base = np.zeros(20)
    base[0] = 1  # one context in ten carries the base: a third of the resamples miss it
    found = ratio(base, np.full(20, 0.5), names(10, 2), QUICK)
    assert found.value == pytest.approx(10)
    assert 0 < found.low < 10
    assert math.isinf(found.high)


def test_a_ratio_of_nothing_to_nothing_is_passed_over_or_undefined() -> None:
    base, tuned = np.zeros(20), np.zeros(20)
    base[0] = tuned[0] = 1
    assert math.isnan(ratio(base, tuned, names(10, 2), QUICK).low)  # a third of the resamples are 0/0
    base[:8] = tuned[:8] = 1
    found = ratio(base, tuned, names(10, 2), QUICK)  # under one in a hundred
    assert found.low == pytest.approx(1)
    assert found.high == pytest.approx(1)


def test_seeds_widen_the_interval() -> None:
    base, tuned = simulate(np.random.default_rng(6), 200, 5, 4, 0.1)
    clusters = names(200, 5)
    single = paired_difference(base, tuned.mean(axis=0), clusters, QUICK)
    several = paired_difference(base, tuned, clusters, QUICK)
    assert several.value == pytest.approx(single.value)
    assert width(several) > 1.5 * width(single)
    assert (single.n_seeds, several.n_seeds) == (1, 4)


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_the_spread_between_seeds_is_not_shrunk(seeds: int) -> None:
    """Without any effect of context the spread of the draws is s²/S, also for two seeds."""
    offsets = np.linspace(0.2, 0.6, seeds)
    wide = Bootstrap(level=0.6827)
    draws = mean_interval(np.repeat(offsets[:, None], 40, axis=1), names(20, 2), wide)
    error = offsets.std(ddof=1) / math.sqrt(seeds)
    assert width(draws) / 2 == pytest.approx(error, rel=0.25)


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (5, 0.0), (8, 0.05)])
def test_agrees_with_the_clustered_formula(seeds: int, spread: float) -> None:
    generator = np.random.default_rng(7)
    base, tuned = simulate(generator, 240, 5, seeds, spread)
    clusters = names(240, 5)
    for drawn, closed in (
        (paired_difference(base, tuned, clusters), clustered_difference(base, tuned, clusters)),
        (mean_interval(tuned, clusters), clustered_mean(tuned, clusters)),
        (mean_interval(base, clusters), clustered_mean(base, clusters)),
    ):
        assert drawn.value == pytest.approx(closed.value)
        assert width(drawn) == pytest.approx(width(closed), rel=0.12)
        assert drawn.low == pytest.approx(closed.low, abs=0.08 * width(closed))


def test_coverage_of_the_difference() -> None:
    """The 90 % interval holds the truth in about 90 % of simulated studies of 60 contexts and five seeds."""
    generator = np.random.default_rng(8)
    settings_ = Bootstrap(level=0.9, resamples=500)
    clusters = names(60, 3)
    held = {"drawn": 0, "closed": 0}
    studies = 300
    for _ in range(studies):
        base, tuned = simulate(generator, 60, 3, 5, 0.02)
        drawn = paired_difference(base, tuned, clusters, settings_)
        closed = clustered_difference(base, tuned, clusters, level=0.9)
        held["drawn"] += drawn.low <= 0.1 <= drawn.high
        held["closed"] += closed.low <= 0.1 <= closed.high
    for count in held.values():
        assert 0.83 <= count / studies <= 0.97


def test_clusters_of_one_give_the_usual_standard_error() -> None:
    scores = np.random.default_rng(9).random(50)
    usual = scores.std(ddof=1) / math.sqrt(50)
    assert clustered_se(scores, list(range(50))) == pytest.approx(usual)


def test_clusters_of_copies_count_once() -> None:
    scores = np.random.default_rng(10).random(200)
    once = clustered_se(scores, list(range(200)))
    assert clustered_se(np.repeat(scores, 5), names(200, 5)) == pytest.approx(once, rel=0.01)


def test_bad_input_is_refused() -> None:
    for scores, clusters, message in (
        ([], [], "not empty"),
        ([[[1.0]]], ["a"], "shape"),
        ([1.0, math.nan], ["a", "b"], "NaN"),
        ([1.0, 0.0], ["a"], "2 items but 1 context"),
    ):
        with pytest.raises(ValueError, match=message):
            mean_interval(scores, clusters)
        with pytest.raises(ValueError, match=message):
            clustered_se(scores, clusters)
    with pytest.raises(ValueError, match="negative"):
        compare([-1.0, 1.0], [1.0, 1.0], ["a", "b"])
    with pytest.raises(ValueError, match="context names"):
        compare([1.0, 1.0], [1.0], ["a", "b"])
    with pytest.raises(ValueError, match="same items"):
        clustered_difference([1.0, 1.0], [1.0], ["a"])
    with pytest.raises(ValueError, match="level"):
        Bootstrap(level=95)


# --- groups of cells


def parallel(cells: int, seeds: int = 1, spread: float = 0.0) -> tuple[list[Cell], list[Cell]]:
    """Cells with one effect of context for all: over shared names, and over names of their own."""
    generator = np.random.default_rng(11)
    base, tuned = simulate(generator, 80, 4, seeds, spread)
    noise = [generator.normal(0, 0.01, tuned.shape) for _ in range(cells)]
    shared = [Cell(base, np.abs(tuned + some), names(80, 4)) for some in noise]
    apart = [Cell(base, np.abs(tuned + some), names(80, 4, f"data{at}-")) for at, some in enumerate(noise)]
    return shared, apart


def test_a_group_of_one_is_the_cell() -> None:
    base, tuned = simulate(np.random.default_rng(12), 30, 4, 2, 0.02)
    assert grouped_comparison([Cell(base, tuned, names(30, 4))], settings=QUICK) == compare(
        base, tuned, names(30, 4), QUICK
    )


def test_each_cell_weighs_the_same() -> None:
    found = grouped_comparison(
        [Cell([0.0, 0.0], [1.0, 1.0], ["a", "b"]), Cell([0.5] * 6, [0.5] * 6, names(3, 2, "d"))],
        settings=QUICK,
    )
    assert found.difference.value == 0.5
    assert found.ratio.value == pytest.approx(0.75 / 0.25)
    assert (found.difference.n_items, found.difference.n_clusters) == (8, 5)


def test_shared_contexts_are_drawn_together_and_others_apart() -> None:
    shared, apart = parallel(4)
    one = grouped_difference(shared[:1], settings=QUICK)
    together = grouped_difference(shared, settings=QUICK)
    independent = grouped_difference(apart, settings=QUICK)
    assert together.n_clusters == 80
    assert independent.n_clusters == 320
    assert width(together) == pytest.approx(width(one), rel=0.1)  # the same contexts again tell nothing new
    assert width(independent) == pytest.approx(width(one) / 2, rel=0.1)


def test_cells_that_share_some_contexts_are_drawn_together() -> None:
    shared, _ = parallel(2)
    base, tuned, clusters = shared[1]
    part = Cell(np.asarray(base)[:, :240], np.asarray(tuned)[:, :240], clusters[:240])
    found = grouped_difference([shared[0], part], settings=QUICK)
    assert (found.n_clusters, found.n_items) == (80, 560)
    assert width(found) == pytest.approx(width(grouped_difference(shared, settings=QUICK)), rel=0.25)


def test_seeds_of_one_adapter_go_together_and_of_several_apart() -> None:
    shared, _ = parallel(4, seeds=4, spread=0.2)
    row = grouped_difference(shared, settings=QUICK)
    column = grouped_difference(shared, ["a", "b", "c", "d"], QUICK)
    assert row.value == column.value
    assert width(column) < 0.75 * width(row)


def test_order_of_cells_makes_no_difference() -> None:
    shared, apart = parallel(3)
    cells = [*shared, *apart]
    first, second = grouped_difference(cells, settings=QUICK), grouped_difference(cells[::-1], settings=QUICK)
    assert first.low == pytest.approx(second.low, abs=1e-6)
    assert first.high == pytest.approx(second.high, abs=1e-6)


def test_a_group_with_a_lonely_context_has_no_interval() -> None:
    found = grouped_difference(
        [Cell([0.1, 0.2], [0.3, 0.4], ["a", "b"]), Cell([0.1], [0.2], ["z"])], settings=QUICK
    )
    assert found.value == pytest.approx(0.15)
    assert not found.defined


def test_bad_groups_are_refused() -> None:
    one, two = Cell([0.1, 0.2], [0.3, 0.4], "ab"), Cell([0.1, 0.2], [[0.3, 0.4], [0.1, 0.1]], "ab")
    with pytest.raises(ValueError, match="0 cells"):
        grouped_difference([])
    with pytest.raises(ValueError, match="one name a cell"):
        grouped_difference([one], ["a", "b"])
    with pytest.raises(ValueError, match="1 and 2 seeds"):
        grouped_difference([one, two])
    assert grouped_difference([one, two], ["a", "b"], QUICK).n_seeds == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 4), st.integers(1, 6))
def test_counts_taken_together_have_the_intervals_of_each_alone(
    seed: int, contexts: int, seeds: int, sides: int
) -> None:
    generator, of = np.random.default_rng(seed), names(contexts, 5)
    scores = [generator.integers(0, 300, (seeds, len(of))).astype(float) for _ in range(sides)]
    together = mean_intervals(scores, of, QUICK)
    alone = [mean_interval(one, of, QUICK) for one in scores]
    assert repr(together) == repr(alone)  # to the last bit, and NaN where there is one context


def test_scores_taken_together_differ_by_rounding_at_most() -> None:
    generator, of = np.random.default_rng(1), names(30, 5)
    scores = [generator.random((3, len(of))) for _ in range(4)]
    for one, found in zip(scores, mean_intervals(scores, of, QUICK), strict=True):
        expected = mean_interval(one, of, QUICK)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-12)
