"""Shares of the growth: how much of factor^phi goes into depth, width and resolution.

With growth G, shares (s_d, s_w, s_r) that add up to 1 mean depth G^s_d, width G^(s_w / 2), resolution G^(s_r / 2):
depth * width^2 * resolution^2 = G whatever the shares are. A triple alpha, beta, gamma is a direction, and has the
shares ln(alpha) / l, 2 ln(beta) / l, 2 ln(gamma) / l, with l their sum (`grid.shares`).

What is built has whole layers, channels and pixels. Its multipliers are read off the network:

- depth: its layers by the base's.
- width: the mean ratio of the channels of stem, stages and head, as logarithms, each weighted with the mult-adds that
  the base spends there. It is mult-adds that width multiplies (width^2); by parameters the head and the last stage
  would decide alone, though they are seen at a few pixels only.
- resolution: its pixels by the base's. Maps are rounded up, so 226 pixels cost what 256 do where the last map has an
  odd pixel. That is no growth: it shows as a product of the multipliers that stays behind the mult-adds, 22 % at worst
  for B0 doubled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost, stage_costs
from .grid import Floats

NAMES = ("depth", "width", "resolution")
COEFFICIENTS = ("alpha", "beta", "gamma")
POWERS = np.array([1.0, 2.0, 2.0])  # of depth, width, resolution in the growth
EQUAL = np.full(3, 1 / 3)  # 1.26, 1.12, 1.12 for growth 2


@dataclass(frozen=True)
class Realised:
    """What a network of a study has become.

    multipliers
        depth, width, resolution against the base.
    ln_flops_ratio
        ln(counted mult-adds / (growth * the base's)).
    """

    multipliers: tuple[float, float, float]
    ln_flops_ratio: float


def multipliers_of(shares: Floats, growth: float) -> Floats:
    """(points, 3) -> (points, 3): depth, width, resolution."""
    return np.asarray(growth ** (np.asarray(shares) / POWERS))


def coefficients_of(shares: Floats, growth: float, phi: float = 1.0) -> Floats:
    """(points, 3) -> alpha, beta, gamma whose phi-th powers are the multipliers."""
    return np.asarray(multipliers_of(shares, growth) ** (1 / phi))


def in_growths(multipliers: Floats, growth: float) -> Floats:
    """ln(depth), 2 ln(width), 2 ln(resolution) in units of ln(growth), (points, 3): the shares, where the product of
    the multipliers is the growth; all 0 for the base."""
    return np.asarray(np.log(multipliers) * POWERS / math.log(growth))


def realised(base: Architecture, network: Architecture, growth: float) -> Realised:
    """Of a network that was scaled from `base`."""
    layers = [sum(stage.repeats for stage in one.stages) for one in (network, base)]
    stem, *stages, head = stage_costs(base)
    pairs = [
        (network.stem.channels, base.stem.channels, stem.mult_adds),
        *(
            (new.channels, old.channels, one.mult_adds)
            for new, old, one in zip(network.stages, base.stages, stages, strict=True)
        ),
    ]
    if base.head.channels:
        pairs.append((network.head.channels, base.head.channels, head.mult_adds))
    total = sum(weight for _, _, weight in pairs)
    width = math.exp(sum(weight * math.log(new / old) for new, old, weight in pairs) / total)
    ratio = cost(network).mult_adds / (growth * cost(base).mult_adds)
    return Realised((layers[0] / layers[1], width, network.resolution / base.resolution), math.log(ratio))
