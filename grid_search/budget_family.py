"""A family at exact budgets: every member costs factor^phi times the base as counted, to within 3 % where that can be.

`scaled_family` rounds as the official code does, by 8 channels and upwards to whole layers. That leaves factor^phi, for
a thin base by half; a study, whose networks are all of one real cost, hands on a family of this kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue, number
from ..search_spaces.cost import cost
from ..search_spaces.scaling import Coefficients
from .scaled_family import LADDER, dropout, family, ladder
from .study_networks import STEPS, at_budget, channel_step_of

ROUNDINGS = ("official", "exact")


def rounding_for(base: Architecture) -> str:
    """ "exact" for a base so thin that steps of 8 channels are coarse, else "official"."""
    return "official" if channel_step_of(base) == STEPS[0] else "exact"


def family_by(
    rounding: str,
    base: Architecture,
    coefficients: Coefficients,
    phis: Mapping[str, float],
    *,
    channel_step: int | None = None,
    keep_resolution: bool | None = None,
) -> tuple[Architecture, ...]:
    """One network for each phi, by "official" rounding or at "exact" budgets, (alpha * beta^2 * gamma^2)^phi times the
    base's mult-adds, in steps of `channel_step` (by the base where None), at the base's pixels with `keep_resolution`
    (where gamma is 1, for None). InvalidValue where one cannot be built."""
    if rounding == "official":
        return family(base, coefficients, phis)
    factor, step = coefficients.flops_factor, channel_step or channel_step_of(base)
    same_pixels = coefficients.gamma == 1 if keep_resolution is None else keep_resolution
    return tuple(_member(base, coefficients, factor, phi, name, step, same_pixels) for name, phi in phis.items())


def ladder_by(
    rounding: str, base: Architecture, coefficients: Coefficients
) -> tuple[dict[str, Architecture], tuple[str, ...]]:
    """`scaled_family.ladder`, by either rounding."""
    if rounding == "official":
        return ladder(base, coefficients)
    same_pixels = coefficients.gamma == 1
    return budget_ladder(
        base, coefficients, coefficients.flops_factor, channel_step_of(base), keep_resolution=same_pixels
    )


def budget_ladder(
    base: Architecture, coefficients: Coefficients, factor: float, channel_step: int, *, keep_resolution: bool = False
) -> tuple[dict[str, Architecture], tuple[str, ...]]:
    """As `scaled_family.ladder`, at factor^phi times the base's mult-adds. keep_resolution: channels instead of pixels
    make up for rounding."""
    members, missing = {"b0": replace(base, name="b0")}, []
    for name, phi in LADDER.items():
        try:
            members[name] = _member(base, coefficients, factor, phi, name, channel_step, keep_resolution)
        except InvalidValue:
            missing.append(name)
    return members, tuple(missing)


def _member(
    base: Architecture, coefficients: Coefficients, factor: float, phi: float, name: str, step: int, same_pixels: bool
) -> Architecture:
    number("phi", phi, -6, 12)
    budget = factor**phi * cost(base).mult_adds
    network = at_budget(base, coefficients.at(phi), budget, name, step, same_pixels)
    return replace(network, dropout=dropout(base.dropout, phi))
