"""What a convolutional network is here: a stem, rows of equal blocks (stages), a head.

The rows are those of the papers' tables, so that a network can be checked by eye. The values describe MobileNetV1,
V2 and V3, MnasNet, EfficientNet (and Lite) and ResNet; they hold numbers and names only. `blocks` is the one walk
over a network: cost, model and drawing read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from . import checks
from .checks import InvalidValue
from .rounding import expanded, round_filters, strided

OPERATIONS = ("mbconv", "sepconv", "conv", "basic", "bottleneck")
SKIPS = ("identity", "projection", "pool", "none")
ACTIVATIONS = ("silu", "relu", "relu6", "hard_swish")
SE_KINDS = ("input", "expanded")
STEM_POOLS = ("none", "max")


@dataclass(frozen=True)
class Stem:
    """First convolution: kernel x kernel, to `channels`, BN, activation; `pool` "max" adds a 3x3 max pool, stride 2."""

    channels: int = 32
    kernel: int = 3
    stride: int = 2
    activation: str = "silu"
    pool: str = "none"

    def __post_init__(self) -> None:
        checks.integer("stem.channels", self.channels, 1)
        checks.odd("stem.kernel", self.kernel)
        checks.integer("stem.stride", self.stride, 1, 4)
        checks.choice("stem.activation", self.activation, ACTIVATIONS)
        checks.choice("stem.pool", self.pool, STEM_POOLS)


@dataclass(frozen=True)
class Stage:
    """`repeats` blocks of one kind; the first has the stride and changes the channels.

    operation
        "mbconv": 1x1 to `expand` times the input channels (left out when that changes nothing), depthwise kernel x
        kernel, SE, linear 1x1. "sepconv": depthwise, SE, 1x1, an activation after both convolutions (MobileNetV1).
        "conv": one full convolution, SE. "basic" and "bottleneck": the ResNet blocks (no SE); a bottleneck is
        `expand` times its *output* channels wide inside.
    channels
        output channels of every block.
    se_ratio, se_kind
        squeeze width as a fraction; 0 is no SE. Kind "input": of the block's input channels, rounded down, gate
        sigmoid(1x1(act(1x1))) (EfficientNet, MnasNet). "expanded": of the gated channels, to a multiple of 8, with
        ReLU and a hard sigmoid (MobileNetV3).
    skip
        "identity": added where the shapes allow. "projection": a strided 1x1 convolution with BN where they do not
        (ResNet). "pool": where they do not, average pooling of stride x stride and zero channels, no parameters.
    """

    operation: str
    channels: int
    repeats: int = 1
    stride: int = 1
    kernel: int = 3
    expand: float = 1
    se_ratio: float = 0
    se_kind: str = "input"
    skip: str = "identity"
    activation: str = "silu"

    def __post_init__(self) -> None:
        checks.choice("operation", self.operation, OPERATIONS)
        checks.integer("channels", self.channels, 1)
        checks.integer("repeats", self.repeats, 1, 1000)
        checks.integer("stride", self.stride, 1, 2)
        checks.odd("kernel", self.kernel)
        checks.number("expand", self.expand, 1 / 64, 64)
        checks.number("se_ratio", self.se_ratio, 0, 4)
        checks.choice("se_kind", self.se_kind, SE_KINDS)
        checks.choice("skip", self.skip, SKIPS)
        checks.choice("activation", self.activation, ACTIVATIONS)
        if self.operation not in ("mbconv", "bottleneck") and self.expand != 1:
            raise InvalidValue(f"expand is {self.expand:g}; a {self.operation} block does not expand: it must be 1")
        if self.operation in ("basic", "bottleneck") and self.se_ratio != 0:
            raise InvalidValue(f"se_ratio is {self.se_ratio:g}; a {self.operation} block has no SE: it must be 0")


@dataclass(frozen=True)
class Head:
    """Classifier: 1x1 convolution to `channels` (0: none), BN, activation; average pool; a fully connected layer to
    `hidden` (0: none) and activation (MobileNetV3); dropout; fully connected layer to the classes."""

    channels: int = 1280
    hidden: int = 0
    activation: str = "silu"

    def __post_init__(self) -> None:
        checks.integer("head.channels", self.channels, 0)
        checks.integer("head.hidden", self.hidden, 0)
        checks.choice("head.activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True)
class Architecture:
    """One network. `resolution` in pixels (square input). `dropout` and `drop_path` (stochastic depth: the rate that
    the linear ramp over the blocks ends at) belong to it because a family grows them together with the network."""

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    resolution: int = 224
    input_channels: int = 3
    classes: int = 1000
    dropout: float = 0.2
    drop_path: float = 0.2

    def __post_init__(self) -> None:
        checks.text("name", self.name)
        checks.instance("stem", self.stem, Stem)
        checks.instance("head", self.head, Head)
        checks.instance("stages", self.stages, (tuple, list))
        object.__setattr__(self, "stages", tuple(self.stages))
        for place, stage in enumerate(self.stages):
            checks.instance(f"stages[{place}]", stage, Stage)
        if not 1 <= len(self.stages) <= 100:
            raise InvalidValue(f"there are {len(self.stages)} stages; 1 to 100 are allowed")
        checks.integer("resolution", self.resolution, 1, 8192)
        checks.integer("input_channels", self.input_channels, 1, 1024)
        checks.integer("classes", self.classes, 1, 10_000_000)
        checks.number("dropout", self.dropout, 0, 0.95)
        checks.number("drop_path", self.drop_path, 0, 0.95)

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON without the name: equal networks, equal keys."""
        content = asdict(self)
        del content["name"]
        canonical = json.dumps(plain(content), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Block:
    """One block as it is really built: what `blocks` yields.

    operation
        "stem", one of OPERATIONS, "head", or "classifier" for a head without a convolution.
    stage, index
        0 for the stem, 1.. for the stages, len(stages) + 1 for the head; position inside the stage from 0.
    input, hidden, output
        channels; hidden is the width inside (expanded, bottleneck, or the head's fully connected layer; 0: none).
    squeeze
        SE width; 0: no SE.
    skip
        what this very block has: "identity", "projection", "pool" or "none".
    input_size, output_size
        height and width of the maps in pixels; the head's output_size is 1, after its pooling.
    drop_path
        rate of its stochastic depth.
    """

    operation: str
    stage: int
    index: int
    input: int
    hidden: int
    output: int
    input_size: int
    output_size: int
    kernel: int = 1
    stride: int = 1
    squeeze: int = 0
    se_kind: str = "input"
    skip: str = "none"
    activation: str = "silu"
    pool: str = "none"
    drop_path: float = 0.0


def blocks(architecture: Architecture) -> Iterator[Block]:
    """Stem, every block of every stage, head, in the order in which an image passes them."""
    stem, head = architecture.stem, architecture.head
    width, size = stem.channels, stem_size(architecture)
    yield Block(
        operation="stem", stage=0, index=0,
        input=architecture.input_channels, hidden=0, output=width, input_size=architecture.resolution, output_size=size,
        kernel=stem.kernel, stride=stem.stride, activation=stem.activation, pool=stem.pool,
    )  # fmt: skip
    total = sum(stage.repeats for stage in architecture.stages)
    number = 0
    for position, stage in enumerate(architecture.stages, 1):
        for index in range(stage.repeats):
            rate = architecture.drop_path * number / total  # block i of n: i / n, as in the official code
            block = stage_block(stage, position, index, width, size, rate)
            yield block
            width, size, number = block.output, block.output_size, number + 1
    yield Block(
        operation="head" if head.channels else "classifier", stage=len(architecture.stages) + 1, index=0,
        input=width, hidden=head.hidden, output=head.channels or width, input_size=size, output_size=1,
        activation=head.activation,
    )  # fmt: skip


def stem_size(architecture: Architecture) -> int:
    """Map size in pixels that the first stage receives."""
    size = strided(architecture.resolution, architecture.stem.stride)
    return strided(size, 2) if architecture.stem.pool == "max" else size


def stage_block(stage: Stage, position: int, index: int, width: int, size: int, drop_path: float = 0.0) -> Block:
    """Block `index` of a stage that receives `width` channels on maps of `size` pixels."""
    stride = stage.stride if index == 0 else 1
    hidden = 0
    if stage.operation == "mbconv":
        hidden = expanded(width, stage.expand)
    elif stage.operation == "bottleneck":
        hidden = expanded(stage.channels, stage.expand)
    squeeze = 0
    if stage.se_ratio and stage.se_kind == "input":
        squeeze = max(1, int(width * stage.se_ratio + 1e-9))
    elif stage.se_ratio:
        gated = {"mbconv": hidden, "sepconv": width, "conv": stage.channels}[stage.operation]
        squeeze = round_filters(gated * stage.se_ratio)
    fits = stride == 1 and width == stage.channels
    if fits:
        skip = "none" if stage.skip == "none" else "identity"
    else:
        skip = "none" if stage.skip == "identity" else stage.skip
    return Block(
        operation=stage.operation, stage=position, index=index,
        input=width, hidden=hidden, output=stage.channels, input_size=size, output_size=strided(size, stride),
        kernel=stage.kernel, stride=stride, squeeze=squeeze, se_kind=stage.se_kind, skip=skip,
        activation=stage.activation, drop_path=drop_path,
    )  # fmt: skip


def plain(value: Any) -> Any:
    """Values for JSON: tuples become lists, and floats that are whole integers, because 1.0 and 1 are one value."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
