"""Where the picture is cut out: one box an image, all images at once. Maps are (N, channels, size, size) in 0..1."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

ASPECTS = (3 / 4, 4 / 3)  # width : height of a random box (arXiv 1409.4842, section 6)


def resize(images: Tensor, size: int) -> Tensor:
    """(N, C, S, S) -> (N, C, size, size): bilinear, averaging where it gets smaller."""
    if images.shape[-1] == size:
        return images
    resized = functional.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    return resized.clamp(0, 1)


def random_resized_crop(images: Tensor, smallest: float, size: int) -> Tensor:
    """A box of `smallest` to all of the area, of random aspect and place, made `size` pixels wide and high.

    Bilinear; where the images are larger than `size`, every pixel is the mean of several samples.
    """
    number = len(images)
    area, aspect, left, top = torch.rand(4, number)
    area = smallest + (1 - smallest) * area
    low, high = map(math.log, ASPECTS)
    aspect = (low + (high - low) * aspect).exp()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    zero = torch.zeros(number)
    matrices = torch.stack(  # (N, 2, 3), from -1 to 1 over the picture
        [width, zero, (2 * left - 1) * (1 - width), zero, height, (2 * top - 1) * (1 - height)], 1
    ).view(number, 2, 3)
    samples = max(1, round(images.shape[-1] / size))
    shape = [number, images.shape[1], size * samples, size * samples]
    grid = functional.affine_grid(matrices.to(images.device), shape, align_corners=False)
    crops = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return functional.avg_pool2d(crops, samples).clamp(0, 1) if samples > 1 else crops.clamp(0, 1)


def random_shift(images: Tensor, pad: int) -> Tensor:
    """Each image moved by -pad..pad whole pixels both ways; what comes in is mirrored. Keeps the shape."""
    number, _, height, width = images.shape
    shifts = torch.randint(-pad, pad + 1, (2, number, 1)).to(images.device)
    rows = _mirrored(torch.arange(height, device=images.device) + shifts[0], height)  # (N, height)
    columns = _mirrored(torch.arange(width, device=images.device) + shifts[1], width)
    which = torch.arange(number, device=images.device)
    shifted = images.permute(0, 2, 3, 1)[which[:, None, None], rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)


def random_flip(images: Tensor) -> Tensor:
    """Left and right exchanged in half of the images."""
    flipped = (torch.rand(len(images)) < 0.5).to(images.device)
    return torch.where(flipped[:, None, None, None], images.flip(-1), images)


def _mirrored(index: Tensor, size: int) -> Tensor:
    """Indices past an edge reflected at the edge pixel: -1 -> 1, size -> size - 2."""
    return (size - 1) - ((size - 1) - index.abs()).abs()
