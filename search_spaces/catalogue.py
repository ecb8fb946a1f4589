"""Published networks, as rows that can be checked against the papers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .architecture import Architecture, Head, Stage, Stem
from .checks import InvalidValue, nearest, shown
from .scaling import Multipliers, scale

# EfficientNet-B0, arXiv 1905.11946 table 1:
# expand, kernel, stride, channels, repeats
B0_ROWS = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)

# The official family (efficientnet_builder.py): width, depth, resolution, dropout. Not alpha^phi from B5 on.
FAMILY_ROWS = {
    "efficientnet-b0": (1.0, 1.0, 224, 0.2),
    "efficientnet-b1": (1.0, 1.1, 240, 0.2),
    "efficientnet-b2": (1.1, 1.2, 260, 0.3),
    "efficientnet-b3": (1.2, 1.4, 300, 0.3),
    "efficientnet-b4": (1.4, 1.8, 380, 0.4),
    "efficientnet-b5": (1.6, 2.2, 456, 0.4),
    "efficientnet-b6": (1.8, 2.6, 528, 0.5),
    "efficientnet-b7": (2.0, 3.1, 600, 0.5),
}

# MobileNetV2, arXiv 1801.04381 table 2: expand, stride, channels, repeats
MOBILENET_V2_ROWS = (
    (1, 1, 16, 1),
    (6, 2, 24, 2),
    (6, 2, 32, 3),
    (6, 2, 64, 4),
    (6, 1, 96, 3),
    (6, 2, 160, 3),
    (6, 1, 320, 1),
)


def names() -> tuple[str, ...]:
    return tuple(_MAKERS)


def load(name: str) -> Architecture:
    """A network by its name, "efficientnet-b0" or "b0" for short. InvalidValue hints at the nearest for a typo."""
    wanted = name.strip().lower().replace("_", "-")
    for candidate in (wanted, f"efficientnet-{wanted}"):
        if candidate in _MAKERS:
            return _MAKERS[candidate](candidate)
    short = [known.removeprefix("efficientnet-") for known in FAMILY_ROWS]
    raise InvalidValue(
        f"there is no network {shown(name)} in the catalogue; known: {', '.join(_MAKERS)}",
        hint=nearest(wanted, [*_MAKERS, *short]),
    )


def _efficientnet(name: str) -> Architecture:
    width, depth, resolution, dropout = FAMILY_ROWS[name]
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, kernel, expand, se_ratio=0.25)
        for expand, kernel, stride, channels, repeats in B0_ROWS
    )
    base = Architecture("efficientnet-b0", Stem(), stages, Head())
    scaled = scale(base, Multipliers(depth=depth, width=width), name=name)
    return replace(scaled, resolution=resolution, dropout=dropout)


def _mobilenet_v2(name: str) -> Architecture:
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, 3, expand, activation="relu6")
        for expand, stride, channels, repeats in MOBILENET_V2_ROWS
    )
    stem, head = Stem(activation="relu6"), Head(activation="relu6")
    return Architecture(name, stem, stages, head, drop_path=0.0)


_MAKERS: dict[str, Callable[[str], Architecture]] = {
    **dict.fromkeys(FAMILY_ROWS, _efficientnet),
    "mobilenet-v2": _mobilenet_v2,
}
