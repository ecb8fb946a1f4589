"""The blocks of `search_spaces.architecture.blocks` as torch modules; maps are (N, channels, height, width)."""

from __future__ import annotations

from torch import Tensor, nn

from ..search_spaces.architecture import Block
from .layers import ConvNorm, Norm, PoolSkip, SqueezeExcite, StochasticDepth, activation


class Stem(nn.Module):
    """First convolution, and the 3x3 max pool of ResNet where the block has one."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__()
        self.conv = ConvNorm(
            block.input, block.output, norm, block.activation, kernel=block.kernel, stride=block.stride
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if block.pool == "max" else nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.pool(self.conv(images))
        return maps


class Residual(nn.Module):
    """branch(maps) + skip(maps), the branch under stochastic depth; without a skip, the branch alone."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__()
        self.skip = _skip(block, norm)
        self.drop_path = nn.Identity() if self.skip is None else StochasticDepth(block.drop_path)

    def branch(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, maps: Tensor) -> Tensor:
        changed = self.branch(maps)
        if self.skip is None:
            return changed
        added: Tensor = self.drop_path(changed) + self.skip(maps)
        return added


class MBConv(Residual):
    """Inverted bottleneck: 1x1 up, depthwise, SE, linear 1x1 down (arXiv 1801.04381)."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__(block, norm)
        inside, act = block.hidden, block.activation
        self.expand = nn.Identity() if inside == block.input else ConvNorm(block.input, inside, norm, act)
        self.depthwise = ConvNorm(inside, inside, norm, act, kernel=block.kernel, stride=block.stride, groups=inside)
        self.squeeze = _squeeze(inside, block)
        self.project = ConvNorm(inside, block.output, norm)

    def branch(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.project(self.squeeze(self.depthwise(self.expand(maps))))
        return changed


class SepConv(Residual):
    """Depthwise, SE, 1x1, an activation after both convolutions (arXiv 1704.04861)."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__(block, norm)
        width, act = block.input, block.activation
        self.depthwise = ConvNorm(width, width, norm, act, kernel=block.kernel, stride=block.stride, groups=width)
        self.squeeze = _squeeze(width, block)
        self.pointwise = ConvNorm(width, block.output, norm, act)

    def branch(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.pointwise(self.squeeze(self.depthwise(maps)))
        return changed


class Conv(Residual):
    """One full convolution with its activation, SE."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__(block, norm)
        self.conv = ConvNorm(
            block.input, block.output, norm, block.activation, kernel=block.kernel, stride=block.stride
        )
        self.squeeze = _squeeze(block.output, block)

    def branch(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.squeeze(self.conv(maps))
        return changed


class Basic(Residual):
    """ResNet's block of two convolutions; its last activation comes after the addition (arXiv 1512.03385)."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__(block, norm)
        width, act = block.output, block.activation
        self.conv1 = ConvNorm(block.input, width, norm, act, kernel=block.kernel, stride=block.stride)
        self.conv2 = ConvNorm(width, width, norm, kernel=block.kernel)
        self.act = activation(act)

    def branch(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.conv2(self.conv1(maps))
        return changed

    def forward(self, maps: Tensor) -> Tensor:
        activated: Tensor = self.act(super().forward(maps))
        return activated


class Bottleneck(Residual):
    """ResNet's block of 1x1, kernel x kernel, 1x1; the stride sits in the middle, as in torchvision ("V1.5")."""

    def __init__(self, block: Block, norm: Norm) -> None:
        super().__init__(block, norm)
        inside, act = block.hidden, block.activation
        self.reduce = ConvNorm(block.input, inside, norm, act)
        self.conv = ConvNorm(inside, inside, norm, act, kernel=block.kernel, stride=block.stride)
        self.restore = ConvNorm(inside, block.output, norm)
        self.act = activation(act)

    def branch(self, maps: Tensor) -> Tensor:
        changed: Tensor = self.restore(self.conv(self.reduce(maps)))
        return changed

    def forward(self, maps: Tensor) -> Tensor:
        activated: Tensor = self.act(super().forward(maps))
        return activated


class Head(nn.Module):
    """1x1 convolution, average over the map, hidden layer, dropout, classifier: (N, input, H, W) -> (N, classes)."""

    def __init__(self, block: Block, norm: Norm, *, classes: int, dropout: float) -> None:
        super().__init__()
        with_conv, act = block.operation == "head", block.activation
        self.conv = ConvNorm(block.input, block.output, norm, act) if with_conv else nn.Identity()
        self.hidden = nn.Linear(block.output, block.hidden) if block.hidden else nn.Identity()
        self.act = activation(act) if block.hidden else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(block.hidden or block.output, classes)

    def forward(self, maps: Tensor) -> Tensor:
        features = self.conv(maps).mean((2, 3))  # (N, output)
        logits: Tensor = self.classifier(self.dropout(self.act(self.hidden(features))))
        return logits


OPERATIONS: dict[str, type[Residual]] = {
    "mbconv": MBConv,
    "sepconv": SepConv,
    "conv": Conv,
    "basic": Basic,
    "bottleneck": Bottleneck,
}


def _squeeze(channels: int, block: Block) -> nn.Module:
    if not block.squeeze:
        return nn.Identity()
    return SqueezeExcite(channels, block.squeeze, block.se_kind, block.activation)


def _skip(block: Block, norm: Norm) -> nn.Module | None:
    if block.skip == "identity":
        return nn.Identity()
    if block.skip == "projection":
        return ConvNorm(block.input, block.output, norm, stride=block.stride)
    if block.skip == "pool":
        return PoolSkip(block.input, block.output, block.stride)
    return None
