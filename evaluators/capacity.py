"""A training-free score for any network: how much capacity its stages have, late stages counting more.

With L layers of relative size e in a stage of C channels (e is the expansion of MBConv; of other blocks, their dense
weights divided by 2 C^2), W_s from 0.5 at the first stage to 1.5 at the last:

    score = sum of W_s * (log(1 + L e) * (1 + 0.1 [SE]) + 0.1 [kernel > 3] + 2 log(C / 16))  /  sum of W_s
            + 2 log(resolution / 224)

The stage weights and the SE and kernel terms were chosen with the rankings of the 4,100 trained networks of
`mnasnet-b0` in view, so its agreement with them (Kendall tau 0.79; 0.70 among those of 350 to 400M mult-adds) is no
test. FLOPs alone reach 0.47 and 0.01. The width and resolution terms are not fitted: they say that doubling the width
or the resolution counts like four times the layers, as in the additive scaling law of the EfficientNet family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import perf_counter
from typing import Final

import numpy as np

from ..search_spaces.architecture import Architecture, Stage
from .evaluation import Evaluation, timed

STAGE_WEIGHTS: Final = (0.5, 0.75, 1.0, 1.0, 1.25, 1.5, 1.5)  # of seven stages; others lie between
# accuracy = CEILING / (1 + exp(OFFSET - SLOPE * score)), fitted on the same networks (error 1.1 points): it gives the
# numbers a familiar range and changes no order.
CEILING: Final = 72.0
OFFSET: Final = 4.112
SLOPE: Final = 1.028


class Capacity:
    """Evaluator for every Architecture. Its `accuracy` orders networks; it is no accuracy, and has no std."""

    source = "capacity"

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        return self.many([architecture], seed=seed)[0]

    def many(self, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
        started = perf_counter()
        fidelity = "training-free capacity score (no accuracy)"
        return timed(
            [
                Evaluation(_as_percent(capacity(one)), seed=seed, fidelity=fidelity, source=self.source)
                for one in architectures
            ],
            started,
        )


def capacity(architecture: Architecture) -> float:
    """The score; only differences mean something."""
    count = len(architecture.stages)
    places = np.linspace(0, len(STAGE_WEIGHTS) - 1, count) if count > 1 else np.array([len(STAGE_WEIGHTS) - 1])
    weights = np.interp(places, range(len(STAGE_WEIGHTS)), STAGE_WEIGHTS)
    scores = [_stage_score(stage) for stage in architecture.stages]
    return float(np.average(scores, weights=weights)) + 2 * math.log(architecture.resolution / 224)


def _stage_score(stage: Stage) -> float:
    depth = math.log(1 + stage.repeats * _relative_size(stage))
    return (
        depth * (1.1 if stage.se_ratio > 0 else 1.0)
        + (0.1 if stage.kernel > 3 else 0.0)
        + 2 * math.log(stage.channels / 16)
    )


def _relative_size(stage: Stage) -> float:
    """Dense (not depthwise) weights of one block, in units of 2 * channels^2; MBConv's is its expansion."""
    area = stage.kernel**2
    return {
        "mbconv": float(stage.expand),
        "sepconv": 0.5,
        "conv": area / 2,
        "basic": float(area),
        "bottleneck": stage.expand + stage.expand**2 * area / 2,
    }[stage.operation]


def _as_percent(score: float) -> float:
    return CEILING / (1 + math.exp(OFFSET - SLOPE * score))
