"""The difference of two networks that were evaluated with the same seeds, and its interval.

Student's t knows of the seeds alone. All seeds are scored on the same images though: their error does not average out
over seeds, and few images make differences equal that are not. So the interval is never narrower than that of the
evaluations' own error, one `Evaluation.std` of each network, taken as independent: for networks that fail on the same
images an upper bound.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from . import student

CONFIDENCE = 0.95
DEVIATIONS = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # 1.96: that many of the evaluations' error
EQUAL = 1e-9  # differences that are this close are the same number
WIDEST = 100.0  # percentage points


@dataclass(frozen=True)
class Paired:
    """Candidate less baseline, percentage points, over the seeds that both have; low to high: the 95 % interval of the
    mean, within -100 to 100, NaN with one seed and where neither seeds nor evaluations give a width.

    floored: the width is that of the evaluations' own error, since the seeds' is less.
    """

    mean: float
    low: float
    high: float
    seeds: int
    floored: bool = False

    @classmethod
    def of(cls, differences: Sequence[float], error: float = 0.0) -> Paired:
        """error: one standard deviation of a difference by the evaluations themselves; 0 where it is not known."""
        mean, seeds = fmean(differences), len(differences)
        if seeds == 1:
            return cls(mean, math.nan, math.nan, 1)
        by_seeds = student.quantile(CONFIDENCE, seeds - 1) * stdev(differences) / math.sqrt(seeds)
        reach = max(by_seeds, DEVIATIONS * error)
        if reach < EQUAL:
            return cls(mean, math.nan, math.nan, seeds)
        return cls(mean, max(mean - reach, -WIDEST), min(mean + reach, WIDEST), seeds, reach > by_seeds)

    @property
    def side(self) -> str:
        """ "above", "below", "not told apart" (0 is within the interval, or there is none) or "one seed"."""
        if self.seeds == 1:
            return "one seed"
        return "above" if self.low > 0 else "below" if self.high < 0 else "not told apart"
