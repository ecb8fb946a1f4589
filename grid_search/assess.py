"""What the rated grid says: the best triple, those that cannot be told apart from it, and the published one's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import law as laws
from .grid import PUBLISHED, Floats, normalised
from .law import ScalingLaw
from .points import PointResult

# Percentage points: half the last digit of the published accuracies. Smaller differences cannot be measured.
RESOLUTION = 0.05
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Alternative:
    """The grid under another law: its best triple, and what it says of two others (percentage points lost)."""

    law: str
    best: tuple[float, float, float]
    published_loss: float
    chosen_loss: float


def membership(law: ScalingLaw, multipliers: Floats) -> NDArray[np.bool_]:
    """Which points are in the confidence set of a law, shape (points,).

    Those that are within RESOLUTION of the best in at least 5 % of the law's refits.
    """
    sampled = law.sampled_errors(multipliers)
    near = sampled <= sampled.min(axis=1, keepdims=True) + RESOLUTION
    return np.asarray(near.mean(axis=0) >= 1 - CONFIDENCE)


def membership_by_std(results: Sequence[PointResult]) -> NDArray[np.bool_]:
    """The same for evaluations: those whose error is not larger than the best's by more than RESOLUTION and 1.645
    standard deviations of the difference. An evaluation without std counts as exact."""
    errors = np.array([one.error for one in results])
    stds = np.array([one.std or 0.0 for one in results])
    best = int(np.nanargmin(errors))
    return np.asarray(errors - errors[best] <= RESOLUTION + 1.645 * np.hypot(stds, stds[best]))


def alternatives(triples: Floats, chosen: int, growth: float, used: ScalingLaw) -> tuple[Alternative, ...]:
    """The same grid under every other law."""
    multipliers = normalised(triples, growth)
    published = published_row(triples)
    found = []
    for name in laws.names():
        if name == used.name:
            continue
        errors = laws.load(name).errors(multipliers)
        best = int(errors.argmin())
        first, second, third = (float(one) for one in triples[best])
        losses = errors - errors[best]
        found.append(Alternative(name, (first, second, third), float(losses[published]), float(losses[chosen])))
    return tuple(found)


def published_row(triples: Floats) -> int:
    """Where 1.2, 1.1, 1.15 stands in a grid."""
    published = np.array([PUBLISHED.alpha, PUBLISHED.beta, PUBLISHED.gamma])
    return int(np.flatnonzero(np.isclose(triples, published).all(axis=1))[0])


def sentence(
    best: Sequence[float], size: int, total: int, loss: float | None, inside: bool, facts: Mapping[str, str]
) -> str:
    """The result in words. `loss`: of the published triple in points, None where its evaluation failed. `facts`: "by"
    (what rated the grid), "caveat"."""
    triple = ", ".join(f"{one:g}" for one in best)
    place = "could not be rated"
    if loss is not None:
        place = f"loses {loss:.3f} point and is {'one of them' if inside else 'not among them'}"
    return (
        f"Best on the grid by {facts['by']}: {triple}. {size} of {total} triples cannot be told apart from it; the "
        f"published 1.2, 1.1, 1.15 {place}. {facts['caveat']}"
    )
