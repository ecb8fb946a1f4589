"""The networks of a design: all of one real cost, whatever dimension is held fixed."""

from __future__ import annotations

from dataclasses import replace

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.cost import cost
from ..search_spaces.fit_flops import fit_flops
from ..search_spaces.scaling import Multipliers, scale
from .designs import Design, DesignPoint
from .realise import CLOSE, LAYERS_OFF, realise, share_layers

RESOLUTION = 2  # of the dimensions


def network_of(base: Architecture, design: Design, point: DesignPoint) -> Architecture:
    """With `design.growth` times the base's counted mult-adds to within 3 %, where that can be; the base itself for its
    own point. `realise` lets the pixels make up for rounding; where the resolution is fixed the channels do."""
    if point.is_base:
        return base
    budget = design.growth * cost(base).mult_adds
    wanted = Multipliers(*point.multipliers)
    name = f"{base.name}-{point.name}"
    if RESOLUTION in design.fixed:
        return _at_fixed_resolution(base, wanted, budget, name)
    return realise(base, wanted, budget, name)


def _at_fixed_resolution(base: Architecture, wanted: Multipliers, budget: float, name: str) -> Architecture:
    """Layers by largest remainder, then channels by `fit_flops`; a layer or two more or less where that misses."""
    pixels = round(base.resolution * wanted.resolution)
    wide = scale(base, Multipliers(width=wanted.width))
    repeats = [stage.repeats for stage in base.stages]
    nearest: tuple[float, Architecture] | None = None
    for more in LAYERS_OFF:
        counts = share_layers(repeats, wanted.depth, more)
        stages = tuple(replace(stage, repeats=count) for stage, count in zip(wide.stages, counts, strict=True))
        try:
            network = fit_flops(replace(wide, stages=stages, resolution=pixels), budget, name)
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
