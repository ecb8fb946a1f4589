"""What the model of a search knows of a network before it is evaluated: its costs, its stages' costs, its choices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..search_spaces.cost import stage_costs
from ..search_spaces.space import Indices, SearchSpace
from ..search_spaces.tables import COLUMNS, StageTables

Floats = NDArray[np.float64]

SAMPLE = 256  # random networks that say what is usual in a space


@dataclass(frozen=True)
class Features:
    """Of n networks: totals (n, 3), stages (n, 2 * stages), genes (n, choices of all dimensions). Each group is scaled
    so that a random network's row has a length of about 1."""

    totals: Floats
    stages: Floats
    genes: Floats

    def __len__(self) -> int:
        return len(self.totals)

    def joined(self, other: Features) -> Features:
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("totals", "stages", "genes"))
        return Features(*(np.vstack(pair) for pair in pairs))

    def rows(self, chosen: NDArray[np.int64]) -> Features:
        return Features(self.totals[chosen], self.stages[chosen], self.genes[chosen])


class Encoder:
    """Features of a space's points. Costs come from its tables; without, networks are walked once and remembered."""

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._walked: dict[bytes, Floats] = {}

    def costs(self, indices: Indices) -> Floats:
        """Counts of COLUMNS, (n, 3)."""
        if self.space.tables is not None:
            return self.space.tables.costs(indices).astype(np.float64)
        totals: Floats = self._walk(indices).sum(axis=1)
        return totals

    def __call__(self, indices: Indices) -> Features:
        """Logarithms of parameters, mult-adds and activations, in all and (the first two) of each stage, as deviations
        from a random network; each choice of each dimension as a column."""
        totals, stages = self._logarithms(indices)
        (middle, spread), (stage_middle, stage_spread) = self._usual
        return Features(
            (totals - middle) / spread / np.sqrt(max(1, totals.shape[1])),
            (stages - stage_middle) / stage_spread / np.sqrt(max(1, stages.shape[1])),
            self._genes(indices),
        )

    @cached_property
    def _usual(self) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        drawn = self.space.sample_indices(np.random.default_rng(0), SAMPLE)
        totals, stages = (_scales(values) for values in self._logarithms(drawn))
        return totals, stages

    def _logarithms(self, indices: Indices) -> tuple[Floats, Floats]:
        if self.space.tables is not None:
            counts, stages = self.costs(indices), _tabled(self.space.tables, indices)
        else:
            walked = self._walk(indices)
            counts, stages = walked.sum(axis=1), walked[:, 1:]
        return np.log(np.maximum(counts, 1.0)), np.log1p(stages[..., :2]).reshape(len(indices), 2 * stages.shape[1])

    def _genes(self, indices: Indices) -> Floats:
        lengths = [len(dimension.choices) for dimension in self.space.dimensions]
        columns = np.hstack([np.eye(length)[indices[:, j]] - 1 / length for j, length in enumerate(lengths)])
        scaled: Floats = columns / np.sqrt(len(lengths))
        return scaled

    def _walk(self, indices: Indices) -> Floats:
        """Counts of COLUMNS of the stem with the head, and of each stage, (n, 1 + stages, 3). Stages that most networks
        of the space do not have are counted with the stem."""
        rows = [self._counts(row)[: self._parts] for row in indices]
        table = np.zeros((len(indices), self._parts, len(COLUMNS)))
        for row, place, all_parts in zip(rows, table, map(self._counts, indices), strict=True):
            place[: len(row)] = row
            place[0] += all_parts[self._parts :].sum(axis=0)
        return table

    @cached_property
    def _parts(self) -> int:
        """Of most networks: 1 + stages."""
        drawn = self.space.sample_indices(np.random.default_rng(0), SAMPLE)
        return int(np.median([len(self._counts(row)) for row in drawn]))

    def _counts(self, row: Indices) -> Floats:
        known = self._walked.get(row.tobytes())
        if known is None:
            stem, *stages, head = stage_costs(self.space.build(self.space.point(row)))
            parts = [stem + head, *stages]
            known = np.array([[getattr(one, name) for name in COLUMNS] for one in parts], dtype=np.float64)
            self._walked[row.tobytes()] = known
        return known


def _tabled(tables: StageTables, indices: Indices) -> Floats:
    """Counts of COLUMNS of the stages alone, (n, stages, 3)."""
    received = np.zeros(len(indices), dtype=np.int64)
    parts = []
    for weights, counts, widths in zip(tables.weights, tables.counts, tables.widths, strict=True):
        combination = indices @ weights
        parts.append(counts[received * len(widths) + combination])
        received = widths[combination]
    return np.stack(parts, axis=1).astype(np.float64)


def _scales(values: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of columns; 1 for a column that does not vary."""
    spread = values.std(axis=0)
    return values.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)
