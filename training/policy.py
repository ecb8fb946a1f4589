"""Which operations an image gets, and how strong: AutoAugment, RandAugment, TrivialAugment.

The draws are made for every image on its own, on the host, so that the same seed chooses the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from . import image_operations

BINS = 9  # AutoAugment's magnitudes are 0 to 9
TRIVIAL_BINS = 30


@dataclass(frozen=True)
class Range:
    """What a share of 0 to 1 means for an operation: from `weakest` to `strongest`.

    `signed`: the distance from `weakest` goes either way. `whole`: whole numbers.
    """

    weakest: float
    strongest: float
    signed: bool = False
    whole: bool = False


NOTHING = Range(0, 0)
USUAL = {  # arXiv 1805.09501, table 6
    "identity": NOTHING,
    "shear_x": Range(0, 0.3, signed=True),
    "shear_y": Range(0, 0.3, signed=True),
    "translate_x": Range(0, 150 / 331, signed=True),  # of the size; the paper's pictures had 331 pixels
    "translate_y": Range(0, 150 / 331, signed=True),
    "rotate": Range(0, 30, signed=True),
    "brightness": Range(1, 1.9, signed=True),
    "colour": Range(1, 1.9, signed=True),
    "contrast": Range(1, 1.9, signed=True),
    "sharpness": Range(1, 1.9, signed=True),
    "posterise": Range(8, 4, whole=True),
    "solarise": Range(1, 0),
    "autocontrast": NOTHING,
    "equalise": NOTHING,
    "invert": NOTHING,
}
WIDE = USUAL | {  # arXiv 2103.10158, "wide"; but translations of a part of the size instead of 32 pixels
    "shear_x": Range(0, 0.99, signed=True),
    "shear_y": Range(0, 0.99, signed=True),
    "rotate": Range(0, 135, signed=True),
    "brightness": Range(1, 1.99, signed=True),
    "colour": Range(1, 1.99, signed=True),
    "contrast": Range(1, 1.99, signed=True),
    "sharpness": Range(1, 1.99, signed=True),
    "posterise": Range(8, 2, whole=True),
}
RANDOM = [name for name in USUAL if name != "invert"]  # the 14 of arXiv 1909.13719
IMAGENET = (  # arXiv 1805.09501, table 9: operation, probability, magnitude, twice
    ("posterise", 0.4, 8, "rotate", 0.6, 9),
    ("solarise", 0.6, 5, "autocontrast", 0.6, 0),
    ("equalise", 0.8, 0, "equalise", 0.6, 0),
    ("posterise", 0.6, 7, "posterise", 0.6, 6),
    ("equalise", 0.4, 0, "solarise", 0.2, 4),
    ("equalise", 0.4, 0, "rotate", 0.8, 8),
    ("solarise", 0.6, 3, "equalise", 0.6, 0),
    ("posterise", 0.8, 5, "equalise", 1.0, 0),
    ("rotate", 0.2, 3, "solarise", 0.6, 8),
    ("equalise", 0.6, 0, "posterise", 0.4, 6),
    ("rotate", 0.8, 8, "colour", 0.4, 0),
    ("rotate", 0.4, 9, "equalise", 0.6, 0),
    ("equalise", 0.0, 0, "equalise", 0.8, 0),
    ("invert", 0.6, 0, "equalise", 1.0, 0),
    ("colour", 0.6, 4, "contrast", 1.0, 8),
    ("rotate", 0.8, 8, "colour", 1.0, 2),
    ("colour", 0.8, 8, "solarise", 0.8, 7),
    ("sharpness", 0.4, 7, "invert", 0.6, 0),
    ("shear_x", 0.6, 5, "equalise", 1.0, 0),
    ("colour", 0.4, 0, "equalise", 0.6, 0),
    ("equalise", 0.4, 0, "solarise", 0.2, 4),
    ("solarise", 0.6, 5, "autocontrast", 0.6, 0),
    ("invert", 0.6, 0, "equalise", 1.0, 0),
    ("colour", 0.6, 4, "contrast", 1.0, 8),
    ("equalise", 0.8, 0, "equalise", 0.6, 0),
)

Step = tuple[list[str], Tensor]  # an operation and its strength for every image of a batch


def augment(images: Tensor, policy: str, fill: Tensor, *, magnitude: float = 5.0, layers: int = 2) -> Tensor:
    """(N, C, S, S) in 0..1 -> the same shape and range, by "autoaugment", "randaugment", "trivial" or "none".

    magnitude (0 to 10, of the whole range) and layers are for randaugment. fill: (C, 1, 1), the colour that moves in.
    """
    number = len(images)
    steps: list[Step] = []
    if policy == "autoaugment":
        steps = autoaugment(number)
    elif policy == "randaugment":
        steps = [randaugment(number, magnitude) for _ in range(layers)]
    elif policy == "trivial":
        steps = [trivial(number)]
    for names, strengths in steps:
        images = image_operations.apply(images, names, strengths, fill)
    return images


def autoaugment(number: int) -> list[Step]:
    """Two steps: one of the 25 sub-policies found for ImageNet an image, each half with its probability."""
    rows = torch.randint(len(IMAGENET), (number,)).tolist()
    return [
        _with_probability([IMAGENET[row][:3] for row in rows]),
        _with_probability([IMAGENET[row][3:] for row in rows]),
    ]


def _with_probability(halves: Sequence[tuple[str, float, int]]) -> Step:
    chances = torch.rand(len(halves)).tolist()
    names = [half[0] if chance < half[1] else "identity" for half, chance in zip(halves, chances, strict=True)]
    return names, strengths(names, [half[2] / BINS for half in halves], USUAL)


def randaugment(number: int, magnitude: float) -> Step:
    """One step: one of 14 operations an image, all with the same share of their range."""
    names = [RANDOM[place] for place in torch.randint(len(RANDOM), (number,)).tolist()]
    return names, strengths(names, [magnitude / 10] * number, USUAL)


def trivial(number: int) -> Step:
    """One step: one of 14 operations and one of 31 strengths an image, of wider ranges."""
    names = [RANDOM[place] for place in torch.randint(len(RANDOM), (number,)).tolist()]
    shares = torch.randint(TRIVIAL_BINS + 1, (number,)) / TRIVIAL_BINS
    return names, strengths(names, shares.tolist(), WIDE)


def strengths(names: list[str], shares: list[float], ranges: dict[str, Range]) -> Tensor:
    """(N,): what the shares of 0 to 1 mean for the operations, with random signs where there are two ways to go."""
    signs = (2 * torch.randint(2, (len(names),)) - 1).tolist()
    return torch.tensor(
        [_strength(ranges[name], share, sign) for name, share, sign in zip(names, shares, signs, strict=True)]
    )


def _strength(span: Range, share: float, sign: int) -> float:
    distance = share * (span.strongest - span.weakest)
    if span.whole:
        distance = round(distance)
    return span.weakest + (sign * distance if span.signed else distance)
