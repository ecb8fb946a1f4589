"""How timm's ResNet is asked for a network of ResNet blocks, or why it cannot be."""

from __future__ import annotations

from ..search_spaces.architecture import Architecture, Block, blocks
from .export_python_layers import torch_name
from .export_timm_names import Plan, resnet_names, told
from .export_timm_rows import cannot_express

STEM = (64, 7)  # channels and kernel
BOTTLENECK = 4  # its outputs over timm's "channels"


def resnet(architecture: Architecture, norm: str) -> Plan:
    """norm: the expression for its normalisation. UserError says what timm's class does not have."""
    first, *middle, last = blocks(architecture)
    stages = architecture.stages
    if last.operation == "head" or last.hidden:
        raise cannot_express("ResNet with a convolution or a hidden layer in its head")
    if (first.output, first.kernel) != STEM:
        raise cannot_express(f"ResNet stem of {first.output} channels and kernel {first.kernel} (theirs: 64, 7)")
    if [stage.stride for stage in stages] != [1, 2, 2, 2]:
        raise cannot_express("ResNet with other stages than four of strides 1, 2, 2, 2")
    if {stage.kernel for stage in stages} != {3}:
        raise cannot_express("ResNet with other kernels than 3")
    if len({first.activation, *(stage.activation for stage in stages)}) > 1:
        raise cannot_express("ResNet with several activations")
    if any(block.skip not in ("identity", "projection") for block in middle):
        raise cannot_express("ResNet without skips, or with pooling in them")
    channels = [_planes(stage.operation, stage.channels) for stage in stages]
    kinds = ["Bottleneck" if stage.operation == "bottleneck" else "BasicBlock" for stage in stages]
    stem = architecture.stem.stride
    after = [] if stem == 2 else [f"    network.conv1.stride = ({stem}, {stem})"]
    if first.pool == "none":
        after.append("    network.maxpool = nn.Identity()")
    if after:
        base = stem * (1 if first.pool == "none" else 2)
        after += told([stem, *(base * 2**place for place in range(len(stages)))])
    return Plan(
        home="ResNet",
        imports=[
            "from functools import partial",
            "",
            "from timm.models import load_checkpoint",
            f"from timm.models.resnet import {', '.join(sorted({*kinds, 'ResNet'}, key=str.lower))}",
            "from torch import nn",
        ],
        constants=[],
        before=[],
        arguments={
            "block": kinds[0] if len(set(kinds)) == 1 else f"({', '.join(kinds)})",
            "layers": repr(tuple(stage.repeats for stage in stages)),
            "channels": repr(tuple(channels)),
            "base_width": repr(_base_width(middle)),
            "num_classes": str(architecture.classes),
            "in_chans": str(architecture.input_channels),
            "act_layer": torch_name(first.activation),
            "norm_layer": norm,
            "drop_rate": repr(architecture.dropout),
            # its ramp ends at the last block, ours one behind it
            "drop_path_rate": repr(architecture.drop_path * (len(middle) - 1) / len(middle)),
        },
        after=after,
        names=resnet_names(middle),
    )


def _planes(operation: str, channels: int) -> int:
    """timm's "channels" of a stage."""
    if operation == "bottleneck" and channels % BOTTLENECK:
        raise cannot_express(f"bottleneck with {channels} outputs, no multiple of {BOTTLENECK}")
    return channels // BOTTLENECK if operation == "bottleneck" else channels


def _base_width(middle: list[Block]) -> int:
    """timm: a bottleneck is floor(channels * base_width / 64) wide inside, all with the same base_width."""
    narrow = [block for block in middle if block.operation == "bottleneck"]
    if not narrow:
        return 64
    width = round(narrow[0].hidden * 64 * BOTTLENECK / narrow[0].output)
    if any(int(block.output // BOTTLENECK * (width / 64)) != block.hidden for block in narrow):
        raise cannot_express("ResNet with several expansions of its bottlenecks")
    if len(narrow) < len(middle) and width != 64:
        raise cannot_express("ResNet of both kinds of blocks with bottlenecks of another expansion than 1/4")
    return width
