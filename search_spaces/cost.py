"""What a network costs: parameters, mult-adds, activations, counted from its blocks without building it.

One mult-add is one fused multiply-add of one image's forward pass, the unit that the EfficientNet paper calls FLOPs.
Counted are convolutions (SE too) and fully connected layers. Not counted, as in the papers: batch normalisation,
biases, activation functions, pooling, the SE scaling, additions. Parameters are all that a training changes, BN scale
and shift included. Activations are the output values of the counted layers (arXiv 2003.13678).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .architecture import Architecture, Block, blocks
from .rounding import strided


@dataclass(frozen=True)
class Cost:
    """Counts for one image: params, mult_adds, activations (all whole numbers)."""

    params: int = 0
    mult_adds: int = 0
    activations: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.params + other.params, self.mult_adds + other.mult_adds, self.activations + other.activations)


@dataclass(frozen=True)
class Layer:
    """One convolution (a fully connected layer is a 1x1 on one pixel): channels, groups, output side in pixels."""

    input: int
    output: int
    size: int
    kernel: int = 1
    groups: int = 1
    norm: bool = True
    bias: bool = False


def cost(architecture: Architecture) -> Cost:
    return sum((block_cost(block, architecture.classes) for block in blocks(architecture)), Cost())


def stage_costs(architecture: Architecture) -> tuple[Cost, ...]:
    """Stem, one for each stage, head: len(stages) + 2 values that add up to `cost`."""
    totals = [Cost()] * (len(architecture.stages) + 2)
    for block in blocks(architecture):
        totals[block.stage] += block_cost(block, architecture.classes)
    return tuple(totals)


def block_cost(block: Block, classes: int = 1000) -> Cost:
    params = mult_adds = activations = 0
    for layer in layers(block, classes):
        weights = layer.kernel**2 * layer.input // layer.groups * layer.output
        pixels = layer.size**2
        params += weights + layer.output * (2 * layer.norm + layer.bias)
        mult_adds += weights * pixels
        activations += layer.output * pixels
    return Cost(params, mult_adds, activations)


def layers(block: Block, classes: int = 1000) -> Iterator[Layer]:
    """The convolutions and fully connected layers of a block."""
    inside, size, kernel = block.hidden, block.output_size, block.kernel
    if block.operation == "stem":
        yield Layer(block.input, block.output, strided(block.input_size, block.stride), kernel)
    elif block.operation == "mbconv":
        if inside != block.input:
            yield Layer(block.input, inside, block.input_size)
        yield Layer(inside, inside, size, kernel, groups=inside)
        yield from _squeeze_excite(inside, block.squeeze)
        yield Layer(inside, block.output, size)
    elif block.operation == "sepconv":
        yield Layer(block.input, block.input, size, kernel, groups=block.input)
        yield from _squeeze_excite(block.input, block.squeeze)
        yield Layer(block.input, block.output, size)
    elif block.operation == "conv":
        yield Layer(block.input, block.output, size, kernel)
        yield from _squeeze_excite(block.output, block.squeeze)
    elif block.operation == "basic":
        yield Layer(block.input, block.output, size, kernel)
        yield Layer(block.output, block.output, size, kernel)
    elif block.operation == "bottleneck":
        yield Layer(block.input, inside, block.input_size)
        yield Layer(inside, inside, size, kernel)
        yield Layer(inside, block.output, size)
    else:
        yield from _classifier(block, classes)
    if block.skip == "projection":
        yield Layer(block.input, block.output, size)


def _squeeze_excite(channels: int, squeeze: int) -> Iterator[Layer]:
    if squeeze:
        yield Layer(channels, squeeze, 1, norm=False, bias=True)
        yield Layer(squeeze, channels, 1, norm=False, bias=True)


def _classifier(block: Block, classes: int) -> Iterator[Layer]:
    features = block.output
    if block.operation == "head":
        yield Layer(block.input, block.output, block.input_size)
    if block.hidden:
        yield Layer(features, block.hidden, 1, norm=False, bias=True)
        features = block.hidden
    yield Layer(features, classes, 1, norm=False, bias=True)
