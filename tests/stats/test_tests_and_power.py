"""Permutation, Holm, power, rank correlation, noise floor: known values, agreement with each other, and properties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from kit.stats import (
    Bootstrap,
    Cell,
    clustered_se,
    detectable,
    holm,
    noise,
    paired_difference,
    pairs_needed,
    permutation_p,
    permutation_ps,
    pooled_noise,
    spearman,
    spearman_p,
    standard_error,
    two_sided_p,
    units_needed,
)

PROBABILITIES = st.lists(st.floats(0, 1), max_size=12)


def test_holm_by_hand() -> None:
    # .01 x 4, .02 x 3, .03 x 2 (raised to .06), .2
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm([]).size == 0


@given(PROBABILITIES)
def test_holm_never_lowers_keeps_order_and_is_never_weaker_than_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(adjusted >= np.array(p))
    assert all(adjusted <= np.minimum(1, len(p) * np.array(p)) + 1e-12) or not p
    order = np.argsort(p, kind="stable")
    assert all(np.diff(adjusted[order]) >= 0)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_holm_refuses_what_is_no_probability(bad: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, bad])


def test_a_permutation_of_few_contexts_is_exact() -> None:
    # Three contexts, all with the same sign: two of the eight patterns are as extreme.
    assert permutation_p([0, 0, 0], [1, 1, 1], ["a", "b", "c"]) == pytest.approx(2 / 8)
    # Items of one context swap together: two contexts, two of four patterns.
    assert permutation_p([0, 0, 0], [1, 1, 1], ["a", "a", "b"]) == pytest.approx(2 / 4)
    assert permutation_p([1, 2, 3], [1, 2, 3], ["a", "b", "c"]) == 1.0


def test_a_permutation_p_is_never_zero() -> None:
    clusters = [f"c{at // 5}" for at in range(200)]
    p = permutation_p(np.zeros(200), np.ones(200), clusters, Bootstrap(resamples=999))
    assert p == pytest.approx(1 / 1000)


def test_many_permutations_are_each_what_it_is_alone() -> None:
    draw = np.random.default_rng(5)
    cells = [Cell(*made_up(draw, shift, contexts)) for shift, contexts in ((0.1, 40), (0.3, 40), (0.2, 9))]
    together = permutation_ps([[cell] for cell in cells])
    assert together == [permutation_p(*cell) for cell in cells]
    assert permutation_ps([]) == []


def test_contexts_are_swapped_in_all_cells_of_a_mean_together() -> None:
    # One context in two languages is one sign, whatever their lengths; two data sets have signs of their own.
    first, second = Cell([0, 0], [1, 1], ["a", "b"]), Cell([0, 0, 0], [1, 1, 1], ["b", "a", "a"])
    apart = Cell([0, 0], [1, 1], ["c", "d"])
    assert permutation_ps([[first, second], [first, apart]]) == pytest.approx([2 / 4, 2 / 16])
    # Every cell weighs the same: a adds (1/2 - 2/3) / 2, b (1/2 - 1/3) / 2: together nothing.
    mixed = Cell([1, 1, 1], [0, 0, 0], ["b", "a", "a"])
    assert permutation_ps([[first, mixed]]) == [1.0]
    with pytest.raises(ValueError, match="one cell"):
        permutation_ps([[]])
    with pytest.raises(ValueError, match="2 context names"):
        permutation_ps([[Cell([0], [1], ["a", "b"])]])


def made_up(
    draw: np.random.Generator, shift: float, contexts: int = 40
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Paired scores whose differences have a part that all five items of a context share."""
    shared = np.repeat(draw.normal(0, 1, contexts), 5)
    base = draw.normal(0, 1, 5 * contexts)
    return (
        base,
        base + shift + shared + draw.normal(0, 1, 5 * contexts),
        [f"c{at // 5}" for at in range(5 * contexts)],
    )


def test_the_permutation_test_agrees_with_the_clustered_normal_one() -> None:
    draw = np.random.default_rng(1)
    for shift in (0.2, 0.4):
        base, tuned, clusters = made_up(draw, shift, 200)
        normal = two_sided_p(float(np.mean(tuned - base)), clustered_se(tuned - base, clusters))
        assert permutation_p(base, tuned, clusters) == pytest.approx(normal, abs=0.02)


def test_where_nothing_differs_five_in_a_hundred_are_below_five_hundredths() -> None:
    draw = np.random.default_rng(2)
    fast = Bootstrap(resamples=400)
    found = [permutation_p(*made_up(draw, 0.0), fast) for _ in range(300)]
    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.09
    # Items taken for independent would find far too much.
    alone = [
        permutation_p(base, tuned, range(len(base)), fast)
        for base, tuned, _ in (made_up(draw, 0.0) for _ in range(100))
    ]
    assert np.mean(np.array(alone) <= 0.05) > 0.15


def test_the_bootstraps_error_is_the_closed_formulas() -> None:
    base, tuned, clusters = made_up(np.random.default_rng(3), 0.3, 240)
    floor = min(base.min(), tuned.min())
    estimate = paired_difference(base - floor, tuned - floor, clusters)
    assert standard_error(estimate, 0.95) == pytest.approx(clustered_se(tuned - base, clusters), rel=0.05)


def test_a_detectable_difference_is_seen_four_times_in_five() -> None:
    draw, seen = np.random.default_rng(4), []
    base, tuned, clusters = made_up(draw, 0.0, 100)
    shift = detectable(clustered_se(tuned - base, clusters), 0.95)
    for _ in range(400):
        base, tuned, clusters = made_up(draw, shift, 100)
        difference = tuned - base
        seen.append(two_sided_p(float(difference.mean()), clustered_se(difference, clusters)) < 0.05)
    assert 0.7 < np.mean(seen) < 0.9


@given(st.floats(0.01, 50), st.floats(0.01, 50), st.integers(2, 1000), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_contexts_that_are_needed_make_the_difference_detectable(
    value: float, error: float, contexts: int, level: float
) -> None:
    needed = units_needed(value, error, contexts, level)
    assert needed is not None
    assert detectable(error * math.sqrt(contexts / needed), level) <= value * (1 + 1e-9)
    if needed > 1:
        assert detectable(error * math.sqrt(contexts / (needed - 1)), level) >= value * (1 - 1e-9)


def test_more_contexts_do_not_lower_what_seeds_add() -> None:
    # Half of the variance is of seeds: contexts alone would have to do with what is left of the target.
    plain, with_seeds = units_needed(3.0, 2.0, 100, 0.95), units_needed(3.0, 2.0, 100, 0.95, fixed=1.0)
    assert plain is not None and with_seeds is not None and with_seeds > plain
    target = (3.0 / detectable(1.0, 0.95)) ** 2
    assert (4.0 - 1.0) * 100 / with_seeds + 1.0 <= target < (4.0 - 1.0) * 100 / (with_seeds - 1) + 1.0
    assert units_needed(3.0, 2.0, 100, 0.95, fixed=1.2) is None


def test_pairs_for_a_correlation_are_those_of_the_books() -> None:
    # Cohen 1988: a correlation of .3 (.5) takes 84 to 85 (29) at .05 and a power of .8.
    assert pairs_needed(0.3, 0.95) in (84, 85, 86) and pairs_needed(-0.5, 0.95) in (29, 30)
    assert pairs_needed(0.0, 0.95) is None and pairs_needed(1.0, 0.95) == 4


def test_nothing_decides_a_difference_of_nothing() -> None:
    assert units_needed(0.0, 1.0, 10, 0.95) is None
    assert (two_sided_p(0.0, 0.0), two_sided_p(1.0, 0.0)) == (1.0, 0.0)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=20))
def test_spearman_is_scipys_ties_and_all(pairs: list[tuple[int, int]]) -> None:
    x, y = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found = spearman(x, y, Bootstrap(resamples=50))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(found.value) and not found.defined
    else:
        assert found.value == pytest.approx(float(spearmanr(x, y).statistic))
        assert math.isnan(found.low) or -1 <= found.low <= found.high <= 1


def test_spearmans_p_is_that_of_all_orders() -> None:
    x, y = [1.0, 2, 3, 4, 5, 6, 7], [2.0, 1, 4, 3, 7, 5, 6]
    exact = scipy_permutation(x, y)
    assert spearman_p(x, y) == pytest.approx(exact, abs=0.005)
    assert spearman_p(x, [1.0] * 7) == 1.0
    assert spearman_p(list(range(20)), list(range(20)), Bootstrap(resamples=999)) == pytest.approx(0.001)


def scipy_permutation(x: list[float], y: list[float]) -> float:
    observed = abs(spearmanr(x, y).statistic)
    orders = [abs(spearmanr(x, order).statistic) for order in itertools.permutations(y)]
    return float(np.mean([one >= observed - 1e-12 for one in orders]))


def test_spearmans_interval_tightens_with_pairs() -> None:
    draw = np.random.default_rng(5)
    widths = []
    for n in (12, 120):
        x = draw.normal(size=n)
        found = spearman(list(x), list(x + draw.normal(size=n)))
        assert found.low < found.value < found.high and found.n_items == n
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 2]), ([1, 2, math.nan], [1, 2, 3])])
def test_spearman_refuses_what_it_cannot_rank(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match="rank correlation needs"):
        spearman(x, y)


def test_the_noise_of_copies_by_hand() -> None:
    found = noise([[1, 0, 1, 1], [1, 1, 1, 0]], [["a", "b", "c", "d"], ["a", "x", "c", "y"]])
    assert (found.differing, found.item, found.mean) == (0.5, 0.5, 0.0)
    assert (found.copies, found.items) == (2, 4)
    same = noise([[1, 0]] * 3, [["a", "b"]] * 3)
    assert (same.differing, same.item, same.mean) == (0, 0, 0)
    with pytest.raises(ValueError, match="1 copies"):
        noise([[1, 0]], [["a", "b"]])


def test_noise_of_several_cells_is_pooled() -> None:
    first = noise([[1, 0], [0, 0]], [["a", "b"], ["c", "b"]])
    second = noise([[1, 0, 0]] * 3, [["a", "b", "c"]] * 3)
    found = pooled_noise([first, second])
    assert (found.differing, found.item, found.copies, found.items) == (0.25, 0.25, 2, 5)
    assert found.mean == pytest.approx(first.mean / math.sqrt(2))
    with pytest.raises(ValueError, match="no noise"):
        pooled_noise([])
