"""The MnasNet space (arXiv 1807.11626, section 4.1) and its measured sub-space at EfficientNet-B0's widths.

`mnasnet`, a stage: operation (full convolution, or MBConv with expansion 1, 3 or 6; expansion 1 is the paper's
separable convolution), kernel 3 or 5, SE 0 or 0.25, skip (none, identity, pooling), filters 0.75, 1 or 1.25 times the
reference's, layers -1, 0 or +1. Choices that round to the same network are left out. (Of a stage of one block
that changes the shape, skip none and identity are still one network.)

`mnasnet-b0`, a stage: expansion 1, 4 or 6, kernel 3 or 5, 1 to 3 layers (stage 6 up to 4), SE or none; channels and
strides are B0's. Accel-NASBench (github afzalxo/Accel-NASBench) trained thousands of its networks on ImageNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from . import catalogue
from .architecture import Architecture, Stage
from .rounding import round_filters
from .space import Choice, SearchSpace
from .staged import staged_space

MBCONV = {"mbconv1": 1, "mbconv3": 3, "mbconv6": 6}


def mnasnet(reference: str | Architecture = "efficientnet-b0") -> SearchSpace:
    """The full space around a network: a catalogue name ("mobilenet-v2" is the MnasNet paper's own) or a value."""
    base = catalogue.load(reference) if isinstance(reference, str) else reference
    genes = [
        {
            "operation": ("conv", *MBCONV),
            "kernel": (3, 5),
            "se": (0, 0.25),
            "skip": ("none", "identity", "pool"),
            "filters": _distinct_filters(stage.channels),
            "layers": tuple(delta for delta in (-1, 0, 1) if stage.repeats + delta >= 1),
        }
        for stage in base.stages
    ]
    return staged_space("mnasnet", base, genes, _write_full)


def mnasnet_b0() -> SearchSpace:
    """The sub-space that the surrogate was fitted on; 28 dimensions, 1.05e11 networks, B0 among them."""
    base = catalogue.load("efficientnet-b0")
    genes = [
        {"expand": (1, 4, 6), "kernel": (3, 5), "repeats": (1, 2, 3, 4) if stage == 6 else (1, 2, 3), "se": (0, 0.25)}
        for stage in range(1, 8)
    ]
    return staged_space("mnasnet-b0", base, genes, _write_measured)


def _write_full(stage: Stage, choice: Mapping[str, Choice]) -> Stage:
    operation = str(choice["operation"])
    return replace(
        stage,
        operation="conv" if operation == "conv" else "mbconv",
        expand=MBCONV.get(operation, 1),
        kernel=int(choice["kernel"]),
        se_ratio=float(choice["se"]),
        se_kind="input",
        skip=str(choice["skip"]),
        channels=round_filters(stage.channels * float(choice["filters"])),
        repeats=stage.repeats + int(choice["layers"]),
    )


def _write_measured(stage: Stage, choice: Mapping[str, Choice]) -> Stage:
    return replace(
        stage,
        expand=float(choice["expand"]),
        kernel=int(choice["kernel"]),
        repeats=int(choice["repeats"]),
        se_ratio=float(choice["se"]),
    )


def _distinct_filters(channels: int) -> tuple[float, ...]:
    """The multipliers that round to different numbers of channels; 1 before the others."""
    rounded = {round_filters(channels * multiplier): multiplier for multiplier in (0.75, 1.25, 1.0)}
    return tuple(sorted(rounded.values()))
