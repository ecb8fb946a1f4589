"""A second opinion: gradient boosting fitted on the trained networks, which had no part in the search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from ...evaluators.surrogate import measured_space
from ...evaluators.surrogate_model import Floats, Indices
from ...search_spaces.architecture import Architecture
from ..surrogate import tables
from ..surrogate.validation import folds, kendall_tau

MEMBERS = 5  # fits with different seeds, averaged


@dataclass(frozen=True)
class Judge:
    """Predicts top-1 of the 16-epoch training, percent, of networks of `mnasnet-b0`. tau, error: 5-fold."""

    models: Sequence[Any]
    tau: float
    error: float

    def predict(self, networks: Sequence[Architecture]) -> Floats:
        """(networks,)"""
        indices = measured_space().indices([measured_space().encode(one) for one in networks])
        return _mean(self.models, _features(indices))


def fit(data: Path) -> Judge:
    """On the table of `experiments.surrogate`; deterministic."""
    indices, values = tables.read(data / tables.PROXY, ("top1",))
    features, top1 = _features(indices), values[:, 0]
    fold = folds(len(top1), 5)
    held = np.empty(len(top1))
    for one in range(5):
        held[fold == one] = _mean(_models(features[fold != one], top1[fold != one]), features[fold == one])
    taus = [kendall_tau(held[fold == one], top1[fold == one]) for one in range(5)]
    error = float(np.sqrt(np.mean((held - top1) ** 2)))
    return Judge(_models(features, top1), float(np.mean(taus)), error)


def _models(features: Floats, top1: Floats) -> list[Any]:
    return [
        HistGradientBoostingRegressor(
            max_iter=800, learning_rate=0.06, max_leaf_nodes=8, l2_regularization=1.0, max_features=0.5,
            random_state=seed,
        ).fit(features, top1)
        for seed in range(MEMBERS)
    ]  # fmt: skip


def _mean(models: Sequence[Any], features: Floats) -> Floats:
    return np.asarray(np.mean([model.predict(features) for model in models], axis=0), dtype=np.float64)


def _features(indices: Indices) -> Floats:
    """The genes, and logarithms of mult-adds and parameters."""
    costs = measured_space().costs(indices)[:, :2]
    return np.column_stack([indices.astype(np.float64), np.log(costs)])
