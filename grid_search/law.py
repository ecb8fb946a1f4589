"""Scaling law: ImageNet error of a scaled network by its depth, width and resolution multipliers.

    error = c + a * depth^-p + b * width^(-2 q) + e * resolution^(-2 r)          (percent)

It saturates at c and gives each dimension its own, additive loss. `experiments/scaling_law` fits `laws.json` to
published results of EfficientNets. "additive", the default, has one exponent for all; "separate" has three;
"logarithmic" is the additive form of log(error). "mobilenet-v2" and "resnet-50" are the additive form, with the
default's exponent, on those networks' results: other networks want other coefficients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..search_spaces.checks import InvalidValue, nearest, shown
from ..search_spaces.scaling import Multipliers

Floats = NDArray[np.float64]

LAWS = Path(__file__).with_name("laws.json")
# The base whose results a law was fitted to; EfficientNet-B0 where none is named.
FITTED_ON = {"mobilenet-v2": "mobilenet-v2", "resnet-50": "resnet-50"}


class Prediction(NamedTuple):
    """Top-1 error in percent and its one sigma (of the fit; a training scatters besides)."""

    error: float
    std: float


@dataclass(frozen=True)
class ScalingLaw:
    """One fitted form.

    coefficients
        (7,): c, a, b, e, p, q, r of the formula.
    samples
        (refits, 7): the same, refitted to results disturbed by `noise`: the uncertainty.
    logarithmic
        the formula gives log(error).
    noise
        percentage points, the standard deviation of the disturbance: the leave-one-out error of the default law.
    """

    name: str
    coefficients: Floats
    samples: Floats
    logarithmic: bool
    noise: float
    residual: float
    leave_one_out: float | None
    rows: int

    @property
    def base(self) -> str:
        """The network whose scaled versions the law was fitted to."""
        return FITTED_ON.get(self.name, "efficientnet-b0")

    def predict(self, multipliers: Multipliers) -> Prediction:
        """Of nominal multipliers; a built network's depth is rounded up and its width to multiples of 8."""
        triple = np.array([[multipliers.depth, multipliers.width, multipliers.resolution]])
        return Prediction(float(self.errors(triple)[0]), float(self.sampled_errors(triple)[:, 0].std()))

    def errors(self, multipliers: Floats) -> Floats:
        """Multipliers (points, 3: depth, width, resolution) -> percent (points,)."""
        return np.asarray(formula(self.coefficients[None], multipliers, self.logarithmic)[0])

    def sampled_errors(self, multipliers: Floats) -> Floats:
        """The same by every refit: (refits, points)."""
        return formula(self.samples, multipliers, self.logarithmic)


def load(name: str = "additive") -> ScalingLaw:
    """A law by name. InvalidValue for an unknown one."""
    laws = _read()
    if name not in laws:
        raise InvalidValue(f"there is no scaling law {shown(name)}; known: {', '.join(laws)}", hint=nearest(name, laws))
    return laws[name]


def names() -> tuple[str, ...]:
    return tuple(_read())


@cache
def _read() -> Mapping[str, ScalingLaw]:
    content: dict[str, dict[str, Any]] = json.loads(LAWS.read_text(encoding="utf-8"))["laws"]
    return {
        name: ScalingLaw(
            name=name,
            coefficients=np.array(law["coefficients"]),
            samples=np.array(law["samples"]),
            logarithmic=law["logarithmic"],
            noise=law["noise"],
            residual=law["residual"],
            leave_one_out=law["leave_one_out"],
            rows=law["rows"],
        )
        for name, law in content.items()
    }


def formula(coefficients: Floats, multipliers: Floats, logarithmic: bool) -> Floats:
    """Coefficients (laws, 7), multipliers (points, 3) -> (laws, points)."""
    depth, width, resolution = np.log(multipliers).T[:, None, :]
    c, a, b, e, p, q, r = coefficients.T[:, :, None]
    value = c + a * np.exp(-p * depth) + b * np.exp(-2 * q * width) + e * np.exp(-2 * r * resolution)
    error: Floats = np.exp(value) if logarithmic else value
    return error
