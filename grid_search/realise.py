"""Networks of one real cost: what is built follows a direction, and spends the budget to within a few percent.

`scale` rounds each stage's layers up, so every alpha in (1, 1.25] gives B0 the same depth and costs run from 1.9 to
3.3 times the base where 2 was asked for. Here depth is shared out by largest remainder, and the resolution makes up for
what rounding did to the rest.
"""

from __future__ import annotations

from dataclasses import replace

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.rounding import round_filters
from ..search_spaces.scaling import Multipliers


def realise(base: Architecture, multipliers: Multipliers, mult_adds: float, name: str | None = None) -> Architecture:
    """The network in the direction of `multipliers` whose counted mult-adds are nearest to `mult_adds`.

    Widths by `round_filters`; the total number of layers is the nearest whole one; the resolution is the whole number
    of pixels that comes nearest.
    """

    def channels(count: int) -> int:
        return count if count == 0 or multipliers.width == 1 else round_filters(count * multipliers.width)

    repeats = share_layers([stage.repeats for stage in base.stages], multipliers.depth)
    built = replace(
        base,
        name=name or base.name,
        stem=replace(base.stem, channels=channels(base.stem.channels)),
        stages=tuple(
            replace(stage, channels=channels(stage.channels), repeats=count)
            for stage, count in zip(base.stages, repeats, strict=True)
        ),
        head=replace(base.head, channels=channels(base.head.channels), hidden=channels(base.head.hidden)),
    )
    return _fitted(built, round(base.resolution * multipliers.resolution), mult_adds)


def share_layers(repeats: list[int], depth: float) -> list[int]:
    """round(depth * total) layers, at least one a stage: whole parts first, the rest to the largest remainders."""
    total = max(len(repeats), round(depth * sum(repeats)))
    exact = [depth * count for count in repeats]
    shared = [max(1, int(one)) for one in exact]
    by_remainder = sorted(range(len(repeats)), key=lambda i: (shared[i] - exact[i], i))
    for i in by_remainder[: max(0, total - sum(shared))]:
        shared[i] += 1
    return shared


def _fitted(network: Architecture, guess: int, mult_adds: float) -> Architecture:
    """At the resolution whose cost is nearest; cost grows with it, in steps, so a bisection finds it."""
    low, high = 1, max(2, guess)
    while high < 4096 and _cost_at(network, high) < mult_adds:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _cost_at(network, middle) < mult_adds else (low, middle)
    best = min((low, high), key=lambda pixels: abs(_cost_at(network, pixels) - mult_adds))
    return replace(network, resolution=best)


def _cost_at(network: Architecture, pixels: int) -> int:
    return cost(replace(network, resolution=pixels)).mult_adds
