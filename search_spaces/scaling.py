"""Compound scaling: depth alpha^phi, width beta^phi, resolution gamma^phi (arXiv 1905.11946, equation 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import checks
from .architecture import Architecture
from .rounding import round_filters, round_repeats


@dataclass(frozen=True)
class Multipliers:
    """Nominal factors on the layers, the channels and the side of the image; 1 is the base network."""

    depth: float = 1.0
    width: float = 1.0
    resolution: float = 1.0

    def __post_init__(self) -> None:
        checks.number("depth", self.depth, 0.01, 100)
        checks.number("width", self.width, 0.01, 100)
        checks.number("resolution", self.resolution, 0.01, 100)

    @property
    def flops_factor(self) -> float:
        """Nominal growth of the mult-adds, depth * width^2 * resolution^2; what is built differs by its rounding."""
        return self.depth * self.width**2 * self.resolution**2


@dataclass(frozen=True)
class Coefficients:
    """alpha (depth), beta (width), gamma (resolution); each unit of phi multiplies the mult-adds by flops_factor."""

    alpha: float = 1.2
    beta: float = 1.1
    gamma: float = 1.15

    def __post_init__(self) -> None:
        checks.number("alpha", self.alpha, 0.1, 10)
        checks.number("beta", self.beta, 0.1, 10)
        checks.number("gamma", self.gamma, 0.1, 10)

    @property
    def flops_factor(self) -> float:
        """alpha * beta^2 * gamma^2; 1.9203 for the published 1.2, 1.1, 1.15."""
        return self.alpha * self.beta**2 * self.gamma**2

    def at(self, phi: float) -> Multipliers:
        """alpha^phi, beta^phi, gamma^phi. InvalidValue where that is no network's scale."""
        checks.number("phi", phi, -100, 100)
        return Multipliers(self.alpha**phi, self.beta**phi, self.gamma**phi)


def scale(
    base: Architecture, multipliers: Multipliers, *, resolution_multiple: int = 8, name: str | None = None
) -> Architecture:
    """A new network: every width by `round_filters` (stem and head too), repeats rounded up, resolution to the nearest
    multiple of `resolution_multiple` pixels. A head without a convolution or hidden layer (0) keeps none.
    """
    checks.integer("resolution_multiple", resolution_multiple, 1, 1024)
    width, depth = multipliers.width, multipliers.depth

    def channels(count: int) -> int:
        return count if width == 1 or count == 0 else round_filters(count * width)

    resolution = base.resolution
    if multipliers.resolution != 1:
        pixels = base.resolution * multipliers.resolution / resolution_multiple
        resolution = max(1, int(pixels + 0.5)) * resolution_multiple
    return replace(
        base,
        name=name or f"{base.name}-d{depth:.3g}-w{width:.3g}-r{multipliers.resolution:.3g}"[:200],
        stem=replace(base.stem, channels=channels(base.stem.channels)),
        stages=tuple(
            replace(stage, channels=channels(stage.channels), repeats=round_repeats(stage.repeats * depth))
            for stage in base.stages
        ),
        head=replace(base.head, channels=channels(base.head.channels), hidden=channels(base.head.hidden)),
        resolution=resolution,
    )
