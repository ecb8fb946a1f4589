"""Networks of one real cost: what is built follows a direction, and spends the budget to within a few percent.

`scale` rounds each stage's layers up, so every alpha in (1, 1.25] gives B0 the same depth and costs run from 1.9 to
3.3 times the base where 2 was asked for. Here depth is shared out by largest remainder, and the resolution makes up for
what rounding did to the rest.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.rounding import round_filters
from ..search_spaces.scaling import Multipliers

CLOSE = 0.03  # of the budget
LAYERS_OFF = (0, -1, 1, -2, 2)
WIDTH_OFF = (1.0, 0.985, 1.015, 0.97, 1.03, 0.955, 1.045)


def realise(
    base: Architecture, multipliers: Multipliers, mult_adds: float, name: str | None = None, step: int = 8
) -> Architecture:
    """The network in the direction of `multipliers` whose counted mult-adds are nearest to `mult_adds`.

    Widths by `round_filters` to multiples of `step` channels; the total number of layers is the nearest whole one; the
    resolution is the whole number of pixels that comes nearest. Where that misses by more than 3 % (the maps of the
    last stages grow by whole pixels, up to 15 % of the cost at once), a layer or two and a few percent of width are
    given or taken: the smallest such change that comes within 3 %, else the one that comes nearest.
    """
    nearest: tuple[float, Architecture] | None = None
    for layers_off, width_off in sorted(product(LAYERS_OFF, WIDTH_OFF), key=_size_of_change):
        width = multipliers.width * width_off
        network = _built(base, multipliers.depth, layers_off, width, name or base.name, step)
        network = _fitted(network, round(base.resolution * multipliers.resolution), mult_adds)
        off = abs(cost(network).mult_adds / mult_adds - 1)
        if off <= CLOSE:
            return network
        if nearest is None or off < nearest[0]:
            nearest = off, network
    if nearest is None:
        raise ValueError("there is nothing to choose from")
    return nearest[1]


def share_layers(repeats: list[int], depth: float, more: int = 0) -> list[int]:
    """round(depth * total) + `more` layers, at least one a stage: whole parts first, the rest to the largest
    remainders."""
    total = max(len(repeats), round(depth * sum(repeats)) + more)
    exact = [depth * count for count in repeats]
    shared = [max(1, int(one)) for one in exact]
    while sum(shared) != total:
        step = 1 if sum(shared) < total else -1
        free = [i for i, count in enumerate(shared) if count + step >= 1]
        shared[max(free, key=lambda i: (step * (exact[i] - shared[i]), -i))] += step
    return shared


def _size_of_change(change: tuple[int, float]) -> float:
    """A layer of a B0-like network and 3 % of width are changes of one size."""
    layers_off, width_off = change
    return abs(layers_off) + abs(width_off - 1) / 0.03


def _built(base: Architecture, depth: float, layers_off: int, width: float, name: str, step: int) -> Architecture:
    def channels(count: int) -> int:
        return count if count == 0 or width == 1 else round_filters(count * width, step)

    repeats = share_layers([stage.repeats for stage in base.stages], depth, layers_off)
    return replace(
        base,
        name=name,
        stem=replace(base.stem, channels=channels(base.stem.channels)),
        stages=tuple(
            replace(stage, channels=channels(stage.channels), repeats=count)
            for stage, count in zip(base.stages, repeats, strict=True)
        ),
        head=replace(base.head, channels=channels(base.head.channels), hidden=channels(base.head.hidden)),
    )


def _fitted(network: Architecture, wanted: int, mult_adds: float) -> Architecture:
    """At the resolution whose cost is nearest, and of equal costs the one nearest to `wanted` pixels.

    Cost grows with the resolution, in steps, so a bisection finds it.
    """
    low, high = 1, max(2, wanted)
    while high < 4096 and _cost_at(network, high) < mult_adds:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _cost_at(network, middle) < mult_adds else (low, middle)
    best = min((low, high), key=lambda pixels: abs(_cost_at(network, pixels) - mult_adds))
    reached = _cost_at(network, best)
    step = 1 if wanted > best else -1
    while best != wanted and _cost_at(network, best + step) == reached:
        best += step
    return replace(network, resolution=best)


def _cost_at(network: Architecture, pixels: int) -> int:
    return cost(replace(network, resolution=pixels)).mult_adds
