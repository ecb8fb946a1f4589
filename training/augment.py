"""Bytes from a data set -> what a network takes, with (Augment) or without (Prepare) random changes, on any device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from . import policy
from .boxes import erase
from .crop import random_flip, random_resized_crop, random_shift, resize
from .mix import mix
from .recipe import REFERENCE_SIZE, Recipe


class Prepare(nn.Module):
    """For evaluation: images uint8 (N, S, S, C) -> float32 (N, C, resolution, resolution), normalised.

    mean, std: of the training pixels in 0..1, one a channel.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, mean: Sequence[float], std: Sequence[float], resolution: int) -> None:
        super().__init__()
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise ValueError(f"std is {tuple(std)}; it must be above 0, one for each of the {len(mean)} means")
        self.resolution = resolution
        self.register_buffer("mean", torch.tensor(tuple(mean)).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(tuple(std)).view(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.normalise(resize(as_maps(images), self.resolution))

    def normalise(self, images: Tensor) -> Tensor:
        """(N, C, S, S) in 0..1 -> mean 0 and standard deviation 1 over the training pixels."""
        return (images - self.mean) / self.std


class Augment(nn.Module):
    """For training: images uint8 (N, S, S, C), labels (N,) -> the changed images and their targets.

    In this order: crop to `resolution`, flip, policy, erasing (with the mean colour), normalise, MixUp and CutMix.
    Gives float32 (N, C, resolution, resolution), and the labels, or with MixUp or CutMix probabilities (N, classes).
    All random choices are drawn on the host from torch's default generator, independently for every image, so that
    torch.manual_seed before a call fixes them, and alike on every device.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        channels: int,
        resolution: int,
        classes: int,
    ) -> None:
        super().__init__()
        if channels not in (1, 3) or len(mean) != channels:
            raise ValueError(f"channels is {channels} with {len(mean)} means; it must be 1 or 3, with a mean for each")
        self.recipe = recipe
        self.classes = classes
        self.prepare = Prepare(mean=mean, std=std, resolution=resolution)
        self.pad = round(recipe.pad * resolution / REFERENCE_SIZE)

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        maps = self.prepare.normalise(self.change(images))
        if recipe.mixup or recipe.cutmix:
            return mix(maps, labels, self.classes, mixup=recipe.mixup, cutmix=recipe.cutmix)
        return maps, labels

    def change(self, images: Tensor) -> Tensor:
        """What is done to one picture alone: uint8 (N, S, S, C) -> (N, C, resolution, resolution) in 0..1."""
        recipe, size = self.recipe, self.prepare.resolution
        maps = as_maps(images)
        if recipe.crop == "random_resized":
            maps = random_resized_crop(maps, recipe.crop_scale, size)
        else:
            maps = resize(maps, size)
            if recipe.crop == "pad" and self.pad:
                maps = random_shift(maps, self.pad)
        if recipe.flip:
            maps = random_flip(maps)
        maps = policy.augment(maps, recipe.policy, self.prepare.mean, magnitude=recipe.magnitude, layers=recipe.layers)
        return erase(maps, recipe.erasing, self.prepare.mean) if recipe.erasing else maps


def as_maps(images: Tensor) -> Tensor:
    """uint8 (N, S, S, C) -> float32 (N, C, S, S) in 0..1, channels last in memory."""
    return images.permute(0, 3, 1, 2).float() / 255
