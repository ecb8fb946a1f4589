"""The accuracy predictor itself: coefficients in a JSON file, choice positions in, mean and sigma out. numpy alone.

Accuracies and sigmas are in percent points. Sigma is the error of the predictor as an estimate
of a network's mean accuracy over seeds; one training run scatters by another 0.31 point.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray

from .surrogate_features import STAGES, design

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BLOCK = 512  # points evaluated together, so that their features stay in the processor's cache


class Coefficients(TypedDict):
    """Content of the file."""

    asymptote: float  # percent; predictions stay below it
    mean: list[float]  # (646,) coefficients of -log(asymptote - top1)
    variance: list[float]  # (646,) calibrated variances of those coefficients
    correction: list[float]  # (4,) constant, top1 at 16 epochs, layers, stages with 5x5 kernels
    correction_covariance: list[list[float]]  # (4, 4)
    correction_centre: list[float]  # (4,) mean regressors: the typical network
    correction_residual: float  # percent points, standard deviation, leave-one-out
    correction_proxy_variance: float  # mean proxy sigma squared that the residual contains


class Prediction(NamedTuple):
    """Mean and one-sigma of the accuracy, each of shape (n,), in percent."""

    mean: Floats
    sigma: Floats


def load(path: Path) -> Coefficients:
    """Read the file."""
    coefficients: Coefficients = json.loads(path.read_text(encoding="utf-8"))
    return coefficients


def six_digits(value: object) -> object:
    """The same structure with every number rounded to six significant digits."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [six_digits(item) for item in value]
    return value


def write(coefficients: Coefficients, path: Path) -> None:
    """Write the file: sorted keys, six significant digits."""
    rounded = {key: six_digits(value) for key, value in coefficients.items()}
    path.write_text(json.dumps(rounded, sort_keys=True, indent=0) + "\n", encoding="utf-8")


def regressors(indices: Indices, proxy: Floats) -> Floats:
    """Regressors of the 50-epoch correction, shape (n, 4), of indices (n, 28), proxy (n,).

    Constant, top1 at 16 epochs (percent), number of layers, number of stages with 5x5 kernels.
    """
    layers = indices[:, 2 * STAGES : 3 * STAGES].sum(axis=1) + STAGES
    large_kernels = indices[:, STAGES : 2 * STAGES].sum(axis=1)
    return np.column_stack([np.ones(len(indices)), proxy, layers, large_kernels])


def _several(matrix: Floats) -> Floats:
    """The matrix (features, n) with at least two columns: numpy then adds up feature after feature, in this order, and
    a network's prediction is the same to the last bit alone and among others. (A matrix product promises no order.)"""
    return matrix if matrix.shape[1] > 1 else np.repeat(matrix, 2, axis=1)


def predict_proxy(indices: Indices, coefficients: Coefficients) -> Prediction:
    """Top-1 after the 16-epoch schedule, of choice indices of shape (n, 28).

    Sigma is the slope of the target transform times the square root of the sum over features
    of the squared feature times its coefficient's variance: it is larger for networks with
    extreme choices, and where accuracy is far below the asymptote.
    """
    weights = np.array(coefficients["mean"])[:, None]
    variances = np.array(coefficients["variance"])[:, None]
    scores, spreads = np.empty(len(indices)), np.empty(len(indices))
    for start in range(0, len(indices), BLOCK):
        part = slice(start, start + BLOCK)
        matrix = _several(design(indices[part]).T)
        count = len(scores[part])
        scores[part] = (matrix * weights).sum(axis=0)[:count]
        np.square(matrix, out=matrix)
        matrix *= variances
        spreads[part] = matrix.sum(axis=0)[:count]
    gap = np.exp(-scores)
    return Prediction(coefficients["asymptote"] - gap, gap * np.sqrt(spreads))


def predict_final(indices: Indices, coefficients: Coefficients) -> Prediction:
    """Top-1 after 50 epochs (mean of three seeds), of choice indices of shape (n, 28).

    The variance is the leave-one-out residual of the correction, which already contains the
    proxy's error at typical networks, plus what is atypical about this one: its leverage on
    the correction beyond the centre's, and its proxy variance beyond the typical one.
    """
    proxy = predict_proxy(indices, coefficients)
    matrix = regressors(indices, proxy.mean)
    weights = np.array(coefficients["correction"])
    offset = matrix - np.array(coefficients["correction_centre"])
    covariance = np.array(coefficients["correction_covariance"])
    leverage = sum(
        offset[:, i] * covariance[i, j] * offset[:, j] for i in range(len(weights)) for j in range(len(weights))
    )
    excess = np.maximum(proxy.sigma**2 - coefficients["correction_proxy_variance"], 0.0)
    variance = coefficients["correction_residual"] ** 2 + leverage + weights[1] ** 2 * excess
    mean = sum(matrix[:, i] * weights[i] for i in range(len(weights)))
    return Prediction(np.asarray(mean), np.sqrt(variance))
