"""Stages as the strings that timm's `decode_arch_def` reads.

"ir_r2_k3_s2_e6_c24_se0.25": two inverted bottlenecks (ds: without expansion; dsa: both convolutions activated; cn: one
full convolution) of kernel 3, the first with stride 2, expansion 6, 24 channels, SE of a quarter of the input.
"""

from __future__ import annotations

from itertools import groupby

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture, Block, Stage
from ..search_spaces.rounding import round_filters

ACTS = {"silu": "sw", "relu": "re", "relu6": "r6", "hard_swish": "hs"}


def rows(architecture: Architecture, middle: list[Block], act: str) -> tuple[list[list[str]], list[tuple[int, int]]]:
    """The strings of every stage; and stage and number of the blocks that have a skip which no string gives them.

    act: the network's own activation, which a string need not name. UserError for what timm's blocks do not have.
    """
    strings, skipped = [], []
    for place, stage in enumerate(architecture.stages):
        of_stage = [block for block in middle if block.stage == place + 1]
        strings.append(_stage(stage, of_stage, act))
        skipped += [
            (place, block.index) for block in of_stage if block.operation == "sepconv" and block.skip == "identity"
        ]
    return strings, skipped


def _stage(stage: Stage, of_stage: list[Block], act: str) -> list[str]:
    """Blocks that are written alike share a string; timm gives its stride to the first of a stage only."""
    written = []
    stride = stage.stride
    for (kind, rest), group in groupby(of_stage, key=lambda block: _written(stage, block, act)):
        written.append(f"{kind}_r{len(list(group))}_k{stage.kernel}_s{stride}_{rest}")
        stride = 1
    return written


def _written(stage: Stage, block: Block, act: str) -> tuple[str, str]:
    """Its kind, and what stands behind the stride."""
    if block.skip not in ("identity", "none"):
        raise cannot_express(f"{block.skip} in the skip of a {block.operation} block")
    if block.activation not in ACTS:
        raise cannot_express(f"activation {block.activation}")
    kind = {"mbconv": "ir" if block.hidden != block.input else "ds", "sepconv": "dsa", "conv": "cn"}[block.operation]
    parts = [f"c{block.output}"]
    if kind == "ir":
        parts.insert(0, f"e{_expansion(stage, block)}")
    if block.squeeze and kind == "cn":
        raise cannot_express("SE in a full convolution")
    if block.squeeze:
        parts.append(f"se{_ratio(stage, block, kind)}")
    if block.activation != act:
        parts.append(f"n{ACTS[block.activation]}")
    if kind == "cn":
        parts += ["skip"] if stage.skip != "none" else []
    elif kind != "dsa" and stage.skip == "none":
        parts.append("noskip")
    return kind, "_".join(parts)


def _expansion(stage: Stage, block: Block) -> str:
    """timm rounds the width inside to a multiple of 8, as EfficientNet does."""
    for ratio in (f"{stage.expand:g}", repr(block.hidden / block.input)):
        if round_filters(block.input * float(ratio)) == block.hidden:
            return ratio
    raise cannot_express(f"inverted bottleneck of {block.hidden} channels inside, no multiple of 8")


def _ratio(stage: Stage, block: Block, kind: str) -> str:
    """timm divides it by the expansion, and takes the nearest number of that part of the channels inside."""
    expansion = float(_expansion(stage, block)) if kind == "ir" else 1.0
    gated = block.hidden if kind == "ir" else block.input
    exact = block.squeeze * expansion / gated
    for ratio in (f"{stage.se_ratio:g}", *(f"{exact:.{digits}g}" for digits in (3, 6, 17))):
        if round(gated * (float(ratio) / expansion)) == block.squeeze:
            return ratio
    raise cannot_express(f"SE of {block.squeeze} channels")


def cannot_express(what: str) -> UserError:
    return UserError(
        f"timm's classes have no {what}, which this network has",
        hint="export it with --to python: a module that needs torch alone",
    )
