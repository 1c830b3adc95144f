"""Effects at equal covariates: a partial rank correlation, and a mean difference at no difference of covariates.

numpy alone, as in `kit.stats.rank`. Tests hold both against formulas and scipy's.
"""

import math
from collections.abc import Sequence

import numpy as np

from kit.stats.bootstrap import DEFAULT, Bootstrap
from kit.stats.estimate import Estimate, Floats, percentile_interval
from kit.stats.rank import correlate, ranks

_TOLERANCE = 1e-9


def partial_spearman(
    x: Sequence[float],
    y: Sequence[float],
    covariates: Sequence[Sequence[float]],
    settings: Bootstrap = DEFAULT,
) -> Estimate:
    """Spearman's rho of x and y at equal covariates (each (units,)): the correlation of what is left of the ranks of
    both once those of the covariates have been regressed out, with a percentile interval over resampled units.

    Source: Kim 2015, "ppcor: an R package for a fast calculation to semi-partial correlation coefficients". NaN where
    nothing is left of one side; resamples of which that holds are passed over, and the ends are NaN where they are more
    than one in twenty. `n_items` and `n_clusters` count units. Raises ValueError for sides of different lengths, fewer
    units than variables and one, or values that are not finite.
    """
    values = _checked([x, y, *covariates])
    units = values.shape[1]
    value = float(_partial(values[:, None])[0])
    drawn = np.random.default_rng(settings.seed).integers(0, units, size=(settings.resamples, units))
    ends = (math.nan, math.nan)
    if not math.isnan(value):
        ends = percentile_interval(_partial(values[:, drawn]), settings.level)
    return Estimate(value, *ends, units, units, 1)


def partial_spearman_p(
    x: Sequence[float],
    y: Sequence[float],
    covariates: Sequence[Sequence[float]],
    settings: Bootstrap = DEFAULT,
) -> float:
    """Two-sided p of the hypothesis that, at equal covariates, the order of y has nothing to do with that of x:
    (b + 1)/(m + 1) with b of m random orders of what is left of y as extreme (Freedman and Lane 1983, "A nonstochastic
    interpretation of reported significance levels"). 1 where nothing is left of one side. Raises as `partial_spearman`.
    """
    order = ranks(_checked([x, y, *covariates]))
    basis = _basis(order[2:, None])
    first, second = _left(order[:1], basis), _left(order[1:2], basis)
    observed = abs(float(correlate(first, second)[0]))
    if math.isnan(observed):
        return 1.0
    generator = np.random.default_rng([settings.seed, 1])
    mixed = generator.permuted(np.tile(second, (settings.resamples, 1)), axis=1)
    found = np.abs(correlate(np.broadcast_to(first, mixed.shape), _left(mixed, basis)))
    return (int((found >= observed - 1e-12).sum()) + 1) / (settings.resamples + 1)


def adjusted_mean(
    y: Sequence[float], covariates: Sequence[Sequence[float]], settings: Bootstrap = DEFAULT
) -> Estimate:
    """What y, a difference of two sides in each unit, would be where they do not differ in the covariates (given as
    differences, each (units,)): the intercept of least squares, with a percentile interval over resampled units.

    Source: the analysis of covariance, as in Fisher 1932, "Statistical Methods for Research Workers", for pairs. Raises
    ValueError as `partial_spearman`. NaN where covariates are constant or follow from one another; resamples of which
    that holds are passed over, and the ends are NaN where they are more than one in twenty.
    """
    values = _checked([y, *covariates])
    units = values.shape[1]
    drawn = np.random.default_rng(settings.seed).integers(0, units, size=(settings.resamples, units))
    value = float(_intercepts(values[:, None])[0])
    return Estimate(
        value, *percentile_interval(_intercepts(values[:, drawn]), settings.level), units, units, 1
    )


def _checked(rows: Sequence[Sequence[float]]) -> Floats:
    """The values as rows: (variables, units)."""
    units = len(rows[0])
    if any(len(row) != units for row in rows) or units < len(rows) + 1:
        raise ValueError(
            f"{len(rows)} variables of {[len(row) for row in rows]} units: they need one more than that"
        )
    values = np.asarray(rows, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("an adjustment needs finite values")
    return values


def left_of_ranks(values: Floats) -> Floats:
    """What is left of the ranks of the first two of (variables, units) beside those of the others: (2, units)."""
    order = ranks(values)
    basis = _basis(order[2:, None])
    return np.concatenate([_left(order[at : at + 1], basis) for at in (0, 1)])


def _partial(values: Floats) -> Floats:
    """The partial rank correlation of the first two variables in every row of (variables, rows, units): (rows,)."""
    order = np.stack([ranks(rows) for rows in values])
    basis = _basis(order[2:])
    return correlate(_left(order[0], basis), _left(order[1], basis))


def _basis(covariates: Floats) -> Floats:
    """An orthonormal basis of what constant and covariates (variables, rows, units) span in every row: (rows, units,
    dimensions), zeros where they span less.
    """
    ones = np.ones((1, *covariates.shape[1:]))
    spanned = np.moveaxis(np.concatenate([ones, covariates]), 0, -1)
    left, sizes, _ = np.linalg.svd(spanned, full_matrices=False)
    basis: Floats = left * (sizes > _TOLERANCE * sizes[:, :1])[:, None, :]
    return basis


def _left(rows: Floats, basis: Floats) -> Floats:
    """What is left of (rows, units) beside a basis; exactly 0 where that is rounding alone."""
    explained = np.einsum("ruk,rk->ru", basis, np.einsum("ruk,ru->rk", basis, rows))
    left: Floats = rows - explained
    small = np.abs(left).max(axis=1) < _TOLERANCE * np.abs(rows).max(axis=1)
    left[small] = 0.0
    return left


def _intercepts(values: Floats) -> Floats:
    """The intercept of the first variable over the others in every row of (variables, rows, units): (rows,)."""
    covariates = values[1:]
    scale = np.abs(covariates).max(axis=(1, 2), keepdims=True)
    scaled = covariates / np.where(scale > 0, scale, 1.0)
    design = np.moveaxis(np.concatenate([np.ones((1, *values.shape[1:])), scaled]), 0, -1)
    left, sizes, right = np.linalg.svd(design, full_matrices=False)
    along = np.einsum("ruk,ru->rk", left, values[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.einsum("rk,rk->r", along / sizes, right[:, :, 0])
    found[sizes[:, -1] <= _TOLERANCE * sizes[:, 0]] = math.nan
    return found
