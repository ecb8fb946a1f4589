"""A network for other pictures: their size, channels and classes, and fewer strides where they are small.

The networks of the papers halve their maps five times. A 32-pixel picture would reach the last stages as one pixel, so
strides become 1, the first ones first (the stem's, then the stages' in order), until the last maps are at least
SMALLEST pixels wide: what the literature does by hand for CIFAR. The strides are the network's own values: its cost,
its YAML and its key show them.
"""

from __future__ import annotations

from dataclasses import replace

from .architecture import Architecture, Stage, Stem, blocks

SMALLEST = 4  # pixels: 224-pixel networks end in 7x7 maps, the same ones at 128 pixels in 4x4


def adapt(
    architecture: Architecture,
    *,
    resolution: int | None = None,
    input_channels: int | None = None,
    classes: int | None = None,
) -> Architecture:
    """The network for square pictures of `resolution` pixels; None keeps what it has. The name stays.

    A network whose last maps are large enough keeps its strides. InvalidValue for values that no network can have.
    """
    return adaptations(architecture, resolution=resolution, input_channels=input_channels, classes=classes)[-1]


def adaptations(
    architecture: Architecture,
    *,
    resolution: int | None = None,
    input_channels: int | None = None,
    classes: int | None = None,
) -> list[Architecture]:
    """The network with all its strides, with one less, and so on to what `adapt` gives: each costs more than the one
    before."""
    found = [
        replace(
            architecture,
            resolution=architecture.resolution if resolution is None else resolution,
            input_channels=architecture.input_channels if input_channels is None else input_channels,
            classes=architecture.classes if classes is None else classes,
        )
    ]
    while last_map(found[-1]) < min(SMALLEST, found[-1].resolution):
        fewer = _without_first_stride(found[-1])
        if fewer is None:
            break
        found.append(fewer)
    return found


def last_map(architecture: Architecture) -> int:
    """Width in pixels of the maps that the head pools."""
    *_, head = blocks(architecture)
    return head.input_size


def strides(architecture: Architecture) -> tuple[int, ...]:
    """The stem's (its pooling included), then one a stage."""
    stem = architecture.stem.stride * (2 if architecture.stem.pool == "max" else 1)
    return (stem, *(stage.stride for stage in architecture.stages))


def _without_first_stride(architecture: Architecture) -> Architecture | None:
    if architecture.stem.pool != "none":
        return replace(architecture, stem=replace(architecture.stem, pool="none"))
    if architecture.stem.stride > 1:
        stem: Stem = replace(architecture.stem, stride=1)
        return replace(architecture, stem=stem)
    for place, stage in enumerate(architecture.stages):
        if stage.stride > 1:
            stages: list[Stage] = list(architecture.stages)
            stages[place] = replace(stage, stride=1)
            return replace(architecture, stages=tuple(stages))
    return None
