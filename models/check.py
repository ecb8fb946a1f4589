"""Counts of the network that is really built, against those that `search_spaces.cost` computes from the rows.

Counted are the mult-adds of convolutions and fully connected layers for one image at the architecture's resolution. Not
counted: batch normalisation, activation functions, pooling, products with the SE gates. fvcore's own total includes
the first and the pooling (about 400M for EfficientNet-B0 instead of 385.8M), so its two operators are added up here.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from .network import Network


class CostMismatch(Exception):  # noqa: N818
    """The built network costs something else than was computed: a fault of effsearch, not of its user."""


@dataclass(frozen=True)
class MeasuredCost:
    """params of the module; mult-adds as torch and, if asked, fvcore count them."""

    params: int
    torch_mult_adds: int
    fvcore_mult_adds: int | None = None


def check_cost(architecture: Architecture, *, fvcore: bool = False) -> MeasuredCost:
    """`measured_cost`, if it equals the computed cost; CostMismatch names every number that does not."""
    measured, computed = measured_cost(architecture, fvcore=fvcore), cost(architecture)
    compared = [
        ("params", measured.params, computed.params),
        ("mult_adds by torch", measured.torch_mult_adds, computed.mult_adds),
    ]
    if measured.fvcore_mult_adds is not None:
        compared.append(("mult_adds by fvcore", measured.fvcore_mult_adds, computed.mult_adds))
    wrong = [
        f"{name}: {built:,} built, {expected:,} computed" for name, built, expected in compared if built != expected
    ]
    if wrong:
        raise CostMismatch(f"{architecture.name} is not what its cost says; {'; '.join(wrong)}")
    return measured


def measured_cost(architecture: Architecture, *, fvcore: bool = False) -> MeasuredCost:
    """Builds the network without memory (device "meta") and counts; fvcore traces a real one (B0 0.1 s, B7 2 s)."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        network = Network(architecture).eval()
        network(torch.empty(_shape(architecture)))
    return MeasuredCost(
        params=sum(parameter.numel() for parameter in network.parameters()),
        torch_mult_adds=counter.get_total_flops() // 2,  # torch counts a product and a sum as two
        fvcore_mult_adds=fvcore_mult_adds(architecture) if fvcore else None,
    )


def fvcore_mult_adds(architecture: Architecture) -> int:
    """fvcore's count of convolutions and fully connected layers. ModuleNotFoundError where it is not installed.

    On the CPU with real values, all of them zero: torch's shape functions for the meta device cannot be traced (torch
    2.13).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it still uses torch.jit.script
            analysis = import_module("fvcore.nn").FlopCountAnalysis
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("fvcore is not installed, which counts mult-adds: pip install fvcore") from error
    with torch.device("meta"):
        network = Network(architecture).eval()
    network.to_empty(device="cpu")
    with warnings.catch_warnings(), torch.no_grad(), torch.device("cpu"):
        warnings.simplefilter("ignore")
        for value in network.state_dict().values():
            value.zero_()
        counts = analysis(network, torch.zeros(_shape(architecture)))
        counts.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = counts.by_operator()
    return int(by_operator["conv"] + by_operator["linear"])


def _shape(architecture: Architecture) -> tuple[int, int, int, int]:
    return 1, architecture.input_channels, architecture.resolution, architecture.resolution
