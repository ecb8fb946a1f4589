"""The fit: ridge regression of the proxy accuracy, then a linear correction to 50 epochs. Linear algebra only, so the
same data give the same coefficients up to rounding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...evaluators.surrogate_features import design, prior_deviations
from ...evaluators.surrogate_model import (
    Coefficients,
    Floats,
    Indices,
    Prediction,
    predict_final,
    predict_proxy,
    regressors,
)
from .validation import folds, leave_one_out

ASYMPTOTE = 72.0  # percent; the fit is linear in -log(ASYMPTOTE - top1)
NOISE_VARIANCE = 0.011  # of the standardised target, by marginal likelihood
SEED_NOISE = 0.31  # percent points, one training run around the mean over seeds


class Proxy(NamedTuple):
    """Coefficients of -log(ASYMPTOTE - top1) and their calibrated variances, shape (646,)."""

    mean: Floats
    variance: Floats


def fit(indices: Indices, top1: Floats) -> Proxy:
    """Ridge regression with a prior variance per feature: indices (n, 28), top1 (n,) percent.

    The variances are the diagonal of the posterior covariance, times the factor for which the
    mean square of the closed-form leave-one-out residuals, in percent points, equals the seed
    noise plus the mean of sigma squared: the factor stands for misfit.
    """
    target = -np.log(ASYMPTOTE - top1)
    centre, scale = target.mean(), target.std()
    standard = (target - centre) / scale
    prior = prior_deviations()
    matrix = design(indices) * (prior / np.sqrt(NOISE_VARIANCE))
    inverse = np.linalg.inv(matrix.T @ matrix + np.eye(len(prior)))
    solution = inverse @ (matrix.T @ standard)
    diagonal = np.diag(inverse)

    leverage = np.einsum("ij,ij->i", matrix @ inverse, matrix)
    held_out = standard - (standard - matrix @ solution) / (1.0 - leverage)
    gap = np.exp(-(centre + scale * held_out))
    residual = top1 - (ASYMPTOTE - gap)
    spread = (gap * scale) ** 2 * (matrix**2 @ diagonal)
    misfit = max(np.mean(residual**2) - SEED_NOISE**2, 0.01 * SEED_NOISE**2) / np.mean(spread)

    unit = scale * prior / np.sqrt(NOISE_VARIANCE)
    mean = solution * unit
    mean[0] += centre
    return Proxy(mean, misfit * diagonal * unit**2)


def assemble(proxy: Proxy) -> Coefficients:
    """Coefficients without a correction: the 50-epoch estimate equals the proxy."""
    return Coefficients(
        asymptote=ASYMPTOTE,
        mean=proxy.mean.tolist(),
        variance=proxy.variance.tolist(),
        correction=[0.0, 1.0, 0.0, 0.0],
        correction_covariance=[[0.0] * 4] * 4,
        correction_centre=[0.0] * 4,
        correction_residual=0.0,
        correction_proxy_variance=0.0,
    )


def fit_correction(base: Coefficients, indices: Indices, top1: Floats) -> Coefficients:
    """Add the linear correction to the 50-epoch top1 (n,), percent, of indices (n, 28)."""
    proxy = predict_proxy(indices, base)
    matrix = regressors(indices, proxy.mean)
    inverse = np.linalg.inv(matrix.T @ matrix)
    weights = inverse @ (matrix.T @ top1)
    residual = top1 - matrix @ weights
    left_out = leave_one_out(matrix, top1)
    variance = residual @ residual / (len(top1) - matrix.shape[1])
    result = base.copy()
    result["correction"] = weights.tolist()
    result["correction_covariance"] = (variance * inverse).tolist()
    result["correction_centre"] = matrix.mean(axis=0).tolist()
    result["correction_residual"] = float(np.sqrt(np.mean(left_out**2)))
    result["correction_proxy_variance"] = float(np.mean(proxy.sigma**2))
    return result


def cross_validate(indices: Indices, top1: Floats, number: int = 5) -> tuple[Prediction, NDArray[np.int64]]:
    """Held-out predictions (percent) of every row, and the fold each row is in."""
    fold = folds(len(top1), number)
    mean, sigma = np.empty(len(top1)), np.empty(len(top1))
    for held in range(number):
        test = fold == held
        part = assemble(fit(indices[~test], top1[~test]))
        mean[test], sigma[test] = predict_proxy(indices[test], part)
    return Prediction(mean, sigma), fold


def leave_networks_out(base: Coefficients, indices: Indices, top1: Floats) -> Prediction:
    """50-epoch prediction of each network by the correction fitted on all the others."""
    mean, sigma = np.empty(len(top1)), np.empty(len(top1))
    for row in range(len(top1)):
        rest = np.arange(len(top1)) != row
        part = fit_correction(base, indices[rest], top1[rest])
        one = predict_final(indices[row : row + 1], part)
        mean[row], sigma[row] = one.mean[0], one.sigma[0]
    return Prediction(mean, sigma)
