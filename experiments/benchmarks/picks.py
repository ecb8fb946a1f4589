"""Is the posterior of a search's results right? Checked on networks that were really trained on ImageNet.

n networks of the table of `experiments.surrogate` are drawn, noise is added to their measured accuracies, the model is
fitted; its means are held against the measured accuracies of these networks, and of others that it has not seen. (The
measured ones scatter by about 0.31 point themselves, one seed each.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...evaluators.surrogate import measured_space
from ...nas.features import Encoder, Floats
from ...nas.posterior import fit
from ..surrogate import tables

UNSEEN = 800


def checked(data: Path, counts: Sequence[int], noises: Sequence[float], seeds: int) -> Iterator[dict[str, Any]]:
    """Rows, one for each (networks, noise, seed). tau_*: Kendall's tau with the measured accuracies, of the noisy
    results, the posterior means, and the predictions for UNSEEN other networks. loss_*: points that the network of the
    highest noisy result, or posterior mean, is below the best of the n. z: standard deviation of (measured - predicted)
    / std for the others; 1 is calibrated."""
    indices, values = tables.read(data / tables.PROXY, ["top1"])
    encoder, measured = Encoder(measured_space()), values[:, 0]
    for count in counts:
        for noise in noises:
            for seed in range(seeds):
                random = np.random.default_rng([count, round(100 * noise), seed])
                order = random.permutation(len(measured))
                known, others = order[:count], order[count : count + UNSEEN]
                truth = measured[known]
                results = truth + noise * random.normal(size=count)
                model = fit(encoder(indices[known]), results, np.full(count, np.nan))
                mean, ahead = model.of_known().mean, model.predict(encoder(indices[others]))
                yield {
                    "networks": count,
                    "noise": noise,
                    "seed": seed,
                    "tau_results": _tau(results, truth),
                    "tau_posterior": _tau(mean, truth),
                    "tau_others": _tau(ahead.mean, measured[others]),
                    "loss_results": float(truth.max() - truth[np.argmax(results)]),
                    "loss_posterior": float(truth.max() - truth[np.argmax(mean)]),
                    "z": float(((measured[others] - ahead.mean) / ahead.std).std()),
                }


def _tau(first: Floats, second: Floats) -> float:
    """Agreeing pairs less disagreeing ones, as a part of all pairs; without ties that is Kendall's tau."""
    signs = np.sign(first[:, None] - first[None]) * np.sign(second[:, None] - second[None])
    return float(signs.sum() / (len(first) * (len(first) - 1)))
