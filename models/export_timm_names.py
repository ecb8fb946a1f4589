"""timm's names of the modules that hold our weights, and what a file for timm is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..search_spaces.architecture import Block
from .weight_names import RESNET, TIMM


@dataclass(frozen=True)
class Plan:
    """home: timm's class, built with `arguments`. before, after: lines of `build` around that. names: our modules ->
    timm's."""

    home: str
    imports: list[str]
    arguments: dict[str, str]
    names: dict[str, str]
    constants: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


def efficientnet_names(middle: list[Block], last: Block) -> dict[str, str]:
    """Of EfficientNet, and of MobileNetV3 where the head has a hidden layer."""
    names = {"stem.conv.conv": "conv_stem", "stem.conv.norm": "bn1", "head.classifier": "classifier"}
    for block in middle:
        plain = block.operation == "mbconv" and block.hidden == block.input
        names |= _inside(block, "blocks", 0, TIMM["plain" if plain else block.operation])
    if last.hidden:
        stage = f"blocks.{middle[-1].stage}.0"
        return names | {"head.conv.conv": f"{stage}.conv", "head.conv.norm": f"{stage}.bn1", "head.hidden": "conv_head"}
    return names | {"head.conv.conv": "conv_head", "head.conv.norm": "bn2"}


def resnet_names(middle: list[Block]) -> dict[str, str]:
    names = {"stem.conv.conv": "conv1", "stem.conv.norm": "bn1", "head.classifier": "fc"}
    for block in middle:
        names |= _inside(block, "layer", 1, RESNET[block.operation])
    return names


def _inside(block: Block, stages: str, first: int, of_kind: dict[str, str]) -> dict[str, str]:
    """`first`: timm's number of the first stage; behind "blocks" stands a dot, behind "layer" none."""
    place = block.stage - 1 + first
    theirs = f"{stages}{'' if first else '.'}{place}.{block.index}"
    return {f"stages.{block.stage - 1}.{block.index}.{ours}": f"{theirs}.{name}" for ours, name in of_kind.items()}


def told(reductions: list[int]) -> list[str]:
    """Lines that tell timm the strides of the maps which it offers as features."""
    return [
        f"    reductions = {tuple(reductions)!r}",
        "    for level, reduction in zip(network.feature_info, reductions, strict=True):",
        '        level["reduction"] = reduction',
    ]
