"""Costs of many points at once, for spaces made of stages that are chosen independently.

The cost of a stage depends on its own choices and on the channels that it receives, nothing else. So it is counted
once for every combination, by the same `block_cost` as a single network, and a point's cost is a sum of table entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .architecture import Architecture, Block, Stage, blocks, stage_block, stem_size
from .cost import Cost, block_cost
from .rounding import strided

COLUMNS = ("params", "mult_adds", "activations")


@dataclass(frozen=True)
class StageTables:
    """For each stage: which columns of a point it reads, and its counts.

    weights
        one vector a stage, (dimensions,): choice positions @ weights = the combination's number.
    counts
        one array a stage, (widths it may receive * combinations, 3): the counts of COLUMNS.
    widths
        one vector a stage, (combinations,): the position of its output channels among those the next may receive.
    fixed
        (3,): stem. `head`: (widths of the last stage, 3).
    """

    weights: tuple[NDArray[np.int64], ...]
    counts: tuple[NDArray[np.int64], ...]
    widths: tuple[NDArray[np.int64], ...]
    fixed: NDArray[np.int64]
    head: NDArray[np.int64]

    def costs(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Choice positions (points, dimensions) -> counts (points, 3)."""
        totals = np.broadcast_to(self.fixed, (len(indices), 3)).copy()
        received = np.zeros(len(indices), dtype=np.int64)
        for weights, counts, widths in zip(self.weights, self.counts, self.widths, strict=True):
            combination = indices @ weights
            totals += counts[received * len(widths) + combination]
            received = widths[combination]
        return totals + self.head[received]

    def cheapest(self, column: str) -> int:
        """The smallest count in the space of one of COLUMNS."""
        which = COLUMNS.index(column)
        least = np.zeros(1, dtype=np.int64)  # by the width that a stage receives
        for counts, widths in zip(self.counts, self.widths, strict=True):
            by_width = least[:, None] + counts[:, which].reshape(len(least), len(widths))
            best = by_width.min(axis=0)
            least = np.array([best[widths == width].min() for width in range(widths.max() + 1)], dtype=np.int64)
        return int(self.fixed[which] + (least + self.head[:, which]).min())


def stage_tables(
    reference: Architecture, weights: Sequence[NDArray[np.int64]], variants: Sequence[Sequence[Stage]]
) -> StageTables:
    """Count a space: for each stage its `weights` (see StageTables) and its variants in the order of their numbers."""
    stem, *_, head = blocks(reference)
    size, received = stem_size(reference), [reference.stem.channels]
    counts, widths = [], []
    for stage, options in zip(reference.stages, variants, strict=True):
        rows = [_counts(_stage_cost(option, width, size)) for width in received for option in options]
        counts.append(np.array(rows, dtype=np.int64))
        received = sorted({option.channels for option in options})
        widths.append(np.array([received.index(option.channels) for option in options], dtype=np.int64))
        size = strided(size, stage.stride)
    heads = [_counts(block_cost(_receiving(head, width), reference.classes)) for width in received]
    fixed = np.array(_counts(block_cost(stem)), dtype=np.int64)
    return StageTables(tuple(weights), tuple(counts), tuple(widths), fixed, np.array(heads, dtype=np.int64))


def _stage_cost(stage: Stage, width: int, size: int) -> Cost:
    first = stage_block(stage, 1, 0, width, size)
    total = block_cost(first)
    if stage.repeats > 1:  # the others are all alike
        other = block_cost(stage_block(stage, 1, 1, first.output, first.output_size))
        total += Cost(*(count * (stage.repeats - 1) for count in _counts(other)))
    return total


def _receiving(head: Block, width: int) -> Block:
    return replace(head, input=width, output=head.output if head.operation == "head" else width)


def _counts(cost: Cost) -> tuple[int, int, int]:
    return cost.params, cost.mult_adds, cost.activations
