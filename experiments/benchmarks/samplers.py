"""What a sampler has found after so many noisy evaluations: a row for each (sampler, noise, seed, trials).

The oracle is the surrogate of `mnasnet-b0`; the search sees it through `Noisy` and is judged by the oracle itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ... import nas, search_spaces
from ...evaluators.surrogate import Surrogate
from ...evaluators.wrappers import Noisy
from ...nas.features import Encoder
from ...nas.pareto import hypervolume
from ...nas.posterior import fit
from ...nas.tables import positions

TARGET = 400e6
REFERENCE = np.array([-60.0, 1.0])  # of the hypervolume: 60 %, the target
BATCH = 8


def compared(sampler: str, noise: float, seed: int, counts: Sequence[int]) -> Iterator[dict[str, Any]]:
    """One search of max(counts) trials, judged after each of the counts.

    best: the most accurate network within the target that was evaluated. observed, posterior: the one that is picked by
    its own result, and by all results together. All in percent by the oracle, without noise. hypervolume: of the
    networks within the target, accuracy above 60 in points times the part of the target that is saved.
    """
    space, oracle = search_spaces.load("mnasnet-b0"), Surrogate()
    evaluator = Noisy(oracle, noise)
    table = nas.search(
        space, evaluator, target_flops=TARGET, sampler=sampler, trials=max(counts), batch=BATCH, seed=seed
    ).trials
    indices = positions(table, space)
    encoder, truth = Encoder(space), oracle.predict(indices).mean
    results, cost = table["accuracy"].to_numpy(dtype=float), table["mult_adds"].to_numpy(dtype=float) / TARGET
    for count in counts:
        usable = np.flatnonzero(cost[:count] <= 1)
        expected = fit(encoder(indices[:count]), results[:count], np.full(count, np.nan)).of_known().mean
        yield {
            "sampler": sampler,
            "noise": noise,
            "seed": seed,
            "trials": count,
            "best": float(truth[usable].max()),
            "observed": float(truth[usable[np.argmax(results[usable])]]),
            "posterior": float(truth[usable[np.argmax(expected[usable])]]),
            "hypervolume": hypervolume(np.column_stack([-truth[usable], cost[usable]]), REFERENCE),
        }
