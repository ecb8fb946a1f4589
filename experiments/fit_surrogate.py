"""Fit the accuracy predictor and write coefficients.json.

    python fit.py --data FOLDER --output coefficients.json

FOLDER holds anb_public.csv.gz and anb_two_schedules.csv. Linear algebra only: the same data
give the same file up to rounding at six significant digits.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..evaluators.surrogate_features import CHOICES, design, prior_deviations
from ..evaluators.surrogate_model import (
    Coefficients,
    Floats,
    Indices,
    Prediction,
    predict_final,
    predict_proxy,
    regressors,
    write,
)
from .validation import coverage, folds, kendall_tau, leave_one_out, report

ASYMPTOTE = 72.0  # percent; the fit is linear in -log(ASYMPTOTE - top1)
NOISE_VARIANCE = 0.011  # of the standardised target, by marginal likelihood
SEED_NOISE = 0.31  # percent points, one training run around the mean over seeds
GENES = tuple(f"{name}{stage}" for name in ("e", "k", "l", "se") for stage in range(1, 8))


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


def read(path: Path, columns: Sequence[str]) -> tuple[Indices, Floats]:
    """Choice indices (n, 28) and the named columns (n, len(columns)) of a CSV, maybe gzipped."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else path.open()
    with opened as stream:
        rows = list(csv.DictReader(stream))
    indices = [[choices.index(int(row[gene])) for gene, choices in zip(GENES, CHOICES, strict=True)] for row in rows]
    values = [[float(row[column]) for column in columns] for row in rows]
    return np.array(indices, dtype=np.int64), np.array(values, dtype=np.float64)


def report_proxy(indices: Indices, top1: Floats, mult_adds: Floats) -> None:
    """Print what cross-validation says of the proxy."""
    held, fold = cross_validate(indices, top1)
    error = top1 - held.mean
    taus = [kendall_tau(held.mean[fold == one], top1[fold == one]) for one in range(fold.max() + 1)]
    report("Kendall tau, mean", float(np.mean(taus)))
    report("Kendall tau by fold", *taus)
    report("root mean square error, points", float(np.sqrt(np.mean(error**2))))
    print(f"\n{'band':<28}{'rows':>6}{'error':>8}{'bias':>8}{'sigma':>8}{'covered':>8}")
    bands = {"all": np.ones(len(top1), dtype=np.bool_)}
    for low, high in ((0, 50), (50, 90), (90, 100)):
        edges = np.percentile(held.mean, [low, high])
        bands[f"predicted, percentile {low}-{high}"] = (held.mean >= edges[0]) & (held.mean <= edges[1])
    for start, end in ((0, 200), (200, 300), (300, 400), (400, 500), (500, 700)):
        bands[f"mult-adds {start}-{end}M"] = (mult_adds >= start * 1e6) & (mult_adds < end * 1e6)
    covered = coverage(held, top1, SEED_NOISE)
    for name, rows in bands.items():
        root = np.sqrt(np.mean(error[rows] ** 2))
        figures = (root, error[rows].mean(), held.sigma[rows].mean(), covered[rows].mean())
        print(f"{name:<28}{rows.sum():>6}" + "".join(f"{figure:8.3f}" for figure in figures))
    print()


def report_correction(coefficients: Coefficients, indices: Indices, values: Floats) -> None:
    """Print what the networks trained on both schedules (16 and 50 epochs) say."""
    short, long = values.T
    proxy = predict_proxy(indices, coefficients)
    matrix = regressors(indices, proxy.mean)
    report(
        "78 networks, 16 epochs: error, tau",
        float(np.sqrt(np.mean((short - proxy.mean) ** 2))),
        kendall_tau(proxy.mean, short),
    )
    report("  coverage with noise 0.31 / sqrt(3)", coverage(proxy, short, SEED_NOISE / 3**0.5).mean())
    for name, columns in (("proxy only", 2), ("proxy, layers", 3), ("proxy, layers, 5x5", 4)):
        left_out = leave_one_out(matrix[:, :columns], long)
        report(f"50 epochs, leave-one-out error, {name}", float(np.sqrt(np.mean(left_out**2))))
    final = leave_networks_out(coefficients, indices, long)
    report("  leave-one-out coverage, mean sigma", coverage(final, long, 0.0).mean(), final.sigma.mean())
    report("  Kendall tau, leave-one-out", kendall_tau(final.mean, long))


def main() -> None:
    """Fit, write the coefficients and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two tables")
    parser.add_argument("--output", type=Path, default=Path("coefficients.json"))
    options = parser.parse_args()
    started = time.perf_counter()
    indices, values = read(options.data / "anb_public.csv.gz", ("top1", "mult_adds"))
    others, schedules = read(options.data / "anb_two_schedules.csv", ("top1_16_epochs", "top1_50_epochs"))
    coefficients = fit_correction(assemble(fit(indices, values[:, 0])), others, schedules[:, 1])
    write(coefficients, options.output)
    report("fit and write, seconds", time.perf_counter() - started)
    report_proxy(indices, values[:, 0], values[:, 1])
    report_correction(coefficients, others, schedules)


if __name__ == "__main__":
    main()
