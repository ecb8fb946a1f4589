"""A family at exact budgets: every member costs factor^phi times the base as counted, to within 3 % where that can be.

`scaled_family` rounds as the official code does, by 8 channels and upwards to whole layers. That leaves factor^phi, for
a thin base by half; a study, whose networks are all of one real cost, hands on a family of this kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.cost import cost
from ..search_spaces.scaling import Coefficients
from .scaled_family import LADDER, dropout
from .study_networks import at_budget


def budget_ladder(
    base: Architecture,
    coefficients: Coefficients,
    factor: float,
    channel_step: int,
    *,
    keep_resolution: bool = False,
    phis: Mapping[str, float] = LADDER,
) -> tuple[dict[str, Architecture], tuple[str, ...]]:
    """As `scaled_family.ladder`. keep_resolution: channels instead of pixels make up for rounding."""
    members, missing = {"b0": replace(base, name="b0")}, []
    for name, phi in phis.items():
        budget = factor**phi * cost(base).mult_adds
        try:
            network = at_budget(base, coefficients.at(phi), budget, name, channel_step, keep_resolution)
        except InvalidValue:
            missing.append(name)
        else:
            members[name] = replace(network, dropout=dropout(base.dropout, phi))
    return members, tuple(missing)
