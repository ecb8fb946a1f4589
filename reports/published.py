"""Published ImageNet results, quoted for orientation: every row has its own training recipe."""

from __future__ import annotations

from typing import NamedTuple


class Quoted(NamedTuple):
    """mult_adds for one image; top1 in percent, single crop; recipe in a few words; where it is printed."""

    name: str
    mult_adds: float
    top1: float
    recipe: str
    source: str


QUOTED = (
    Quoted("EfficientNet-B0", 390e6, 77.1, "350 epochs, AutoAugment", "arXiv 1905.11946v5, table 2"),
    Quoted("EfficientNet-B0 (pycls)", 400e6, 75.1, "100 epochs", "github facebookresearch/pycls MODEL_ZOO.md"),
    Quoted("RegNetY-400MF", 400e6, 74.0, "100 epochs", "github facebookresearch/pycls MODEL_ZOO.md"),
    Quoted("MnasNet-A1", 312e6, 75.2, "350 epochs", "arXiv 1807.11626, table 1"),
    Quoted("MobileNetV3-Large", 219e6, 75.2, "about 500 epochs", "arXiv 1905.02244, table 3"),
    Quoted("MobileNetV2", 300e6, 72.0, "about 300 epochs", "arXiv 1801.04381, table 4"),
)
