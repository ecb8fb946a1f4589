"""The layers that the blocks are made of. Maps are (N, channels, height, width)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Norm = Callable[[int], nn.Module]  # channels -> normalisation of (N, channels, H, W)

_ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "silu": functional.silu,
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hard_swish": functional.hardswish,
}


class Activation(nn.Module):
    """Of maps that nobody else reads: in place where no gradient needs them, which saves a tensor and 5 % of the time
    of a forward pass on a CPU. Not in a trace, which is checked with and without gradients. Keeps the shape."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, maps: Tensor) -> Tensor:
        traced = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]  # torch leaves it out
        return _ACTIVATIONS[self.name](maps, inplace=not maps.requires_grad and not traced)

    def extra_repr(self) -> str:
        return self.name


def activation(name: str) -> Activation:
    return Activation(name)


class ConvNorm(nn.Module):
    """Convolution without bias, normalisation, activation (None: linear).

    (N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride)). The padding is kernel // 2 on every side,
    as in torchvision and timm; TensorFlow's "same" pads less at the top and left of a strided layer.
    """

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, act: str | None = None, *,
        kernel: int = 1, stride: int = 1, groups: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = norm(outputs)
        self.act = nn.Identity() if act is None else activation(act)

    def forward(self, maps: Tensor) -> Tensor:
        normed: Tensor = self.act(self.norm(self.conv(maps)))
        return normed


class SqueezeExcite(nn.Module):
    """Scales every channel by a gate computed from the means of all channels (arXiv 1709.01507). Keeps the shape.

    kind "input": the block's activation and a sigmoid (EfficientNet); "expanded": ReLU, hard sigmoid (MobileNetV3).
    """

    def __init__(self, channels: int, squeeze: int, kind: str, act: str) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze, 1)
        self.act = activation("relu" if kind == "expanded" else act)
        self.restore = nn.Conv2d(squeeze, channels, 1)
        self.gate = nn.Hardsigmoid() if kind == "expanded" else nn.Sigmoid()

    def forward(self, maps: Tensor) -> Tensor:
        means = maps.mean((2, 3), keepdim=True)  # (N, channels, 1, 1)
        scaled: Tensor = maps * self.gate(self.restore(self.act(self.reduce(means))))
        return scaled


class StochasticDepth(nn.Module):
    """In training, zeroes whole samples with probability `rate` and divides the others by 1 - rate (arXiv 1603.09382).

    The mean is kept; in evaluation it does nothing. Keeps the shape.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return maps
        keep = 1 - self.rate
        return maps * maps.new_empty((maps.shape[0], 1, 1, 1)).bernoulli_(keep).div_(keep)

    def extra_repr(self) -> str:
        return f"rate={self.rate:g}"


class PoolSkip(nn.Module):
    """A skip without parameters where the shapes differ: average pooling, then zero channels added or channels cut.

    (N, inputs, H, W) -> (N, outputs, ceil(H / stride), ceil(W / stride)); a window at the edge averages what is there.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.missing = outputs - inputs
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        if self.stride > 1:
            maps = functional.avg_pool2d(maps, self.stride, ceil_mode=True, count_include_pad=False)
        return functional.pad(maps, (0, 0, 0, 0, 0, self.missing))  # a negative number cuts

    def extra_repr(self) -> str:
        return f"missing={self.missing}, stride={self.stride}"
