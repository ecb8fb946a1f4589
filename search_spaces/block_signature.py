"""What of a block decides how long it takes, as one line of text; and all the blocks that a space's networks can hold.

"mbconv 16>96>24 k3 s2 112px se4:input silu": operation, channels (input, inside, output), kernel, stride, height and
width of its input, squeeze-and-excitation, activation. Two blocks with one signature are the same computation: the
place in the network, the stage and the drop path are left out, which change nothing at inference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import numpy as np

from .architecture import ACTIVATIONS, OPERATIONS, SE_KINDS, Architecture, Block, blocks
from .space import Indices, SearchSpace

SMALL = 2_000  # points; a larger space that is not made of stages is sampled
QUIET = 1_000  # random networks in a row without a new block that end the sampling
LONGEST = 160
KINDS = ("stem", *OPERATIONS, "head", "classifier")
NUMBER = r"[0-9]{1,8}"
SIGNATURE = re.compile(
    rf"({'|'.join(KINDS)}) {NUMBER}>{NUMBER}>{NUMBER} k{NUMBER} s{NUMBER} {NUMBER}px"
    rf"( se{NUMBER}:({'|'.join(SE_KINDS)}))?( skip:(identity|projection|pool))? ({'|'.join(ACTIVATIONS)})"
    rf"( maxpool)?( classes{NUMBER})?"
)

Blocks = dict[str, Block]  # signature -> one block that has it


def signature(block: Block, classes: int = 1000) -> str:
    """classes: outputs of the network, which the head alone depends on."""
    parts = [
        block.operation,
        f"{block.input}>{block.hidden}>{block.output}",
        f"k{block.kernel}",
        f"s{block.stride}",
        f"{block.input_size}px",
    ]
    parts += [f"se{block.squeeze}:{block.se_kind}"] if block.squeeze else []
    parts += [f"skip:{block.skip}"] if block.skip != "none" else []
    parts.append(block.activation)
    parts += ["maxpool"] if block.pool == "max" else []
    parts += [f"classes{classes}"] if block.operation in ("head", "classifier") else []
    return " ".join(parts)


def signatures(architecture: Architecture) -> Iterator[tuple[str, Block]]:
    """Of every block in the order in which an image passes them: stem, stages, head."""
    for block in blocks(architecture):
        yield signature(block, architecture.classes), block


def is_signature(text: str) -> bool:
    return len(text) <= LONGEST and SIGNATURE.fullmatch(text) is not None


def network_blocks(architecture: Architecture) -> Blocks:
    return dict(signatures(architecture))


def space_blocks(space: SearchSpace, seed: int = 0) -> Blocks:
    """Every block that a network of the space can hold, sorted by signature.

    All of them where the space is made of independent stages or has at most SMALL points. Of another space, those of
    random networks, until QUIET in a row have nothing new: a rare block may then be missing.
    """
    found: Blocks = {}
    for architecture in _networks(space, seed, found):
        for text, block in signatures(architecture):
            found.setdefault(text, block)
    return dict(sorted(found.items()))


def _networks(space: SearchSpace, seed: int, found: Blocks) -> Iterator[Architecture]:
    if space.tables is not None:
        yield from (space.build(space.point(row)) for row in _staged(space))
    elif space.size <= SMALL:
        every = product(*(range(len(dimension.choices)) for dimension in space.dimensions))
        yield from (space.build(space.point(row)) for row in every)
    else:
        random, known, quiet = np.random.default_rng(seed), 0, 0
        while quiet < QUIET:
            yield space.build(space.sample(random))
            quiet = quiet + 1 if len(found) == known else 0
            known = len(found)


def _staged(space: SearchSpace) -> Iterator[Indices]:
    """Points with every combination of each stage's own choices after every width that it may receive."""
    if space.tables is None:
        raise ValueError(f"{space.name} is not made of stages")
    lengths = [len(dimension.choices) for dimension in space.dimensions]
    before = np.zeros((1, len(lengths)), dtype=np.int64)  # a point for each width that the stage may receive
    for weights, widths in zip(space.tables.weights, space.tables.widths, strict=True):
        own = np.flatnonzero(weights)
        choices = np.array(list(product(*(range(lengths[place]) for place in own))), dtype=np.int64)
        for start in before:
            rows = np.tile(start, (len(choices), 1))
            rows[:, own] = choices
            yield from rows
        _, first = np.unique(widths[choices @ weights[own]], return_index=True)
        before = np.zeros((len(first), len(lengths)), dtype=np.int64)
        before[:, own] = choices[first]
