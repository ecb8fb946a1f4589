"""The MnasNet reward: accuracy * (cost / target)^w (arXiv 1807.11626, equation 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..search_spaces import checks

Values = TypeVar("Values", float, NDArray[np.float64])


@dataclass(frozen=True)
class Reward:
    """accuracy * (cost / target)^w, w = `under` where cost <= target and `over` above it; in accuracy's percent.

    -0.07 on both sides is the soft reward of MnasNet and EfficientNet: halving the cost is worth 5 % more accuracy
    (relative), on either side of the target. 0 and -1 is the hard one: below the target only accuracy counts, above it
    the cost's excess is lost in full.
    """

    target: float = 400e6
    under: float = -0.07
    over: float = -0.07
    cost: str = "mult_adds"

    def __post_init__(self) -> None:
        checks.number("target", self.target, 1e-12, 1e18)
        checks.number("under", self.under, -10, 0)
        checks.number("over", self.over, -10, 0)

    @classmethod
    def hard(cls, target: float = 400e6, cost: str = "mult_adds") -> Reward:
        return cls(target, under=0.0, over=-1.0, cost=cost)

    def __call__(self, accuracy: Values, cost: Values) -> Values:
        """Of one network, or of arrays of the same shape."""
        ratio = cost / self.target
        exponent = np.where(np.asarray(cost) <= self.target, self.under, self.over)
        value = accuracy * ratio**exponent
        return value if isinstance(accuracy, np.ndarray) else float(value)
