"""Pareto fronts of plain arrays; every column is to be minimised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def non_dominated(values: Array) -> NDArray[np.bool_]:
    """Which rows (points, objectives) no other row beats: none is at least as good everywhere and better somewhere.

    Equal rows do not beat each other. Rows with NaN are never on the front.
    """
    values = np.asarray(values, dtype=np.float64)
    front = np.zeros(len(values), dtype=bool)
    usable = np.flatnonzero(~np.isnan(values).any(axis=1))
    order = usable[np.lexsort(values[usable].T[::-1])]  # a row can be beaten by earlier ones only
    kept = np.empty((0, values.shape[1]))
    for row in order:
        candidate = values[row]
        beats = (kept <= candidate).all(axis=1) & (kept < candidate).any(axis=1)
        if not beats.any():
            front[row] = True
            kept = np.vstack([kept, candidate])
    return front


def hypervolume(values: Array, reference: Array) -> float:
    """Volume that rows (points, objectives) dominate up to the reference point; rows beyond it add nothing.

    Exact, by slicing along the last objective; meant for two or three objectives.
    """
    values = np.asarray(values, dtype=np.float64)
    reference = np.asarray(reference, dtype=np.float64)
    values = values[(values < reference).all(axis=1)]
    if not len(values):
        return 0.0
    if values.shape[1] == 1:
        return float(reference[0] - values.min())
    values = values[non_dominated(values)]
    values = values[np.argsort(values[:, -1], kind="stable")]
    if values.shape[1] == 2:  # a staircase: first objective falls as the second rises
        right = np.append(values[1:, 1], reference[1])
        return float(((reference[0] - np.minimum.accumulate(values[:, 0])) * (right - values[:, 1])).sum())
    tops = np.append(values[1:, -1], reference[-1])
    return sum(
        hypervolume(values[: i + 1, :-1], reference[:-1]) * float(top - values[i, -1])
        for i, top in enumerate(tops)
        if top > values[i, -1]
    )


def knee(cost: Array, accuracy: Array) -> int:
    """Position of the front's point that lies farthest above the line between its ends.

    Cost on a logarithmic axis, both axes scaled to 0..1. With one or two points, the most accurate one.
    """
    x, y = np.log(np.asarray(cost, dtype=np.float64)), np.asarray(accuracy, dtype=np.float64)
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return int(np.argmax(y))
    height = (y - y.min()) / np.ptp(y) - (x - x.min()) / np.ptp(x)
    return int(np.argmax(height))
