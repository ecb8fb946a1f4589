"""The network of an Architecture as one torch module."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import groupby

import torch
from torch import Tensor, nn

from ..search_spaces import checks
from ..search_spaces.architecture import Architecture, blocks
from .blocks import OPERATIONS, Basic, Bottleneck, Head, Residual, Stem


def build(
    architecture: Architecture,
    *,
    classes: int | None = None,
    dropout: float | None = None,
    drop_path: float | None = None,
    features_only: bool = False,
    norm_eps: float = 1e-3,
    norm_momentum: float = 0.01,
    device: torch.device | str | None = None,
) -> Network:
    """The network with fresh weights, in training mode.

    None means the architecture's own value, and torch's default device. The batch normalisation is that of the official
    EfficientNet code (eps 1e-3, decay 0.99: 0.01 in PyTorch's terms). `features_only` leaves the head out; see Network.
    On the device "meta" nothing is allocated or computed: for counting and for loading weights.
    ValueError: a value outside its range.
    """
    checks.number("norm_eps", norm_eps, 0, 1)
    checks.number("norm_momentum", norm_momentum, 0, 1)
    architecture = replace(
        architecture,
        classes=architecture.classes if classes is None else classes,
        dropout=architecture.dropout if dropout is None else dropout,
        drop_path=architecture.drop_path if drop_path is None else drop_path,
    )
    with nullcontext() if device is None else torch.device(device):
        network = Network(architecture, features_only=features_only, norm_eps=norm_eps, norm_momentum=norm_momentum)
    if not next(network.parameters()).is_meta:
        initialise(network)
    return network


class Network(nn.Module):
    """stem, stages (one Sequential of blocks each), head.

    forward: images (N, input_channels, H, W) of any size -> logits (N, classes). Without a head (features_only): the
    list of `features`, whose strides and channels are `feature_strides` and `feature_channels`.
    `architecture` is what was built, with its classes, dropout and drop_path.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        features_only: bool = False,
        norm_eps: float = 1e-3,
        norm_momentum: float = 0.01,
    ) -> None:
        super().__init__()
        norm = partial(nn.BatchNorm2d, eps=norm_eps, momentum=norm_momentum)
        first, *middle, last = blocks(architecture)
        self.architecture = architecture
        self.stem = Stem(first, norm)
        self.stages = nn.ModuleList(
            nn.Sequential(*(OPERATIONS[block.operation](block, norm) for block in stage))
            for _, stage in groupby(middle, key=lambda block: block.stage)
        )
        self.head = (
            None if features_only else Head(last, norm, classes=architecture.classes, dropout=architecture.dropout)
        )
        taps = _taps(architecture)
        if features_only and not taps:
            raise ValueError(f"{architecture.name} has no maps at stride 4 or more; features_only needs one")
        self.feature_strides = tuple(taps)
        self.feature_channels = tuple(
            architecture.stages[position - 1].channels if position else architecture.stem.channels
            for position in taps.values()
        )
        self._tapped = tuple(taps.values())

    def features(self, images: Tensor) -> list[Tensor]:
        """The last maps at each stride from 4 on (4, 8, 16, 32 for most), finest first."""
        maps = self.stem(images)
        found = [maps] if 0 in self._tapped else []
        for position, stage in enumerate(self.stages, 1):
            maps = stage(maps)
            if position in self._tapped:
                found.append(maps)
        return found

    def forward(self, images: Tensor) -> Tensor | list[Tensor]:
        if self.head is None:
            return self.features(images)
        maps = self.stem(images)
        for stage in self.stages:
            maps = stage(maps)
        logits: Tensor = self.head(maps)
        return logits


def _taps(architecture: Architecture) -> dict[int, int]:
    """Stride in pixels -> the last stage at it (0: the stem), strides below 4 left out."""
    stride = architecture.stem.stride * (2 if architecture.stem.pool == "max" else 1)
    last = {stride: 0}
    for position, stage in enumerate(architecture.stages, 1):
        stride *= stage.stride
        last[stride] = position
    return {stride: position for stride, position in last.items() if stride >= 4}


def initialise(network: nn.Module) -> None:
    """Fresh weights, as in the official code of EfficientNet and MnasNet (its conv and dense_kernel_initializer).

    Convolutions: normal, variance 2 / fan out, where fan out is kernel^2 * outputs / groups (timm divides by the groups
    too, torchvision does not). The hidden layer of a MobileNetV3 head is a 1x1 convolution there. Classifier: uniform,
    +-1 / sqrt(outputs). BN 1 and 0, biases 0. A network of ResNet blocks only: convolutions alike (arXiv 1502.01852),
    classifier and its bias uniform, +-1 / sqrt(inputs), as torchvision's and timm's ResNets have them.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    head = getattr(network, "head", None)
    if isinstance(head, Head):
        if isinstance(head.hidden, nn.Linear):
            nn.init.normal_(head.hidden.weight, std=math.sqrt(2 / head.hidden.out_features))
        if all(isinstance(module, Basic | Bottleneck) for module in network.modules() if isinstance(module, Residual)):
            head.classifier.reset_parameters()
