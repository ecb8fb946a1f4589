"""Predicted ImageNet accuracy for the networks of the space `mnasnet-b0`, fitted on real trainings.

Two things are predicted, and the result's `fidelity` says which:

- epochs=50, the default: top-1 after 50 epochs at 224 px, the mean over seeds. A linear correction of the other one
  that favours depth and disfavours 5x5 kernels, fitted on 78 networks that were trained on both schedules.
- epochs=16: top-1 after the 16-epoch training at 160 to 192 px that the 4,100 networks of the fit went through.

`experiments/surrogate` fits `surrogate.json` and says where the data is from; docs/surrogate.md has the errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.mnasnet import mnasnet_b0
from ..search_spaces.space import SearchSpace
from .evaluation import Evaluation, timed
from .surrogate_model import Coefficients, Prediction, load, predict_final, predict_proxy

FIDELITY: Final = {
    50: "ImageNet top-1, 50 epochs (predicted)",
    16: "ImageNet top-1, 16-epoch proxy (predicted)",
}
COEFFICIENTS = Path(__file__).with_name("surrogate.json")


class Surrogate:
    """Evaluator for networks of `mnasnet-b0`; any other is refused with a UserError that says why.

    `std` of its evaluations is the predictor's own error, one sigma; a single training scatters by 0.31 more.
    """

    def __init__(self, epochs: int = 50) -> None:
        if not isinstance(epochs, int) or epochs not in FIDELITY:
            raise UserError(f"epochs is {epochs!r:.40}; the surrogate predicts 50 (final) or 16 (proxy training)")
        self.epochs = epochs
        self.source = f"surrogate, {epochs} epochs"

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        return self.many([architecture], seed=seed)[0]

    def many(self, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
        started = perf_counter()
        points = [self._point(architecture) for architecture in architectures]
        prediction = self.predict(measured_space().indices(points))
        return timed(
            [
                Evaluation(float(mean), float(sigma), seed=seed, fidelity=FIDELITY[self.epochs], source=self.source)
                for mean, sigma in zip(*prediction, strict=True)
            ],
            started,
        )

    def predict(self, indices: NDArray[np.int64]) -> Prediction:
        """Mean and sigma in percent, (points,) each, of choice positions of `mnasnet-b0`, shape (points, 28)."""
        lengths = [len(dimension.choices) for dimension in measured_space().dimensions]
        if indices.ndim != 2 or indices.shape[1] != len(lengths) or (indices < 0).any() or (indices >= lengths).any():
            raise UserError(f"choice positions of shape {indices.shape} are no points of mnasnet-b0 (points, 28)")
        predict = predict_final if self.epochs == 50 else predict_proxy
        return predict(indices, _coefficients())

    def _point(self, architecture: Architecture) -> dict[str, int | float | str | bool]:
        try:
            return measured_space().encode(architecture)
        except InvalidValue as error:
            raise UserError(
                f"the surrogate was fitted on the search space mnasnet-b0 alone: {error}",
                hint="use --evaluator capacity, or your own file.py:function, for other networks",
            ) from error


@cache
def measured_space() -> SearchSpace:
    return mnasnet_b0()


@cache
def _coefficients() -> Coefficients:
    return load(COEFFICIENTS)
