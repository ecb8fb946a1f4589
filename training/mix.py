"""Two pictures in one, with the label in the same proportion: MixUp and CutMix."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .boxes import boxes


def mix(images: Tensor, labels: Tensor, classes: int, *, mixup: float, cutmix: float) -> tuple[Tensor, Tensor]:
    """Every image with another of the batch: half of them by each method where both are asked for.

    MixUp (arXiv 1710.09412) blends, CutMix (arXiv 1905.04899) replaces a rectangle; the share is drawn from
    Beta(a, a) for every image, a being `mixup` or `cutmix` (0: not used).
    images: (N, C, S, S); labels: (N,) int64 -> images, probabilities (N, classes).
    """
    number = len(images)
    partner = torch.randperm(number).to(images.device)
    blended = (torch.rand(number) < 0.5) if mixup and cutmix else torch.full((number,), mixup > 0)
    share = torch.ones(number, 1, 1, 1)  # of the image itself
    if mixup:
        share = torch.where(blended[:, None, None, None], _beta(mixup, number)[:, None, None, None], share)
    weights = share.expand(-1, -1, *images.shape[2:])  # of the image itself, for every pixel
    if cutmix:
        side = (1 - _beta(cutmix, number)).sqrt()
        cut = boxes(side, side, images.shape[-1]) & ~blended[:, None, None, None]
        weights = torch.where(cut, 0.0, weights)
    share = weights.mean((1, 2, 3), keepdim=True).to(images.device)
    weights = weights.to(images.device)
    own = functional.one_hot(labels, classes).to(images.dtype)
    targets = share.view(-1, 1) * own + (1 - share.view(-1, 1)) * own[partner]
    return images * weights + images[partner] * (1 - weights), targets


def _beta(alpha: float, number: int) -> Tensor:
    """(number,) draws from Beta(alpha, alpha), on the host."""
    return torch.distributions.Beta(alpha, alpha).sample((number,))
