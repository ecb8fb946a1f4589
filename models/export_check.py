"""Whether a file computes what its network computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..records.errors import UserError
from .network import Network

BATCHES = (1, 3)  # one image, as it often runs; and a number that no file was traced with
TOLERANCE = 1e-3  # of the largest output; single precision leaves about 1e-6


@dataclass(frozen=True)
class Difference:
    """largest: absolute difference of any output over `batch` random images; of: the largest output."""

    batch: int
    largest: float
    of: float


def compare(network: Network, exported: Callable[[Tensor], Tensor], resolution: int) -> tuple[Difference, ...]:
    """One Difference a batch of normally distributed images; UserError where one is too large."""
    generator = torch.Generator().manual_seed(0)
    differences = []
    for batch in BATCHES:
        images = torch.randn(batch, network.architecture.input_channels, resolution, resolution, generator=generator)
        with torch.no_grad():
            expected = network(images)
            found = exported(images)
        if not torch.isfinite(expected).all():
            raise UserError("the network's own outputs are not finite; its weights are of no use")
        if found.shape != expected.shape:
            raise _mismatch(batch, f"outputs of shape {tuple(found.shape)}, not {tuple(expected.shape)}")
        difference = Difference(batch, float((found - expected).abs().max()), float(expected.abs().max()))
        if not difference.largest <= TOLERANCE * difference.of:  # also where it is not a number
            raise _mismatch(batch, f"a difference of {difference.largest:.3g} where {difference.of:.3g} is the largest")
        differences.append(difference)
    return tuple(differences)


def _mismatch(batch: int, what: str) -> UserError:
    return UserError(
        f"the exported file computes something else than the network (batch {batch}: {what}); nothing was written",
        hint="please report it with the network's YAML file",
        exit_code=1,
    )
