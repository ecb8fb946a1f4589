"""The pilot: the first few trainings of a study, which say how much a run scatters and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records.errors import UserError
from ..search_spaces.checks import integer
from .designs import Design, DesignPoint
from .f_distribution import chi2_quantile
from .observations import Observation, response

RUNS = 6
INTERVAL = 0.8


@dataclass(frozen=True)
class PilotNoise:
    """sigma: standard deviation of one training, points of error (or units of the loss). low, high: its 80 % interval.
    mean: of the response. degrees: what sigma was estimated from."""

    sigma: float
    low: float
    high: float
    mean: float
    degrees: int


def pilot_runs(design: Design, runs: int = RUNS) -> tuple[tuple[DesignPoint, int], ...]:
    """The first two networks of the design besides the base (the centre and a corner), each with half as many seeds:
    the study needs these runs in any case. A design of fewer seeds gives what it has."""
    integer("runs", runs, 4, 1000)
    chosen = {point.name for point in [point for point in design.points if not point.is_base][:2]}
    seeds = sorted({seed for _, seed in design.runs})[: runs // 2]
    return tuple((point, seed) for point, seed in design.runs if point.name in chosen and seed in seeds)


def pilot_noise(observations: Sequence[Observation], *, response_name: str = "error") -> PilotNoise:
    """Within the points, seeds' common effects included: those cancel in a study, so this is rather too much.

    UserError where no network was trained with two seeds.
    """
    values = response(observations, response_name) if observations else np.zeros(0)
    groups: dict[str, list[float]] = {}
    for one, value in zip(observations, values.tolist(), strict=True):
        groups.setdefault(one.point, []).append(value)
    degrees = sum(len(group) - 1 for group in groups.values())
    if degrees < 1:
        raise UserError(
            f"the noise cannot be told from {len(observations)} finished runs", hint="train a network with two seeds"
        )
    squares = sum(float(np.square(np.array(group) - np.mean(group)).sum()) for group in groups.values())
    tail = (1 - INTERVAL) / 2
    low, high = (math.sqrt(squares / chi2_quantile(one, degrees)) for one in (1 - tail, tail))
    return PilotNoise(math.sqrt(squares / degrees), low, high, float(values.mean()), degrees)
