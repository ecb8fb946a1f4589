"""Where labels go: beside what they name, on nothing else. The same labels always go to the same places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DISTANCES = (9, 16, 26, 40, 58, 80, 108)
# direction -> how much the label's box lies to the left of and above its nearest point, in parts of its size
DIRECTIONS = {
    (1, 0): (0.0, 0.5), (-1, 0): (1.0, 0.5), (0, -1): (0.5, 1.0), (0, 1): (0.5, 0.0),
    (0.7, -0.7): (0.0, 1.0), (-0.7, -0.7): (1.0, 1.0), (0.7, 0.7): (0.0, 0.0), (-0.7, 0.7): (1.0, 0.0),
}  # fmt: skip
OVERLAP, CROSSED, DOT, FAR = 40.0, 60.0, 6.0, 0.6  # prices: a square pixel on a box, a step of a leading line on one,
STEP, NEAR = (
    5.0,
    12.0,
)  # a dot covered, a pixel away; pixels between the steps, and around the point that may be crossed


@dataclass(frozen=True)
class Box:
    """In pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Square pixels in common."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def count(self, points: NDArray[np.float64]) -> int:
        """How many of the points (shape (n, 2)) lie in it."""
        x, y = points[:, 0], points[:, 1]
        return int(((self.left <= x) & (x <= self.right) & (self.top <= y) & (y <= self.bottom)).sum())

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> Box:
        return cls(x - reach, y - reach, x + reach, y + reach)


@dataclass(frozen=True)
class Wanted:
    """A label for the point x, y: its size, and how far its nearest edge stays from the point at least."""

    x: float
    y: float
    width: float
    height: float
    clear: float = 0.0


@dataclass(frozen=True)
class Placed:
    """A label's box, and whether it is so far off that a line should lead to it."""

    box: Box
    led: bool


def place(
    labels: Sequence[Wanted], *, inside: Box, taken: Iterable[Box] = (), dots: Iterable[tuple[float, float]] = ()
) -> list[Placed]:
    """A place for each label, the first ones choosing first. taken: what no label should cover; dots: what it may."""
    occupied = list(taken)
    points = np.array(sorted(dots), dtype=np.float64).reshape(-1, 2)
    result = []
    for label in labels:
        tries = [
            (_price(label, box, distance, occupied, points, inside), order, box, distance)
            for order, (distance, box) in enumerate(_candidates(label))
        ]
        _, _, best, distance = min(tries, key=lambda one: one[:2])
        led = distance > DISTANCES[1]
        occupied.append(best)
        occupied += [Box.around(x, y, 2) for x, y in _leader(label, best)] if led else []
        result.append(Placed(best, led))
    return result


def _leader(label: Wanted, box: Box) -> list[tuple[float, float]]:
    """Steps on the line from near the label's point to its box."""
    x, y = min(max(label.x, box.left), box.right), min(max(label.y, box.top), box.bottom)
    length = math.hypot(x - label.x, y - label.y)
    steps = int((length - NEAR) / STEP)
    parts = [(NEAR + STEP * i) / length for i in range(steps)]
    return [(label.x + part * (x - label.x), label.y + part * (y - label.y)) for part in parts]


def _candidates(label: Wanted) -> Iterable[tuple[float, Box]]:
    for distance in DISTANCES:
        for (right, down), (before, above) in DIRECTIONS.items():
            left = label.x + right * (distance + label.clear) - before * label.width
            top = label.y + down * (distance + label.clear) - above * label.height
            yield distance, Box(left, top, left + label.width, top + label.height)


def _price(
    label: Wanted, box: Box, distance: float, occupied: Sequence[Box], points: NDArray[np.float64], inside: Box
) -> float:
    area = (box.right - box.left) * (box.bottom - box.top)
    outside = area - box.overlap(inside)
    covered = sum(box.overlap(other) for other in occupied)
    steps = _leader(label, box) if distance > DISTANCES[1] else []
    crossed = sum(
        other.left <= x <= other.right and other.top <= y <= other.bottom for x, y in steps for other in occupied
    )
    dots = math.sqrt(box.count(points))
    return OVERLAP * (3 * outside + covered) + CROSSED * crossed + DOT * dots + FAR * distance
