"""Statistics of held-out predictions: folds, rank correlation, coverage, leave-one-out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...evaluators.surrogate_model import Floats, Prediction


def leave_one_out(matrix: Floats, target: Floats) -> Floats:
    """Least-squares residual of each row when it is left out, shape (n,)."""
    hat = matrix @ np.linalg.pinv(matrix)
    residual: Floats = (target - hat @ target) / (1.0 - np.diag(hat))
    return residual


def folds(count: int, number: int) -> NDArray[np.int64]:
    """Fold of every row, shape (count,), equal sizes, the same on every machine."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(count)
    result = np.empty(count, dtype=np.int64)
    result[order] = np.arange(count) % number
    return result


def kendall_tau(first: Floats, second: Floats) -> float:
    """Kendall's tau-b of two vectors of shape (n,); NaN where one of them is constant."""
    concordance = first_pairs = second_pairs = 0.0
    for row in range(len(first) - 1):
        one = np.sign(first[row + 1 :] - first[row])
        two = np.sign(second[row + 1 :] - second[row])
        concordance += float(one @ two)
        first_pairs += float(one @ one)
        second_pairs += float(two @ two)
    pairs = float(np.sqrt(first_pairs * second_pairs))
    return concordance / pairs if pairs else float("nan")


def coverage(prediction: Prediction, top1: Floats, noise: float) -> Floats:
    """1.0 where the error is within sqrt(sigma^2 + noise^2), percent points; shape (n,)."""
    inside = np.abs(top1 - prediction.mean) <= np.hypot(prediction.sigma, noise)
    return inside.astype(np.float64)
