"""Which of many points could be the best one: a set that holds the truly best with 95 % confidence.

A point s is left out when some other point t is lower than the surface's error explains:

    max over t of (mean(s) - mean(t)) / std(s - t)  >  critical value of s

The critical value is the 95 % quantile of the same maximum for pure error, taken from the draws about their mean. If s
is truly the best, mean(s) - mean(t) is error plus something that is not above 0, so s would be left out in at most 5 %
of studies. Points t that are clearly worse than s (by more than CLEAR spreads) cannot be what leaves s out, and are not
counted into its critical value; without that the set would hold the best in 97 to 100 % of studies and be larger.

This is Hsu's comparison with the best (1984, Annals of Statistics 12) on a continuum, with the moment selection of
Andrews and Soares (2010, Econometrica 78); with points close to s it is Box and Hunter's confidence region for a
stationary point (1954, Biometrika 41). It says where the optimum is. It does not say that all its members are good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Floats

Draws = NDArray[np.floating[Any]]

CONFIDENCE = 0.95
CLEAR = 2.5
FAR = 8.0  # spreads: out, without asking for the critical value


@dataclass(frozen=True)
class Near:
    """Points close to each of the others, k a point: mean (points, k), samples (draws, points, k), and which exist,
    (points, k). Without them a lattice is a coarse judge: the steepest descent from s may pass between its points."""

    mean: Floats
    samples: Floats
    exists: NDArray[np.bool_]


def could_be_best(
    mean: Floats, samples: Floats, near: Near | None = None, confidence: float = CONFIDENCE
) -> NDArray[np.bool_]:
    """mean (points,) and draws about it (draws, points) -> in the set (points,). Lower is better."""
    mean = np.asarray(mean, dtype=np.float64)
    away = np.asarray(samples - mean, dtype=np.float32)
    small = 1e-7 * max(float(np.abs(mean).max()), 1e-300)
    inside = np.zeros(len(mean), dtype=bool)
    for place in range(len(mean)):
        difference, lower = away[:, [place]] - away, mean[place] - mean
        if near is not None:
            used = near.exists[place]
            close = samples[:, [place]] - near.samples[:, place, used]
            lower = np.append(lower, mean[place] - near.mean[place, used])
            shifted = close - (mean[place] - near.mean[place, used])
            difference = np.hstack([difference, shifted.astype(np.float32)])
        spread = spreads(difference, small)
        score = scores(lower, spread, small)
        if score.max() > FAR:
            continue
        inside[place] = score.max() <= critical_value(difference, spread, score > -CLEAR, confidence)
    return inside


def spreads(difference: Draws, small: float) -> Floats:
    """Of draws of differences about 0, (draws, points): root mean squares (points,), 0 where within `small`."""
    spread = np.sqrt(np.square(difference).mean(axis=0, dtype=np.float64))
    return np.where(spread > small, spread, 0.0)


def scores(differences: Floats, spread: Floats, small: float) -> Floats:
    """Differences in spreads; where a spread is 0, infinity for one above `small`, else 0."""
    certain = spread == 0
    exact = np.where(differences > small, np.inf, 0.0)
    return np.where(certain, exact, differences / np.where(certain, 1.0, spread))


def critical_value(
    difference: Draws, spread: Floats, counted: NDArray[np.bool_], confidence: float = CONFIDENCE
) -> float:
    """What the largest of the counted differences, in spreads, exceeds in 1 - confidence of the draws."""
    used = counted & (spread > 0)
    if not used.any():
        return 0.0
    largest = (difference[:, used] / spread[used].astype(difference.dtype)).max(axis=1)
    return float(np.quantile(largest, confidence))


def losses(samples: Floats, of: Floats | None = None) -> Floats:
    """What each draw of the surface (draws, points) says that the points lose against its best: (draws, points), at
    least 0. With `of` (draws, others): what other points lose, which may be the best themselves."""
    lowest = samples.min(axis=1, keepdims=True)
    if of is None:
        return np.asarray(samples - lowest)
    return np.asarray(of - np.minimum(lowest, of.min(axis=1, keepdims=True)))
