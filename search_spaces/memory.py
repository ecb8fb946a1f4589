"""What a network needs to classify one image: the bytes of its weights, and the most that its maps take at one time.

Weights are counted as an inference engine keeps them, the batch normalisations folded into the convolutions before
them: the kernels, and one bias for each output channel. In int8 a bias takes 4 bytes (int32); scales and zero points
are not counted.

Maps: the operations run one after another, as models/blocks.py writes them. A convolution with its normalisation and
activation is one operation, so is a pooling, a product with the SE gates, an addition (with the activation behind
it). Each reads its inputs and writes a new output; a tensor is kept from the operation that writes it to the last one
that reads it, the block's input up to the addition of the skip. The peak is the largest sum of what is alive during
an operation. Not counted: working memory inside an operation (im2col, Winograd), and what an allocator wastes. An
engine that adds in place, or tiles several layers, needs less; an eager framework, whose norms and activations write
tensors of their own, more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .architecture import Architecture, Block, blocks
from .cost import layers
from .rounding import strided

BYTES = {"fp32": 4, "fp16": 2, "int8": 1}  # of one value
INT8_BIAS = 4


@dataclass(frozen=True)
class Operation:
    """name, the stage it belongs to (0 the stem, len(stages) + 1 the head), the tensors it reads, the one it writes; a
    tensor is (number, values)."""

    name: str
    stage: int
    reads: tuple[tuple[int, int], ...]
    writes: tuple[int, int]


@dataclass(frozen=True)
class Memory:
    """Of one image: values of kernels and of biases; values alive at the peak, the operation and the stage it is at."""

    kernels: int
    biases: int
    peak: int
    operation: str
    stage: int

    def weights(self, kind: str) -> int:
        """Bytes in "fp32", "fp16" or "int8"."""
        return self.kernels * BYTES[kind] + self.biases * (INT8_BIAS if kind == "int8" else BYTES[kind])

    def activations(self, kind: str) -> int:
        """Bytes at the peak in "fp32", "fp16" or "int8"."""
        return self.peak * BYTES[kind]


def memory(architecture: Architecture) -> Memory:
    kernels = biases = 0
    for block in blocks(architecture):
        for layer in layers(block, architecture.classes):
            kernels += layer.kernel**2 * layer.input // layer.groups * layer.output
            biases += layer.output
    walked = tuple(operations(architecture))
    alive = live(walked)
    place = alive.index(max(alive))
    return Memory(kernels, biases, alive[place], walked[place].name, walked[place].stage)


def live(walked: tuple[Operation, ...]) -> list[int]:
    """The values alive during each operation."""
    last = {number: place for place, one in enumerate(walked) for number, _ in (*one.reads, one.writes)}
    kept: dict[int, int] = {}
    totals = []
    for place, one in enumerate(walked):
        kept |= dict((*one.reads, one.writes))
        totals.append(sum(kept.values()))
        kept = {number: size for number, size in kept.items() if last[number] > place}
    return totals


def operations(architecture: Architecture) -> Iterator[Operation]:
    """Every operation from the image to the logits, in order."""
    walk = _Walk((0, architecture.input_channels * architecture.resolution**2))
    for block in blocks(architecture):
        if block.operation == "stem":
            yield from _stem(walk, block)
        elif block.operation in ("head", "classifier"):
            yield from _head(walk, block, architecture.classes)
        else:
            yield from _residual(walk, block)


class _Walk:
    """current: the tensor that the next operation reads."""

    def __init__(self, image: tuple[int, int]) -> None:
        self.current = image
        self.tensors = 1

    def step(
        self, name: str, block: Block, values: int, *, beside: tuple[int, int] | None = None,
        reads: tuple[int, int] | None = None,
    ) -> Operation:  # fmt: skip
        """An operation on `reads` (None: the current tensor) and `beside`; its output becomes the current tensor."""
        inputs = (reads or self.current, *([beside] if beside else []))
        self.current, self.tensors = (self.tensors, values), self.tensors + 1
        return Operation(name, block.stage, inputs, self.current)


def _stem(walk: _Walk, block: Block) -> Iterator[Operation]:
    size = strided(block.input_size, block.stride)
    yield walk.step("convolution", block, block.output * size**2)
    if block.pool == "max":
        yield walk.step("max pooling", block, block.output * block.output_size**2)


def _head(walk: _Walk, block: Block, classes: int) -> Iterator[Operation]:
    if block.operation == "head":
        yield walk.step("1x1 convolution", block, block.output * block.input_size**2)
    yield walk.step("average pooling", block, block.output)
    if block.hidden:
        yield walk.step("hidden layer", block, block.hidden)
    yield walk.step("classifier", block, classes)


def _residual(walk: _Walk, block: Block) -> Iterator[Operation]:
    entered, before, after = walk.current, block.input_size**2, block.output_size**2
    inside, output = block.hidden, block.output * after
    if block.operation == "mbconv":
        if inside != block.input:
            yield walk.step("expansion", block, inside * before)
        yield walk.step("depthwise convolution", block, inside * after)
        yield from _squeeze_excite(walk, block, inside)
        yield walk.step("projection", block, output)
    elif block.operation == "sepconv":
        yield walk.step("depthwise convolution", block, block.input * after)
        yield from _squeeze_excite(walk, block, block.input)
        yield walk.step("1x1 convolution", block, output)
    elif block.operation == "conv":
        yield walk.step("convolution", block, output)
        yield from _squeeze_excite(walk, block, block.output)
    elif block.operation == "basic":
        yield walk.step("first convolution", block, output)
        yield walk.step("second convolution", block, output)
    else:
        yield walk.step("reduction", block, inside * before)
        yield walk.step("convolution", block, inside * after)
        yield walk.step("restoration", block, output)
    if block.skip != "none":
        yield from _add(walk, block, entered)


def _squeeze_excite(walk: _Walk, block: Block, channels: int) -> Iterator[Operation]:
    if block.squeeze:
        maps = walk.current
        yield walk.step("SE pooling", block, channels)
        yield walk.step("SE reduction", block, block.squeeze)
        yield walk.step("SE gates", block, channels)
        yield walk.step("SE product", block, maps[1], beside=maps)


def _add(walk: _Walk, block: Block, entered: tuple[int, int]) -> Iterator[Operation]:
    """The skip's own operations come after the branch, as in models/blocks.py."""
    changed, output = walk.current, block.output * block.output_size**2
    if block.skip == "projection":
        yield walk.step("skip projection", block, output, reads=entered)
    elif block.skip == "pool":
        if block.stride > 1:
            yield walk.step("skip pooling", block, block.input * block.output_size**2, reads=entered)
        else:
            walk.current = entered
        yield walk.step("zero channels", block, output)
    else:
        walk.current = entered
    yield walk.step("addition", block, output, beside=changed)
