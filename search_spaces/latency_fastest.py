"""The network of a space that a latency table predicts to be the fastest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from .architecture import Architecture
from .block_signature import SMALL, signatures
from .latency_table import LatencyTable
from .space import Indices, SearchSpace
from .tables import StageTables

SAMPLED, STARTS = 1_000, 3  # of a space that is neither made of stages nor small


@dataclass(frozen=True)
class Fastest:
    """milliseconds: predicted; 0 or less where the table's correction gives no time. proven: no other one is faster.
    networks whose blocks the table lacks do not count."""

    architecture: Architecture
    milliseconds: float
    proven: bool


def fastest(table: LatencyTable, space: SearchSpace, seed: int = 0) -> Fastest | None:
    """Proven where the space is made of independent stages or has at most SMALL points. Else the fastest of SAMPLED
    random networks and of what changes of one dimension at a time make of the STARTS best. None: the table holds the
    blocks of none of them."""
    if space.tables is not None:
        rows, proven = _staged(table, space, space.tables), True
    elif space.size <= SMALL:
        lengths = (range(len(dimension.choices)) for dimension in space.dimensions)
        rows, proven = [np.array(row, dtype=np.int64) for row in product(*lengths)], True
    else:
        rows, proven = _descended(table, space, seed), False
    times = [_milliseconds(table, space, row) for row in rows]
    best = int(np.argmin(times))
    if math.isinf(times[best]):
        return None
    return Fastest(space.decode(space.point(rows[best])), times[best], proven)


def _milliseconds(table: LatencyTable, space: SearchSpace, row: Indices, stage: int | None = None) -> float:
    """Of the network, or of one of its stages (from 1); infinite where a block is missing."""
    slope, per_block = (1.0, 0.0) if table.correction is None else (table.correction.slope, table.correction.per_block)
    total = 0.0
    for text, block in signatures(space.build(space.point(row))):
        if stage is None or block.stage == stage:
            if text not in table.entries:
                return math.inf
            total += slope * table.entries[text].median + per_block
    return total


def _staged(table: LatencyTable, space: SearchSpace, tables: StageTables) -> list[Indices]:
    """The fastest point for each width of the last stage. A stage takes as long as its own choices and the width that
    it receives say, so of all beginnings that end with one width only the fastest matters."""
    lengths = [len(dimension.choices) for dimension in space.dimensions]
    beginnings = [(0.0, np.zeros(len(lengths), dtype=np.int64))]
    for stage, (weights, widths) in enumerate(zip(tables.weights, tables.widths, strict=True), 1):
        own = np.flatnonzero(weights)
        best: dict[int, tuple[float, Indices]] = {}
        for before, start in beginnings:
            for choice in product(*(range(lengths[place]) for place in own)):
                row = start.copy()
                row[own] = choice
                time = before + _milliseconds(table, space, row, stage)
                width = int(widths[row @ weights])
                if width not in best or time < best[width][0]:
                    best[width] = time, row
        beginnings = list(best.values())
    return [row for _, row in beginnings]


def _descended(table: LatencyTable, space: SearchSpace, seed: int) -> list[Indices]:
    random = np.random.default_rng(seed)
    drawn = list(space.sample_indices(random, SAMPLED))
    times = [_milliseconds(table, space, row) for row in drawn]
    return [_descent(table, space, drawn[i], times[i]) for i in np.argsort(times)[:STARTS]]


def _descent(table: LatencyTable, space: SearchSpace, row: Indices, time: float) -> Indices:
    """Takes the best choice of each dimension in turn, until nothing gets faster."""
    while True:
        before = time
        for place, dimension in enumerate(space.dimensions):
            for choice in range(len(dimension.choices)):
                other = row.copy()
                other[place] = choice
                taken = _milliseconds(table, space, other)
                if taken < time:
                    row, time = other, taken
        if time >= before:
            return row
