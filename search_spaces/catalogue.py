"""Published networks, as rows that can be checked against the papers: the EfficientNets here, the others in
`catalogue_mobile` and `catalogue_resnet`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import catalogue_mobile, catalogue_resnet
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

# EfficientNet-Lite (lite/efficientnet_lite_builder.py of the same code): width, depth, resolution, dropout. B0's rows
# without SE and with ReLU6; the stem, the head and the layers of the first and the last stage are not scaled.
# timm trained and lists lite3 and lite4 at 300 and 380 px.
LITE_ROWS = {
    "efficientnet-lite0": (1.0, 1.0, 224, 0.2),
    "efficientnet-lite1": (1.0, 1.1, 240, 0.2),
    "efficientnet-lite2": (1.1, 1.2, 260, 0.3),
    "efficientnet-lite3": (1.2, 1.4, 280, 0.3),
    "efficientnet-lite4": (1.4, 1.8, 300, 0.3),
}


def names() -> tuple[str, ...]:
    return tuple(_MAKERS)


def load(name: str) -> Architecture:
    """A network by its name, "efficientnet-b0" or "b0" for short; "resnet50" is "resnet-50". InvalidValue hints at the
    nearest for a typo."""
    wanted = name.strip().lower().replace("_", "-")
    plain = wanted.replace("-", "")
    for known, maker in _MAKERS.items():
        if plain in (known.replace("-", ""), known.removeprefix("efficientnet-")):
            return maker(known)
    first, *rest = _MAKERS
    short = [known.removeprefix("efficientnet-") for known in rest]
    raise InvalidValue(
        f"there is no network {shown(name)} in the catalogue; known: {', '.join((first, *short))}",
        hint=nearest(wanted, [*_MAKERS, first.removeprefix("efficientnet-"), *short]),
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


def _efficientnet_lite(name: str) -> Architecture:
    width, depth, resolution, dropout = LITE_ROWS[name]
    stages = tuple(
        Stage("mbconv", channels, repeats, stride, kernel, expand, activation="relu6")
        for expand, kernel, stride, channels, repeats in B0_ROWS
    )
    base = Architecture(name, Stem(activation="relu6"), stages, Head(activation="relu6"))
    scaled = scale(base, Multipliers(depth=depth, width=width), name=name)
    first, *middle, last = scaled.stages
    fixed = (replace(first, repeats=B0_ROWS[0][-1]), *middle, replace(last, repeats=B0_ROWS[-1][-1]))
    return replace(scaled, stem=base.stem, stages=fixed, head=base.head, resolution=resolution, dropout=dropout)


_MAKERS: dict[str, Callable[[str], Architecture]] = {
    **dict.fromkeys(FAMILY_ROWS, _efficientnet),
    **dict.fromkeys(LITE_ROWS, _efficientnet_lite),
    **catalogue_mobile.MAKERS,
    **catalogue_resnet.MAKERS,
}
