"""The stratified split: which training images are put aside to compare networks on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified(labels: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """True for the images that are put aside.

    Of a class with n images it takes the nearest whole number to share * n, but at least 1 and at most n - 1; of a
    class with a single image, none. Which ones depends on the seed, the class and the place within the class alone.

    Args:
        labels: (N,), not negative.
        share: above 0 and below 1.
    """
    taken = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        count = held_out(len(members), share)
        order = np.argsort(_shuffled(len(members), seed, int(label)), kind="stable")
        taken[members[order[:count]]] = True
    return taken


def held_out(images: int, share: float) -> int:
    """How many of a class's images are put aside."""
    return 0 if images < 2 else min(max(int(share * images + 0.5), 1), images - 1)


def _shuffled(count: int, seed: int, label: int) -> NDArray[np.uint64]:
    """Pseudo-random numbers that no version of NumPy will change: SplitMix64 (Steele, Lea, Flood 2014), chained."""
    state = np.arange(count, dtype=np.uint64)
    for key in (label, seed):
        state = _mixed(state + np.uint64((key + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF))
    return state


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
