"""ResNet-18 to -152, as the columns of their paper's table."""

from __future__ import annotations

from collections.abc import Callable

from .architecture import Architecture, Head, Stage, Stem

# arXiv 1512.03385 table 1: block, repeats of conv2_x to conv5_x
RESNET_ROWS = {
    "resnet-18": ("basic", (2, 2, 2, 2)),
    "resnet-34": ("basic", (3, 4, 6, 3)),
    "resnet-50": ("bottleneck", (3, 4, 6, 3)),
    "resnet-101": ("bottleneck", (3, 4, 23, 3)),
    "resnet-152": ("bottleneck", (3, 8, 36, 3)),
}
WIDTHS = (64, 128, 256, 512)  # of the convolutions; a bottleneck's output is FACTOR times as wide
FACTOR = 4


def _resnet(name: str) -> Architecture:
    """Projections where the shapes change (the paper's option B); a bottleneck strides in its 3x3, as torchvision's."""
    operation, repeats = RESNET_ROWS[name]
    factor = FACTOR if operation == "bottleneck" else 1
    stages = tuple(
        Stage(operation, factor * width, count, stride, expand=1 / factor, skip="projection", activation="relu")
        for width, count, stride in zip(WIDTHS, repeats, (1, 2, 2, 2), strict=True)
    )
    stem, head = Stem(64, kernel=7, activation="relu", pool="max"), Head(channels=0, activation="relu")
    return Architecture(name, stem, stages, head, dropout=0.0, drop_path=0.0)


MAKERS: dict[str, Callable[[str], Architecture]] = dict.fromkeys(RESNET_ROWS, _resnet)
