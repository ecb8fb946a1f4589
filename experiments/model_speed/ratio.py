"""The median of paired ratios, with an interval that assumes nothing about how they are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """median of other's seconds / ours in the same round: above 1 where ours is faster. low, high: its interval."""

    median: float
    low: float
    high: float


def paired_ratio(ours: Sequence[float], others: Sequence[float]) -> Ratio:
    """Interval: the order statistics between which the true median lies in at least 95 % of samples (the signs of
    the differences from it are fair coins); below 6 rounds, the smallest and the largest."""
    ratios = sorted(other / own for own, other in zip(ours, others, strict=True))
    outside = _outside(len(ratios))
    return Ratio(median(ratios), ratios[outside], ratios[-1 - outside])


def _outside(count: int) -> int:
    """How many ratios to leave out on each side: the most with at most half of 5 % of the binomial below."""
    below, outside = 0.0, 0
    for place in range(count):
        below += math.comb(count, place) / 2**count
        if below > (1 - CONFIDENCE) / 2:
            break
        outside = place
    return outside
