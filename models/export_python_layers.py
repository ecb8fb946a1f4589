"""The layers of an exported module: for one network, exactly those that it uses, and what of them it uses.

The attributes are those of models/layers.py, so that the names of the weights are equal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ..search_spaces.architecture import Architecture, Block, blocks
from .export_text import call

TORCH_NAMES = {"silu": "nn.SiLU", "relu": "nn.ReLU", "relu6": "nn.ReLU6", "hard_swish": "nn.Hardswish"}


def torch_name(act: str) -> str:
    """ "silu" -> "nn.SiLU" """
    return TORCH_NAMES[act]


def gates(block: Block) -> tuple[str, str]:
    """Activation and gate of a block's SE, as models/layers.py has them."""
    if block.se_kind == "expanded":
        return "nn.ReLU", "nn.Hardsigmoid"
    return torch_name(block.activation), "nn.Sigmoid"


@dataclass(frozen=True)
class Used:
    """What a network is made of.

    act: its most frequent activation, the default of the written classes; several: there are others. gates: kinds of
    SE. drop_path: 0 where no block has a skip to drop.
    """

    middle: tuple[Block, ...]
    act: str
    several: bool
    gates: tuple[tuple[str, str], ...]
    drop_path: float
    eps: float
    momentum: float

    @classmethod
    def by(cls, architecture: Architecture, eps: float, momentum: float) -> Used:
        first, *middle, last = blocks(architecture)
        acts = Counter(block.activation for block in (first, *middle))
        if last.operation == "head" or last.hidden:
            acts[last.activation] += 1
        drops = any(block.skip != "none" and block.drop_path for block in middle)
        return cls(
            middle=tuple(middle),
            act=torch_name(acts.most_common(1)[0][0]),
            several=len(acts) > 1,
            gates=tuple(dict.fromkeys(gates(block) for block in middle if block.squeeze)),
            drop_path=architecture.drop_path if drops else 0.0,
            eps=eps,
            momentum=momentum,
        )

    def of(self, *operations: str) -> list[Block]:
        return [block for block in self.middle if block.operation in operations]

    @property
    def residual(self) -> bool:
        """Whether a class below the blocks adds skips."""
        return any(block.skip != "none" for block in self.middle) or bool(self.of("basic", "bottleneck"))


def layer_classes(used: Used) -> list[str]:
    """Sources of the classes that the blocks are made of, in order."""
    parts = [_conv_norm(used)]
    if used.gates:
        parts.append(_squeeze_excite(used))
    if used.drop_path:
        parts.append(STOCHASTIC_DEPTH)
    if any(block.skip == "pool" for block in used.middle):
        parts.append(POOL_SKIP)
    return parts


def _conv_norm(used: Used) -> str:
    parameters = ["self", "inputs: int", "outputs: int", "kernel: int = 1", "stride: int = 1"]
    given = ["inputs", "outputs", "kernel", "stride", "kernel // 2"]
    if used.of("mbconv", "sepconv"):
        parameters.append("groups: int = 1")
        given.append("groups=groups")
    parameters.append(f"act: type[nn.Module] = {used.act}")
    return f'''class ConvNorm(nn.Module):
    """Convolution, batch normalisation, activation (nn.Identity: none)."""

{call("def __init__", parameters, 4, ") -> None:")}
        super().__init__()
{call("self.conv = nn.Conv2d", [*given, "bias=False"], 8)}
        self.norm = nn.BatchNorm2d(outputs, eps={used.eps!r}, momentum={used.momentum!r})
        self.act = act()

    def forward(self, maps: Tensor) -> Tensor:
        return self.act(self.norm(self.conv(maps)))
'''


def _squeeze_excite(used: Used) -> str:
    parameters = ["self", "channels: int", "squeeze: int"]
    act, gate = used.gates[0]
    if len(used.gates) > 1:
        parameters += ["act: type[nn.Module]", "gate: type[nn.Module]"]
        act, gate = "act", "gate"
    return f'''class SqueezeExcite(nn.Module):
    """Scales every channel by a gate computed from the means of all of them."""

{call("def __init__", parameters, 4, ") -> None:")}
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeeze, 1)
        self.act = {act}()
        self.restore = nn.Conv2d(squeeze, channels, 1)
        self.gate = {gate}()

    def forward(self, maps: Tensor) -> Tensor:
        means = maps.mean((2, 3), keepdim=True)
        return maps * self.gate(self.restore(self.act(self.reduce(means))))
'''


STOCHASTIC_DEPTH = '''class StochasticDepth(nn.Module):
    """In training, zeroes a branch for part of the images and enlarges the others."""

    rate = 0.0

    def forward(self, maps: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return maps
        keep = 1 - self.rate
        return maps * maps.new_empty((len(maps), 1, 1, 1)).bernoulli_(keep).div_(keep)
'''

POOL_SKIP = '''class PoolSkip(nn.Module):
    """Average pooling, then channels of zeros added, or channels cut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.missing, self.stride = outputs - inputs, stride

    def forward(self, maps: Tensor) -> Tensor:
        if self.stride > 1:
            maps = functional.avg_pool2d(
                maps, self.stride, ceil_mode=True, count_include_pad=False
            )
        return functional.pad(maps, (0, 0, 0, 0, 0, self.missing))
'''
