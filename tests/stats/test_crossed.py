"""Correlations and additive parts of grids, against scipy, the analysis of variance, and what was planted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from kit.stats import Bootstrap, crossed_p, crossed_spearman, decompose
from kit.stats.partial import partial_spearman

Grid = NDArray[np.float64]
QUICK = Bootstrap(resamples=300)


def drawn(seed: int, rows: int = 8, columns: int = 7) -> Grid:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def test_rho_is_scipys_over_the_cells_that_both_have() -> None:
    x, y = drawn(0), drawn(1)
    x[2, 3] = y[0, 0] = math.nan
    there = np.isfinite(x) & np.isfinite(y)
    found = crossed_spearman(x, y, settings=QUICK)
    assert found.value == pytest.approx(spearmanr(x[there], y[there]).statistic)
    assert (found.n_items, found.n_clusters) == (54, 8)
    given_ = drawn(2)
    flat = [one[there].tolist() for one in (x, y, given_)]
    partial = partial_spearman(flat[0], flat[1], [flat[2]], QUICK)
    assert crossed_spearman(x, y, [given_], QUICK).value == pytest.approx(partial.value)


def test_a_relation_is_found_and_its_covariate_takes_it_away() -> None:
    cause = drawn(3)
    x, y = cause + 0.3 * drawn(4), cause + 0.3 * drawn(5)
    found = crossed_spearman(x, y, settings=QUICK)
    assert found.low > 0.5 and crossed_p(x, y, settings=QUICK) < 0.01
    equal = crossed_spearman(x, y, [cause], QUICK)
    assert equal.low < 0 < equal.high and crossed_p(x, y, [cause], QUICK) > 0.05


def test_rows_and_columns_that_have_effects_of_their_own_are_no_relation() -> None:
    """Of unrelated grids whose cells share rows and columns about one in twenty is told to be related; as if the cells
    were independent it would be one in four.
    """
    hasty = crossed = 0
    for seed in range(60):
        draw = np.random.default_rng(100 + seed)
        x, y = (
            draw.normal(size=(8, 1)) + draw.normal(size=(1, 7)) + 0.2 * draw.normal(size=(8, 7)) for _ in "xy"
        )
        hasty += spearmanr(x.ravel(), y.ravel()).pvalue < 0.05
        crossed += crossed_p(x, y, settings=Bootstrap(resamples=200)) < 0.05
    assert hasty >= 12 and crossed <= 6


def test_what_cannot_be_told_is_nan_or_refused() -> None:
    flat = np.ones((4, 4))
    assert math.isnan(crossed_spearman(drawn(0, 4, 4), flat, settings=QUICK).value)
    assert crossed_p(drawn(0, 4, 4), flat, settings=QUICK) == 1
    with pytest.raises(ValueError, match="one shape"):
        crossed_spearman(drawn(0, 4, 4), drawn(0, 4, 5))
    with pytest.raises(ValueError, match="6 cells"):
        crossed_spearman(drawn(0, 2, 2), drawn(1, 2, 2))
    with pytest.raises(ValueError, match="two rows"):
        decompose(drawn(0, 1, 4), drawn(0, 1, 4))


def test_parts_are_those_of_the_analysis_of_variance() -> None:
    values = drawn(6)
    parts = decompose(values, np.zeros_like(values))
    rows, columns, mean = values.mean(axis=1), values.mean(axis=0), values.mean()
    total = ((values - mean) ** 2).sum()
    assert parts.mean == pytest.approx(mean)
    np.testing.assert_allclose(parts.rows, rows - mean, atol=1e-12)
    np.testing.assert_allclose(parts.columns, columns - mean, atol=1e-12)
    np.testing.assert_allclose(parts.rest, values - rows[:, None] - columns + mean, atol=1e-12)
    assert parts.shares[0] == pytest.approx(7 * ((rows - mean) ** 2).sum() / total)
    assert parts.shares[1] == pytest.approx(8 * ((columns - mean) ** 2).sum() / total)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), holes=st.integers(0, 12))
def test_parts_add_up_whatever_is_missing(seed: int, holes: int) -> None:
    draw = np.random.default_rng(seed)
    values = drawn(seed, 5, 6)
    values.ravel()[draw.permutation(30)[:holes]] = math.nan
    if not (np.isfinite(values).any(axis=0).all() and np.isfinite(values).any(axis=1).all()):
        return
    parts = decompose(values, np.zeros_like(values))
    there = np.isfinite(values)
    whole = parts.mean + parts.rows[:, None] + parts.columns + parts.rest
    np.testing.assert_allclose(whole[there], values[there], atol=1e-9)
    assert np.isnan(parts.rest[~there]).all()
    assert sum(parts.shares) == pytest.approx(1) and parts.shares[2] >= -1e-12


def test_noise_is_what_errors_alone_leave() -> None:
    """Sources and targets with effects, cells with errors of .5: the rest is noise, and told to be."""
    draw = np.random.default_rng(9)
    values = 3 * draw.normal(size=(12, 1)) + 2 * draw.normal(size=(1, 13)) + 0.5 * draw.normal(size=(12, 13))
    parts = decompose(values, np.full(values.shape, 0.5))
    assert parts.shares[0] > parts.shares[1] > 10 * parts.shares[2]
    assert parts.noise == pytest.approx(parts.shares[2], rel=0.3)
