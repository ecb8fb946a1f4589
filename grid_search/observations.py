"""One training of a study: what the fit takes in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluators.evaluation import Evaluation
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from .grid import Floats
from .shares import realised

RESPONSES = ("error", "loss")


@dataclass(frozen=True)
class Observation:
    """One finished training. A run that failed, diverged or was stopped early is none: leave it out.

    point
        name of the design's point; observations of one name are replicates of one network.
    multipliers
        depth, width, resolution of the network as built.
    error, loss
        percent top-1 error; negative log-likelihood in nats, None where there is none.
    std
        one sigma of this error as far as known beforehand (a smaller test set), else None. Only the ratios between
        observations matter: they become weights; the noise itself is estimated.
    ln_flops_ratio
        ln(counted mult-adds / those wanted).
    """

    point: str
    seed: int
    multipliers: tuple[float, float, float]
    error: float
    loss: float | None = None
    std: float | None = None
    ln_flops_ratio: float = 0.0

    @classmethod
    def of(
        cls, point: str, base: Architecture, network: Architecture, evaluation: Evaluation, growth: float
    ) -> Observation | None:
        """None for an evaluation that failed."""
        if evaluation.failure is not None or not math.isfinite(evaluation.accuracy):
            return None
        built = realised(base, network, growth)
        return cls(
            point,
            evaluation.seed,
            built.multipliers,
            100.0 - evaluation.accuracy,
            evaluation.loss,
            evaluation.std,
            built.ln_flops_ratio,
        )


def response(observations: Sequence[Observation], name: str) -> Floats:
    """The values of "error" or "loss", (n,). UserError where one is missing or no finite number."""
    if name not in RESPONSES:
        raise UserError(f"response is {name!r}; allowed: {', '.join(RESPONSES)}")
    values = [getattr(one, name) for one in observations]
    for one, value in zip(observations, values, strict=True):
        if value is None or not math.isfinite(value):
            raise UserError(
                f"the {name} of {one.point}, seed {one.seed}, is {value}; a finished run has a finite number",
                hint="leave out runs that diverged or were stopped" + ("; or fit the error" if name == "loss" else ""),
            )
    return np.array(values, dtype=np.float64)


def weights(observations: Sequence[Observation]) -> Floats:
    """1 / std^2 with mean 1 where every observation has a std above 0, else all 1; (n,)."""
    stds = [one.std or 0.0 for one in observations]
    if min(stds) <= 0:
        return np.ones(len(stds))
    values = 1 / np.square(stds)
    return np.asarray(values / values.mean())
