"""Random rectangles in pictures, for erasing and for CutMix."""

from __future__ import annotations

import math

import torch
from torch import Tensor

ERASED_AREA = (0.02, 1 / 3)
ERASED_ASPECT = (0.3, 3.3)  # height : width


def boxes(heights: Tensor, widths: Tensor, size: int) -> Tensor:
    """(N, 1, size, size) bool: a rectangle an image, its middle anywhere, cut at the edges.

    heights, widths: (N,), in parts of the picture. Drawn from torch's default generator.
    """
    middles = torch.rand(2, len(heights))
    pixels = (torch.arange(size) + 0.5) / size
    down = (pixels - middles[0][:, None]).abs() < heights[:, None] / 2  # (N, size)
    along = (pixels - middles[1][:, None]).abs() < widths[:, None] / 2
    return (down[:, :, None] & along[:, None, :])[:, None]


def erase(images: Tensor, probability: float, fill: Tensor) -> Tensor:
    """Random erasing (arXiv 1708.04896): in a part of the images a rectangle is painted in the colour `fill`.

    images: (N, C, S, S). fill: (C, 1, 1).
    """
    chosen, area, aspect = torch.rand(3, len(images))
    area = ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * area
    low, high = map(math.log, ERASED_ASPECT)
    aspect = (low + (high - low) * aspect).exp()
    painted = boxes((area * aspect).sqrt(), (area / aspect).sqrt(), images.shape[-1])
    painted &= (chosen < probability)[:, None, None, None]
    return torch.where(painted.to(images.device), fill, images)
