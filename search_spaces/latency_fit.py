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
STEEPEST = 10.0
RIDGE = 1e-3  # holds the overhead near 0 where the networks cannot tell it from the slope


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
    networks, and where no slope from 0.1 to 10 fits."""
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
    if not 1 / STEEPEST <= slope <= STEEPEST:
        raise InvalidValue(
            f"measured networks and the sums of their blocks do not go together: the slope would be {slope:.3g}",
            hint="measure again on a machine that does nothing else",
        )
    return float(slope), float(overhead)


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
