"""Means and a ratio in one product are those that are worked out by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.stats import Bootstrap, mean_intervals, mean_intervals_and_ratio, ratio
from kit.stats.resample import tie

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(0, 2**32 - 1))


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(1, 5), st.integers(1, 3))
def test_equal_to_the_last_bit_for_whole_numbers(
    shape: tuple[int, int, int], contexts: int, columns: int
) -> None:
    seeds, items, seed = shape
    draw = np.random.default_rng(seed)
    scores = [draw.integers(0, 4, size=(seeds, items)) for _ in range(columns)]
    clusters = [f"c{at % contexts}" for at in range(items)]
    pair = (int(draw.integers(columns)), int(draw.integers(columns)))
    bootstrap = Bootstrap(resamples=200)
    means, quotient = mean_intervals_and_ratio(scores, clusters, pair, bootstrap)
    # As text, for NaN is not itself.
    assert repr(means) == repr(mean_intervals(scores, clusters, bootstrap))
    assert repr(quotient) == repr(ratio(scores[pair[0]], scores[pair[1]], clusters, bootstrap))


def test_contexts_remembered_are_told_apart_as_text() -> None:
    assert [tie([names])[0].total for names in ([1, 1], [1, "1"], [1, True], [1, 1.0])] == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="read-only"):
        tie([["a", "b"]])[0].index[0] = 1
