"""The published results that the laws are fitted to: top-1 of single networks, quoted with their source.

Depth is that of the network as it is built: B0 has 16 blocks, and the official code rounds each stage's layers up, so
depth 1.1 and 1.2 both give 23. Width and resolution are the official multipliers.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Result(NamedTuple):
    """depth, width, resolution relative to the base network; top1 in percent."""

    name: str
    depth: float
    width: float
    resolution: float
    top1: float


# github tensorflow/tpu models/official/efficientnet/README.md: baseline preprocessing, no AutoAugment; and arXiv
# 1905.11946 table 7, whose single-dimension rows go with that recipe (its compound row is B3 again and left out).
EFFICIENTNET: Final = (
    Result("B0", 16 / 16, 1.0, 224 / 224, 76.7),
    Result("B1", 23 / 16, 1.0, 240 / 224, 78.7),
    Result("B2", 23 / 16, 1.1, 260 / 224, 79.8),
    Result("B3", 26 / 16, 1.2, 300 / 224, 81.1),
    Result("B4", 32 / 16, 1.4, 380 / 224, 82.5),
    Result("B5", 39 / 16, 1.6, 456 / 224, 83.1),
    Result("depth 4", 4.0, 1.0, 1.0, 79.0),
    Result("width 2", 1.0, 2.0, 1.0, 78.9),
    Result("resolution 2", 1.0, 1.0, 2.0, 79.1),
)

# arXiv 1905.11946 table 3; the multipliers of the compound rows are those printed for MobileNetV1.
MOBILENET_V2: Final = (
    Result("base", 1.0, 1.0, 1.0, 72.0),
    Result("depth 4", 4.0, 1.0, 1.0, 76.8),
    Result("width 2", 1.0, 2.0, 1.0, 76.4),
    Result("resolution 2", 1.0, 1.0, 2.0, 74.8),
    Result("compound", 1.4, 1.2, 1.3, 77.4),
)
RESNET_50: Final = (
    Result("base", 1.0, 1.0, 1.0, 76.0),
    Result("depth 4", 4.0, 1.0, 1.0, 78.1),
    Result("width 2", 1.0, 2.0, 1.0, 77.7),
    Result("resolution 2", 1.0, 1.0, 2.0, 77.5),
    Result("compound", 1.4, 1.2, 1.3, 78.8),
)
