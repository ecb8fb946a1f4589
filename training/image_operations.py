"""The operations of AutoAugment and its successors, each image with its own operation and strength.

Images are (N, channels, size, size) in 0..1, with 1 or 3 channels; a strength is a float an image, (N,) on the images'
device. What each does is PIL's operation of that name; results stay in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

LEVELS = 255  # of a byte
LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R 601
GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")


def apply(images: Tensor, names: list[str], strengths: Tensor, fill: Tensor) -> Tensor:
    """To image i the operation `names[i]` with `strengths[i]`. fill: (C, 1, 1), the colour that moves in.

    Strengths: shear: pixels a pixel; translate: parts of the size; rotate: degrees, anticlockwise; brightness,
    contrast, colour and sharpness: 1 changes nothing, 0 takes all of it away; posterise: bits kept; solarise: the
    value (0..1) from which on pixels are inverted; the others take none.
    """
    changed = images.clone()
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        places.setdefault("geometric" if name in GEOMETRIC else name, []).append(place)
    for name, chosen in places.items():
        if name == "identity":
            continue
        index = torch.tensor(chosen)
        strength = strengths[index].to(images.device)
        index = index.to(images.device)
        if name == "geometric":
            changed[index] = transform(images[index], [names[place] for place in chosen], strength, fill)
        else:
            changed[index] = PIXELS[name](images[index], strength)
    return changed


def transform(images: Tensor, names: list[str], strengths: Tensor, fill: Tensor) -> Tensor:
    """Shears, shifts and rotations in one bilinear sampling. Shears hold the left or upper edge, as PIL's do."""
    matrices = torch.zeros(len(names), 2, 3, device=images.device)  # where a pixel comes from, -1..1 over the picture
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1
    kinds = torch.tensor([GEOMETRIC.index(name) for name in names]).to(images.device)
    shear_x, shear_y, right, down = (torch.where(kinds == kind, strengths, 0.0) for kind in range(4))
    angle = torch.where(kinds == 4, strengths, 0.0) * (math.pi / 180)
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1] = shear_x - angle.sin()
    matrices[:, 1, 0] = shear_y + angle.sin()
    matrices[:, 0, 2] = shear_x - 2 * right
    matrices[:, 1, 2] = shear_y - 2 * down
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    sampled = functional.grid_sample(images - fill, grid, padding_mode="zeros", align_corners=False)
    return (sampled + fill).clamp(0, 1)


def grey(images: Tensor) -> Tensor:
    """(N, C, S, S) -> (N, 1, S, S), the luminance; one channel is its own."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(LUMINANCE, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def _blend(images: Tensor, plain: Tensor | float, strength: Tensor) -> Tensor:
    factor = strength.view(-1, 1, 1, 1)
    return (images * factor + plain * (1 - factor)).clamp(0, 1)


def brightness(images: Tensor, strength: Tensor) -> Tensor:
    return _blend(images, 0.0, strength)


def contrast(images: Tensor, strength: Tensor) -> Tensor:
    return _blend(images, grey(images).mean((1, 2, 3), keepdim=True), strength)


def colour(images: Tensor, strength: Tensor) -> Tensor:
    return _blend(images, grey(images), strength)


def sharpness(images: Tensor, strength: Tensor) -> Tensor:
    """Against PIL's SMOOTH filter, which leaves the pixels at the edge alone."""
    channels = images.shape[1]
    kernel = torch.ones(channels, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1] = 5
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1] = functional.conv2d(images, kernel / 13, groups=channels)
    return _blend(images, smooth, strength)


def posterise(images: Tensor, strength: Tensor) -> Tensor:
    step = 2 ** (8 - strength.view(-1, 1, 1, 1))
    return ((images * LEVELS).round() / step).floor() * step / LEVELS


def solarise(images: Tensor, strength: Tensor) -> Tensor:
    return torch.where(images >= strength.view(-1, 1, 1, 1), 1 - images, images)


def invert(images: Tensor, _: Tensor) -> Tensor:
    return 1 - images


def autocontrast(images: Tensor, _: Tensor) -> Tensor:
    """Every channel stretched to 0..1; one without contrast stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = high <= low
    return torch.where(flat, images, (images - low) / torch.where(flat, 1.0, high - low)).clamp(0, 1)


def equalise(images: Tensor, _: Tensor) -> Tensor:
    """Every channel with its grey values about equally frequent."""
    values = (images * LEVELS).round().long().flatten(2)  # (N, C, pixels)
    planes, grades = len(values) * values.shape[1], LEVELS + 1
    shifted = values + grades * torch.arange(planes, device=images.device).view(*values.shape[:2], 1)
    counts = torch.bincount(shifted.flatten(), minlength=planes * grades).view(*values.shape[:2], grades)
    brightest = counts.gather(2, values.amax(2, keepdim=True))
    step = torch.div(values.shape[2] - brightest, LEVELS, rounding_mode="floor")  # pixels a grey value
    below = counts.cumsum(2) - counts
    table = torch.div(below + torch.div(step, 2, rounding_mode="floor"), step.clamp(min=1), rounding_mode="floor")
    equalised = table.gather(2, values).clamp(0, LEVELS)
    return torch.where(step == 0, values, equalised).view_as(images).to(images.dtype) / LEVELS


PIXELS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "colour": colour,
    "sharpness": sharpness,
    "posterise": posterise,
    "solarise": solarise,
    "invert": invert,
    "autocontrast": autocontrast,
    "equalise": equalise,
}
