"""Where timm and torchvision keep the weights of a network: our modules' names -> theirs, found by structure.

Both number their blocks within stages of their own, so the blocks of a file are taken in their order: the nth of the
file is the nth of ours. Inside a block the tables below say which layer is which. The names are those of timm 1.0 and
torchvision 0.28, read off their state dicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..search_spaces.architecture import Architecture, Block, blocks

OURS = "effsearch"
# Our layer in a block -> timm's; an "mbconv" that does not expand is "plain"
TIMM = {
    "mbconv": {
        "expand.conv": "conv_pw", "expand.norm": "bn1", "depthwise.conv": "conv_dw", "depthwise.norm": "bn2",
        "squeeze.reduce": "se.conv_reduce", "squeeze.restore": "se.conv_expand",
        "project.conv": "conv_pwl", "project.norm": "bn3",
    },
    "plain": {
        "depthwise.conv": "conv_dw", "depthwise.norm": "bn1",
        "squeeze.reduce": "se.conv_reduce", "squeeze.restore": "se.conv_expand",
        "project.conv": "conv_pw", "project.norm": "bn2",
    },
    "sepconv": {
        "depthwise.conv": "conv_dw", "depthwise.norm": "bn1",
        "squeeze.reduce": "se.conv_reduce", "squeeze.restore": "se.conv_expand",
        "pointwise.conv": "conv_pw", "pointwise.norm": "bn2",
    },
    "conv": {"conv.conv": "conv", "conv.norm": "bn1"},
}  # fmt: skip
# timm's and torchvision's ResNets have the same names
RESNET = {
    "basic": {
        "conv1.conv": "conv1", "conv1.norm": "bn1", "conv2.conv": "conv2", "conv2.norm": "bn2",
        "skip.conv": "downsample.0", "skip.norm": "downsample.1",
    },
    "bottleneck": {
        "reduce.conv": "conv1", "reduce.norm": "bn1", "conv.conv": "conv2", "conv.norm": "bn2",
        "restore.conv": "conv3", "restore.norm": "bn3", "skip.conv": "downsample.0", "skip.norm": "downsample.1",
    },
}  # fmt: skip
MNASNET = {
    "expand.conv": "0", "expand.norm": "1", "depthwise.conv": "3", "depthwise.norm": "4",
    "project.conv": "6", "project.norm": "7",
}  # fmt: skip


@dataclass(frozen=True)
class Names:
    """library: who wrote the file. modules: ours -> theirs. blocks: how many the file has, and how many we have."""

    library: str
    modules: dict[str, str]
    blocks: tuple[int, int]


def names_for(architecture: Architecture, keys: Iterable[str]) -> Names | None:
    """None where the keys of a state dict are in nobody's style, or in one that has no such blocks as the network."""
    known = set(keys)
    if "stem.conv.conv.weight" in known:
        return Names(OURS, {}, (0, 0))
    if "conv_stem.weight" in known:
        return _timm(architecture, known)
    if "conv1.weight" in known and any(key.startswith("layer1.") for key in known):
        return _resnet(architecture, known)
    if "layers.0.weight" in known:
        return _mnasnet(architecture, known)
    if "features.0.0.weight" in known:
        return _torchvision(architecture, known)
    return None


def _timm(architecture: Architecture, keys: set[str]) -> Names | None:
    prefixes = _prefixes(keys, r"blocks\.(\d+)\.(\d+)\.")
    *_, head = blocks(architecture)
    names = {"stem.conv.conv": "conv_stem", "stem.conv.norm": "bn1", "head.classifier": "classifier"}
    if head.hidden:  # MobileNetV3: the head's convolution counts as a block, the hidden layer is "conv_head"
        names["head.hidden"] = "conv_head"
        last = prefixes.pop() if prefixes and head.operation == "head" else ""
        names |= {"head.conv.conv": f"{last}conv", "head.conv.norm": f"{last}bn1"}
    else:
        names |= {"head.conv.conv": "conv_head", "head.conv.norm": "bn2"}
    return _joined(
        "timm", architecture, names, prefixes, [TIMM.get(_kind(block), {}) for block in _middle(architecture)]
    )


def _resnet(architecture: Architecture, keys: set[str]) -> Names | None:
    prefixes = _prefixes(keys, r"layer(\d+)\.(\d+)\.")
    names = {"stem.conv.conv": "conv1", "stem.conv.norm": "bn1", "head.classifier": "fc"}
    tables = [RESNET.get(block.operation, {}) for block in _middle(architecture)]
    return _joined("timm or torchvision", architecture, names, prefixes, tables)


def _mnasnet(architecture: Architecture, keys: set[str]) -> Names | None:
    """torchvision's MNASNet: its first block, without expansion, stands in the outer list; the head behind the last."""
    prefixes = ["layers.", *_prefixes(keys, r"layers\.(\d+)\.(\d+)\.layers\.")]
    last = max((int(key.split(".")[1]) for key in keys if re.match(r"layers\.\d{1,4}\.\d{1,4}\.", key)), default=0)
    names = {"stem.conv.conv": "layers.0", "stem.conv.norm": "layers.1", "head.classifier": "classifier.1",
             "head.conv.conv": f"layers.{last + 1}", "head.conv.norm": f"layers.{last + 2}"}  # fmt: skip
    tables = [MNASNET if block.operation == "mbconv" else {} for block in _middle(architecture)]
    return _joined("torchvision", architecture, names, prefixes, tables)


def _torchvision(architecture: Architecture, keys: set[str]) -> Names | None:
    """torchvision's EfficientNet, MobileNetV2 ("conv" inside a block) and MobileNetV3 ("block")."""
    prefixes = _prefixes(keys, r"features\.(\d+)\.(?:(\d+)\.)?(?:block|conv)\.")
    *_, head = blocks(architecture)
    last = max((int(found[1]) for key in keys if (found := re.match(r"features\.(\d{1,4})\.0\.", key))), default=0)
    names = {
        "stem.conv.conv": "features.0.0",
        "stem.conv.norm": "features.0.1",
        "head.conv.conv": f"features.{last}.0",
        "head.conv.norm": f"features.{last}.1",
        "head.hidden": "classifier.0",
        "head.classifier": "classifier.3" if head.hidden else "classifier.1",
    }
    v2 = any(".conv." in prefix for prefix in prefixes)
    tables = [dict(_numbered(block, v2)) for block in _middle(architecture)]
    return _joined("torchvision", architecture, names, prefixes, tables)


def _numbered(block: Block, v2: bool) -> Iterator[tuple[str, str]]:
    """The layers of an inverted bottleneck in their order; MobileNetV2's last convolution and norm stand alone."""
    if block.operation != "mbconv":
        return
    layers = ["expand", "depthwise", "squeeze", "project"]
    absent = {"expand": block.hidden == block.input, "squeeze": not block.squeeze}
    for number, layer in enumerate(layer for layer in layers if not absent.get(layer)):
        if layer == "squeeze":
            yield "squeeze.reduce", f"{number}.fc1"
            yield "squeeze.restore", f"{number}.fc2"
        elif layer == "project" and v2:
            yield "project.conv", f"{number}"
            yield "project.norm", f"{number + 1}"
        else:
            yield f"{layer}.conv", f"{number}.0"
            yield f"{layer}.norm", f"{number}.1"


def _joined(
    library: str, architecture: Architecture, names: dict[str, str], prefixes: list[str], tables: list[dict[str, str]]
) -> Names | None:
    """The names of all blocks beside those of stem and head; None where a table lacks one of a block's layers."""
    found = dict(names)
    middle = _middle(architecture)
    for block, table, prefix in zip(middle, tables, prefixes, strict=False):
        for layer in _layers(block):
            if layer not in table:
                return None
            found[f"stages.{block.stage - 1}.{block.index}.{layer}"] = prefix + table[layer]
    return Names(library, found, (len(prefixes), len(middle)))


def _layers(block: Block) -> Iterator[str]:
    """Our names of what holds weights in a block."""
    convolutions = {
        "mbconv": ("expand", "depthwise", "project") if block.hidden != block.input else ("depthwise", "project"),
        "sepconv": ("depthwise", "pointwise"),
        "conv": ("conv",),
        "basic": ("conv1", "conv2"),
        "bottleneck": ("reduce", "conv", "restore"),
    }[block.operation]
    for name in (*convolutions, *(("skip",) if block.skip == "projection" else ())):
        yield f"{name}.conv"
        yield f"{name}.norm"
    if block.squeeze:
        yield "squeeze.reduce"
        yield "squeeze.restore"


def _middle(architecture: Architecture) -> list[Block]:
    _, *middle, _ = blocks(architecture)
    return middle


def _kind(block: Block) -> str:
    return "plain" if block.operation == "mbconv" and block.hidden == block.input else block.operation


def _prefixes(keys: set[str], pattern: str) -> list[str]:
    """What the names of the blocks begin with, in the order of their numbers."""
    places = {match[0]: tuple(int(number or 0) for number in match.groups()) for key in keys
              if (match := re.match(pattern.replace(r"\d+", r"\d{1,4}"), key))}  # fmt: skip
    return sorted(places, key=lambda prefix: places[prefix])
