"""A network of given FLOPs: the widths of all stages together, then the largest remainders.

`scale` moves in steps of 8 channels, which for a thin network are steps of half its cost. Here the common width is
taken as far as the budget goes, and then stages are widened one step at a time, those first that rounding took most
from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .architecture import Architecture
from .checks import InvalidValue, number
from .cost import cost
from .quantity import format_count
from .rounding import round_filters
from .small_images import adaptations

STEP = 8  # channels, as `round_filters`
NEAR = 0.95  # of the target: a network that costs this much already stays as it is, B0 at 400M
WIDEST = 16.0


def fit_flops(
    architecture: Architecture, mult_adds: float, name: str | None = None, *, step: int = STEP
) -> Architecture:
    """The network, its widths multiplied by about one number, with almost `mult_adds` and never more.

    One that costs NEAR to all of them stays as it is. Depth, strides and resolution stay in any case. The stem's and
    the head's channels scale with the others; all are multiples of `step` channels. What is left of the target is steps
    that did not fit any more: with 8 channels up to a quarter near the thinnest network, at 256 times its cost 2 %.
    InvalidValue where even the thinnest such network costs more, or one WIDEST times as wide costs less.
    """
    number("mult_adds", mult_adds, 1, 1e18)
    if NEAR * mult_adds <= cost(architecture).mult_adds <= mult_adds:
        return replace(architecture, name=name or architecture.name)
    exact = _widths(architecture)
    low, high = 0.0, WIDEST
    if _cost(architecture, exact, low, step) > mult_adds:
        thinnest = _cost(architecture, exact, low, step)
        least, enough = format_count(thinnest), format_count(1.001 * thinnest)
        raise InvalidValue(
            f"{architecture.name} at {architecture.resolution} pixels costs {least} FLOPs at its thinnest; "
            f"the target is {format_count(mult_adds)}",
            hint=f"give at least {enough}, a lower resolution, or another network",
        )
    most = _cost(architecture, exact, high, step)
    if most < NEAR * mult_adds:
        raise InvalidValue(
            f"{architecture.name} at {architecture.resolution} pixels costs {format_count(most)} FLOPs at {WIDEST:g} "
            f"times its width; the target is {format_count(mult_adds)}",
            hint="give a lower target, a higher resolution, or another network",
        )
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _cost(architecture, exact, middle, step) <= mult_adds else (low, middle)
    rounded = _rounded(exact, low, step)
    for place in sorted(range(len(exact)), key=lambda i: (rounded[i] - high * exact[i], i)):
        wider = [width + step * (i == place and width > 0) for i, width in enumerate(rounded)]
        if wider[place] <= high * exact[place] + step and cost(_with(architecture, wider)).mult_adds <= mult_adds:
            rounded = wider
    return replace(_with(architecture, rounded), name=name or architecture.name)


def fit_images(
    architecture: Architecture,
    mult_adds: float,
    *,
    resolution: int | None = None,
    input_channels: int | None = None,
    classes: int | None = None,
    name: str | None = None,
) -> Architecture:
    """`adapt` to the pictures, then `fit_flops`. Where even the thinnest such network costs too much, the strides that
    `adapt` took last are given back, one by one.

    InvalidValue where the network with all its strides costs too much.
    """
    wanted = {"resolution": resolution, "input_channels": input_channels, "classes": classes}
    *others, last = reversed(adaptations(architecture, **wanted))
    for candidate in others:
        try:
            return fit_flops(candidate, mult_adds, name)
        except InvalidValue:
            continue
    return fit_flops(last, mult_adds, name)


def _widths(architecture: Architecture) -> tuple[int, ...]:
    """Stem, stages, head, the head's hidden layer."""
    stages = (stage.channels for stage in architecture.stages)
    return (architecture.stem.channels, *stages, architecture.head.channels, architecture.head.hidden)


def _rounded(widths: Sequence[int], factor: float, step: int) -> list[int]:
    return [0 if width == 0 else round_filters(width * factor, step) for width in widths]


def _with(architecture: Architecture, widths: Sequence[int]) -> Architecture:
    stem, *stages, head, hidden = widths
    return replace(
        architecture,
        stem=replace(architecture.stem, channels=stem),
        stages=tuple(replace(s, channels=width) for s, width in zip(architecture.stages, stages, strict=True)),
        head=replace(architecture.head, channels=head, hidden=hidden),
    )


def _cost(architecture: Architecture, widths: Sequence[int], factor: float, step: int) -> int:
    return cost(_with(architecture, _rounded(widths, factor, step))).mult_adds
