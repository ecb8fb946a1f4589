"""The networks of a design: all of one real cost, whatever dimension is held fixed.

The usual rounding to 8 channels would give a thin base two widths or three: 24 channels grow to 24 or 32, and designs
that ask for different widths would train nearly one network. So the steps are finer where channels are few.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.cost import cost, stage_costs
from ..search_spaces.fit_flops import fit_flops
from ..search_spaces.scaling import Multipliers, scale
from .designs import Design, DesignPoint
from .realise import CLOSE, LAYERS_OFF, realise, share_layers

RESOLUTION = 2  # of the dimensions
STEPS = (8, 4, 2, 1)  # channels
FINE = 8  # steps in a mean width, at least


@dataclass(frozen=True)
class StudyNetworks:
    """point's name -> network, without points that would build another one's network; those, -> the other's name."""

    networks: Mapping[str, Architecture]
    same: Mapping[str, str]


def build_networks(base: Architecture, design: Design, channel_step: int | None = None) -> StudyNetworks:
    """Of all points. InvalidValue where one cannot be built."""
    networks: dict[str, Architecture] = {}
    same: dict[str, str] = {}
    keys: dict[str, str] = {}
    for point in design.points:
        network = network_of(base, design, point, channel_step)
        if network.key in keys:
            same[point.name] = keys[network.key]
        else:
            networks[point.name] = network
            keys[network.key] = point.name
    return StudyNetworks(networks, same)


def channel_step_of(base: Architecture) -> int:
    """8 channels, or fewer where the base's mean width is below 64: at most an eighth of it. The mean is of logarithms,
    weighted with the mult-adds that are spent at each width."""
    stem, *stages, head = stage_costs(base)
    pairs = [(base.stem.channels, stem.mult_adds), (base.head.channels or 1, head.mult_adds * bool(base.head.channels))]
    pairs += [(stage.channels, one.mult_adds) for stage, one in zip(base.stages, stages, strict=True)]
    total = sum(weight for _, weight in pairs)
    mean = math.exp(sum(weight * math.log(width) for width, weight in pairs) / total)
    return next((step for step in STEPS if FINE * step <= mean), 1)


def network_of(base: Architecture, design: Design, point: DesignPoint, channel_step: int | None = None) -> Architecture:
    """With `design.growth` times the base's counted mult-adds to within 3 %, where that can be; the base itself for its
    own point. `realise` lets the pixels make up for rounding; where the resolution is fixed the channels do. Channels
    are multiples of `channel_step`, `channel_step_of` the base where it is None."""
    if point.is_base:
        return base
    step = channel_step_of(base) if channel_step is None else channel_step
    budget = design.growth * cost(base).mult_adds
    wanted = Multipliers(*point.multipliers)
    name = f"{base.name}-{point.name}"
    return at_budget(base, wanted, budget, name, step, keep_resolution=RESOLUTION in design.fixed)


def at_budget(
    base: Architecture, wanted: Multipliers, mult_adds: float, name: str, step: int, keep_resolution: bool
) -> Architecture:
    """The network in the direction of `wanted` with so many mult-adds, to within 3 % where that can be: pixels make up
    for rounding, or channels where the resolution is to be kept. InvalidValue where there is none."""
    if keep_resolution:
        return _at_fixed_resolution(base, wanted, mult_adds, name, step)
    return realise(base, wanted, mult_adds, name, step)


def _at_fixed_resolution(base: Architecture, wanted: Multipliers, budget: float, name: str, step: int) -> Architecture:
    """Layers by largest remainder, then channels by `fit_flops`, in finer steps where that misses; a layer or two more
    or less where that misses, too."""
    pixels = round(base.resolution * wanted.resolution)
    wide = scale(base, Multipliers(width=wanted.width))
    repeats = [stage.repeats for stage in base.stages]
    nearest: tuple[float, Architecture] | None = None
    finer = [one for one in STEPS if one <= step]
    for more, channels in product(LAYERS_OFF, finer):  # finer channels rather than other layers
        counts = share_layers(repeats, wanted.depth, more)
        stages = tuple(replace(stage, repeats=count) for stage, count in zip(wide.stages, counts, strict=True))
        try:
            network = fit_flops(replace(wide, stages=stages, resolution=pixels), budget, name, step=channels)
        except InvalidValue:
            continue
        off = abs(cost(network).mult_adds / budget - 1)
        if off <= CLOSE:
            return network
        if nearest is None or off < nearest[0]:
            nearest = off, network
    if nearest is None:
        raise InvalidValue(f"{base.name} at {pixels} pixels cannot be built for {budget:.4g} mult-adds")
    return nearest[1]
