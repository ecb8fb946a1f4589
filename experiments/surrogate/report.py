"""What the fit is worth: the figures of docs/surrogate.md, computed afresh."""

from __future__ import annotations

import numpy as np

from ...evaluators.capacity import CEILING, capacity
from ...evaluators.surrogate import measured_space
from ...evaluators.surrogate_model import Coefficients, Floats, Indices, predict_proxy, regressors
from .fit import SEED_NOISE, cross_validate, leave_networks_out
from .validation import coverage, kendall_tau, leave_one_out


def row(label: str, *values: float) -> None:
    print(f"{label:<44}", *(f"{value:8.4f}" for value in values))


def print_proxy(indices: Indices, top1: Floats, mult_adds: Floats) -> None:
    """Print what cross-validation says of the proxy."""
    held, fold = cross_validate(indices, top1)
    error = top1 - held.mean
    taus = [kendall_tau(held.mean[fold == one], top1[fold == one]) for one in range(fold.max() + 1)]
    row("Kendall tau, mean", float(np.mean(taus)))
    row("Kendall tau by fold", *taus)
    row("root mean square error, points", float(np.sqrt(np.mean(error**2))))
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


def print_correction(coefficients: Coefficients, indices: Indices, values: Floats) -> None:
    """Print what the networks trained on both schedules (16 and 50 epochs) say."""
    short, long = values.T
    proxy = predict_proxy(indices, coefficients)
    matrix = regressors(indices, proxy.mean)
    row(
        "78 networks, 16 epochs: error, tau",
        float(np.sqrt(np.mean((short - proxy.mean) ** 2))),
        kendall_tau(proxy.mean, short),
    )
    row("  coverage with noise 0.31 / sqrt(3)", coverage(proxy, short, SEED_NOISE / 3**0.5).mean())
    for name, columns in (("proxy only", 2), ("proxy, layers", 3), ("proxy, layers, 5x5", 4)):
        left_out = leave_one_out(matrix[:, :columns], long)
        row(f"50 epochs, leave-one-out error, {name}", float(np.sqrt(np.mean(left_out**2))))
    final = leave_networks_out(coefficients, indices, long)
    row("  leave-one-out coverage, mean sigma", coverage(final, long, 0.0).mean(), final.sigma.mean())
    row("  Kendall tau, leave-one-out", kendall_tau(final.mean, long))


def print_capacity(indices: Indices, top1: Floats, mult_adds: Floats) -> None:
    """Print how the training-free score ranks the same networks, and the two constants of its scale."""
    space = measured_space()
    score = np.array([capacity(space.decode(space.point(one))) for one in indices])
    near = (mult_adds >= 350e6) & (mult_adds <= 400e6)
    row("capacity: Kendall tau, all and 350-400M", kendall_tau(score, top1), kendall_tau(score[near], top1[near]))
    row("mult-adds: the same", kendall_tau(mult_adds, top1), kendall_tau(mult_adds[near], top1[near]))
    matrix = np.column_stack([np.ones_like(score), -score])
    offset, slope = np.linalg.lstsq(matrix, np.log(CEILING / top1 - 1), rcond=None)[0]
    row("capacity: offset, slope of its scale", offset, slope)
