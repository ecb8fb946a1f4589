"""From the sum of blocks measured alone to the latency of a network, and how well that agrees with whole networks.

A block alone runs with its weights and its input in the cache, and each measurement pays the call and the clock once
a block; in a network neither is so. Both are linear: milliseconds = slope * sum + per_block * blocks, fitted to
networks that were measured whole, relative errors weighing alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .checks import InvalidValue

FEWEST = 5  # networks that two numbers are fitted to
STEEPEST = 10.0  # a file may hold such a slope, or one over it
PLAUSIBLE = 0.5, 3.0  # slopes that are kept
WORST = 20.0  # percent: the mean error of a correction that is kept, on its own networks
RIDGE = 1e-3  # holds the overhead near 0 where the networks cannot tell it from the slope
QUIETER = "measure again on a machine that does nothing else, or with more --rounds"


@dataclass(frozen=True)
class Agreement:
    """Of predicted with measured latencies. mean_error, worst_error, bias: percent of the measured; bias > 0: predicted
    too slow. tau: Kendall's rank correlation (tau-b), nan where all are equal."""

    networks: int
    mean_error: float
    worst_error: float
    bias: float
    tau: float


def fit_linear(sums: Sequence[float], counts: Sequence[int], measured: Sequence[float]) -> tuple[float, float]:
    """(slope, per_block in milliseconds) by least squares of the relative errors. InvalidValue for fewer than FEWEST
    networks, and where the slope that fits is not PLAUSIBLE."""
    if len(measured) < FEWEST:
        raise InvalidValue(f"there are {len(measured)} calibration networks; a correction needs at least {FEWEST}")
    target = np.asarray(measured, dtype=np.float64)
    # in units of the mean ratio and of a typical block, so that both columns are about 1
    ratio, typical = float(target.mean() / np.mean(sums)), float(target.mean() / np.mean(counts))
    first, second = ratio * np.asarray(sums, dtype=np.float64), typical * np.asarray(counts, dtype=np.float64)
    design = np.column_stack([first / target, second / target])
    ridge = RIDGE * len(target) * np.eye(2)
    wanted = design.T @ np.ones(len(target)) + ridge @ np.array([1.0, 0.0])
    slope, overhead = np.linalg.solve(design.T @ design + ridge, wanted) * np.array([ratio, typical])
    if not PLAUSIBLE[0] <= slope <= PLAUSIBLE[1]:
        raise InvalidValue(
            f"the slope of the correction would be {slope:.3g}, and {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g} is plausible",
            hint=QUIETER,
        )
    return float(slope), float(overhead)


def implausible(slope: float, error: float, plain_error: float) -> str | None:
    """Why a correction is not to be kept; None where it is. error, plain_error: mean absolute error in percent on the
    networks that it was fitted to, with it and without.

    Two numbers fitted to networks of one machine bring the sums nearer to these networks, and near. Where they do not,
    the measurements contradict each other.
    """
    if not PLAUSIBLE[0] <= slope <= PLAUSIBLE[1]:
        return f"its slope is {slope:.3g}, and {PLAUSIBLE[0]:g} to {PLAUSIBLE[1]:g} is plausible"
    if error > WORST:
        return f"it is off by {error:.1f} % on the networks that it was fitted to, and {WORST:g} % is the most"
    if error >= plain_error:
        return f"it is off by {error:.1f} % on the networks that it was fitted to, and without it {plain_error:.1f} %"
    return None


def agreement(predicted: Sequence[float], measured: Sequence[float]) -> Agreement:
    """Both in milliseconds, of the same networks, at least one."""
    first, second = np.asarray(predicted, dtype=np.float64), np.asarray(measured, dtype=np.float64)
    relative = 100 * (first / second - 1)
    return Agreement(
        networks=len(second),
        mean_error=float(np.abs(relative).mean()),
        worst_error=float(np.abs(relative).max()),
        bias=float(relative.mean()),
        tau=kendall_tau(first, second),
    )


def kendall_tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Tau-b: ordered pairs minus reversed ones, over the geometric mean of the pairs that are not tied in each."""
    one = np.sign(first[:, None] - first[None, :])
    other = np.sign(second[:, None] - second[None, :])
    untied = float(np.sqrt((one != 0).sum() * (other != 0).sum()))
    return float((one * other).sum() / untied) if untied else float("nan")
