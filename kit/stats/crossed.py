"""Grids of sources and targets: rank correlations over their cells, and which part is the source's or the target's.

Cells of one row, or of one column, are not independent: both are resampled, and permuted, as wholes. NaN is no cell.
numpy alone, as in `kit.stats.rank`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kit.stats.bootstrap import DEFAULT, Bootstrap
from kit.stats.estimate import Estimate, Floats, percentile_interval
from kit.stats.partial import left_of_ranks
from kit.stats.rank import correlate

_LEAST = 6
"""Cells that a correlation over a grid needs, beside one for each covariate."""
_RESAMPLES = 2_000
"""At most: each is worked out by itself, as the cells that are there differ."""


def crossed_spearman(
    x: Floats, y: Floats, covariates: Sequence[Floats] = (), settings: Bootstrap = DEFAULT
) -> Estimate:
    """Spearman's rho of two (rows, columns) grids over the cells that both have, at equal covariates (grids too).

    The percentile interval is over rows and columns, drawn with replacement each for itself (the pigeonhole bootstrap,
    Owen 2007). `n_items` counts cells, `n_clusters` rows. NaN where a side, or what the covariates leave of it, is
    constant; resamples in which that is so are passed over, and the ends are NaN where they are more than one in
    twenty. Raises ValueError for grids of different shapes and for too few cells.
    """
    grids = _checked(x, y, covariates)
    rows, columns = grids.shape[1:]
    value = _rho(grids)
    ends = (math.nan, math.nan)
    if not math.isnan(value):
        draw = np.random.default_rng(settings.seed)
        count = min(settings.resamples, _RESAMPLES)
        drawn = (
            grids[:, draw.integers(0, rows, rows)][:, :, draw.integers(0, columns, columns)]
            for _ in range(count)
        )
        ends = percentile_interval(np.array([_rho(one) for one in drawn]), settings.level)
    return Estimate(value, *ends, int(_there(grids).sum()), rows, 1)


def crossed_p(
    x: Floats, y: Floats, covariates: Sequence[Floats] = (), settings: Bootstrap = DEFAULT
) -> float:
    """Two-sided p of the hypothesis that y's rows and columns could stand in any order beside x's: (b + 1)/(m + 1) with
    b of m random orders of both as extreme. At covariates it is the order of what they leave of y. 1 where nothing is.

    Source: the quadratic assignment procedure (Hubert and Schultz 1976), for grids of two modes; with covariates after
    Freedman and Lane 1983. Raises as `crossed_spearman`.
    """
    grids = _checked(x, y, covariates)
    there = _there(grids)
    left = np.full((2, *there.shape), np.nan)
    left[:, there] = left_of_ranks(grids[:, there])
    observed = _pearson(left)
    if math.isnan(observed):
        return 1.0
    draw = np.random.default_rng([settings.seed, 1])
    rows, columns = there.shape
    count = min(settings.resamples, _RESAMPLES)
    mixed = (left[1][draw.permutation(rows)][:, draw.permutation(columns)] for _ in range(count))
    found = np.array([_pearson(np.stack([left[0], one])) for one in mixed])
    return (int((np.abs(found) >= abs(observed) - 1e-12).sum()) + 1) / (count + 1)


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A grid as mean + row's effect + column's effect + rest, by least squares over the cells that are there.

    `rows` and `columns` hold the effects, `rest` (rows, columns) what is left, NaN where there is no cell. `shares` of
    the sum of squares around the mean: the rows', the columns', the rest's; they add up to 1. `noise` is the share that
    errors of the cells alone would leave in the rest.
    """

    mean: float
    rows: Floats
    columns: Floats
    rest: Floats
    shares: tuple[float, float, float]
    noise: float


def decompose(values: Floats, errors: Floats) -> Decomposition:
    """The additive parts of a (rows, columns) grid whose cells have these standard errors.

    Where cells are missing, rows and columns overlap, and each one's share is its mean over both orders in which they
    can be fitted (Lindeman, Merenda and Gold 1980). Effects add up to 0. Raises ValueError for fewer than two rows or
    columns, and where a row or column has no cell.
    """
    there = np.isfinite(values)
    rows, columns = values.shape
    if rows < 2 or columns < 2 or not (there.any(axis=0).all() and there.any(axis=1).all()):
        raise ValueError("a decomposition needs two rows and two columns, each with a cell")
    at_row, at_column = np.nonzero(there)
    y = values[there]
    total = float(((y - y.mean()) ** 2).sum())
    by_row, by_column = np.eye(rows)[at_row], np.eye(columns)[at_column]
    whole, fitted = _fit(np.hstack([by_row, by_column]), y)
    row_first, column_first = _explained(by_row, y), _explained(by_column, y)
    both = total - float(((y - fitted) ** 2).sum())
    shares = np.array(
        [(row_first + both - column_first) / 2, (column_first + both - row_first) / 2, total - both]
    )
    effects, others = whole[:rows], whole[rows:]
    rest = np.full(values.shape, np.nan)
    rest[there] = y - fitted
    left = max(0, len(y) - rows - columns + 1) / len(y)
    noise = left * float((errors[there] ** 2).sum())
    scale = total or math.nan
    first, second, third = (float(share) for share in shares / scale)
    return Decomposition(
        float(effects.mean() + others.mean()),
        effects - effects.mean(),
        others - others.mean(),
        rest,
        (first, second, third),
        noise / scale,
    )


def _fit(design: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Coefficients of least squares (the smallest, where several do), and what they give."""
    found: Floats = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], dtype=np.float64)
    return found, design @ found


def _explained(design: Floats, y: Floats) -> float:
    _, fitted = _fit(design, y)
    return float(((fitted - y.mean()) ** 2).sum())


def _checked(x: Floats, y: Floats, covariates: Sequence[Floats]) -> Floats:
    shapes = {np.shape(grid) for grid in (x, y, *covariates)}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"grids of one shape (rows, columns), not {', '.join(map(str, sorted(shapes)))}")
    grids: Floats = np.stack([np.asarray(grid, dtype=np.float64) for grid in (x, y, *covariates)])
    if (cells := int(_there(grids).sum())) < _LEAST + len(covariates):
        raise ValueError(
            f"a correlation needs {_LEAST + len(covariates)} cells that all grids have, here are {cells}"
        )
    return grids


def _there(grids: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray(np.isfinite(grids).all(axis=0))


def _rho(grids: Floats) -> float:
    """Of (variables, rows, columns): rho of the first two at equal others."""
    cells = grids[:, _there(grids)]
    if cells.shape[1] < _LEAST:
        return math.nan
    first, second = left_of_ranks(cells)
    return float(correlate(first[None], second[None])[0])


def _pearson(pair: Floats) -> float:
    first, second = pair[:, _there(pair)]
    return float(correlate(first[None], second[None])[0]) if len(first) > 1 else math.nan
