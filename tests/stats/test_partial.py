"""Effects at equal covariates: formulas, scipy's ranks, plain least squares, and what must and must not be found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from kit.stats import Bootstrap, adjusted_mean, partial_spearman, partial_spearman_p, spearman, spearman_p

FEW = Bootstrap(resamples=200)
VALUES = st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=6, max_size=16)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_with_one_covariate_it_is_the_formula(rows: list[tuple[int, int, int]]) -> None:
    x, y, z = (list(map(float, column)) for column in zip(*rows, strict=True))
    if min(len(set(side)) for side in (x, y, z)) < 2:
        return
    xy, xz, yz = (float(spearmanr(a, b).statistic) for a, b in ((x, y), (x, z), (y, z)))
    left = (1 - xz**2) * (1 - yz**2)
    found = partial_spearman(x, y, [z], FEW)
    if left < 1e-9:
        assert math.isnan(found.value)
    else:
        assert found.value == pytest.approx((xy - xz * yz) / math.sqrt(left), abs=1e-6)


def test_without_covariates_it_is_spearmans() -> None:
    x, y = [1.0, 2, 3, 4, 5, 6, 7], [2.0, 1, 4, 3, 7, 5, 6]
    assert partial_spearman(x, y, []).value == pytest.approx(spearman(x, y).value)
    assert partial_spearman(x, y, []).low == pytest.approx(spearman(x, y).low)
    assert partial_spearman_p(x, y, []) == pytest.approx(spearman_p(x, y), abs=0.01)


def test_a_common_cause_is_taken_out_and_a_link_of_its_own_is_left() -> None:
    draw = np.random.default_rng(1)
    cause = draw.normal(0, 1, 40)
    x, y = cause + draw.normal(0, 0.3, 40), cause + draw.normal(0, 0.3, 40)
    plain, partial = spearman(list(x), list(y)), partial_spearman(list(x), list(y), [list(cause)])
    assert plain.excludes(0) and not partial.excludes(0)
    assert partial_spearman_p(list(x), list(y), [list(cause)]) > 0.05
    own = partial_spearman(list(x), list(y + x), [list(cause)])
    assert own.low > 0 and partial_spearman_p(list(x), list(y + x), [list(cause)]) < 0.01
    assert (own.n_items, own.n_clusters) == (40, 40)


def test_where_nothing_links_them_few_are_below_a_level() -> None:
    draw = np.random.default_rng(2)
    found = []
    for _ in range(200):
        cause = draw.normal(0, 1, 12)
        x, y = cause + draw.normal(0, 1, 12), cause + draw.normal(0, 1, 12)
        found.append(partial_spearman_p(list(x), list(y), [list(cause)], FEW))
    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.1


def test_a_covariate_that_is_the_same_thing_leaves_nothing() -> None:
    x, y = [1.0, 2, 3, 4, 5], [2.0, 1, 3, 5, 4]
    assert not partial_spearman(x, y, [x]).defined
    assert partial_spearman_p(x, y, [x]) == 1.0


def test_the_adjusted_mean_is_the_intercept_of_least_squares() -> None:
    draw = np.random.default_rng(3)
    z = draw.normal(2, 1, (2, 20))
    y = 3 + 0.5 * z[0] - 4 * z[1] + draw.normal(0, 0.1, 20)
    design = np.column_stack([np.ones(20), *z])
    found = adjusted_mean(list(y), [list(row) for row in z])
    assert found.value == pytest.approx(float(np.linalg.lstsq(design, y, rcond=None)[0][0]))
    assert found.low < 3 < found.high and found.high - found.low < 1
    assert adjusted_mean(list(y), []).value == pytest.approx(float(y.mean()))
    assert not adjusted_mean(list(y), [[1.0] * 20]).defined


def test_too_few_units_and_what_is_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="one more"):
        partial_spearman([1, 2, 3], [1, 2, 3], [[1, 2, 3]])
    with pytest.raises(ValueError, match="one more"):
        adjusted_mean([1, 2, 3], [[1, 2]])
    with pytest.raises(ValueError, match="finite"):
        adjusted_mean([1, 2, math.nan], [[1, 2, 3]])
