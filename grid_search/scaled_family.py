"""A family of networks: one base, one set of coefficients, growing phi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..search_spaces import catalogue
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue, number
from ..search_spaces.cost import cost
from ..search_spaces.scaling import Coefficients, scale

# The phi that fits each member of the official family best. B2, not B1, is one step of the coefficients: B1's width
# multiplier is 1.0, and its depth and resolution are about half a step.
LADDER: Final = {"b1": 0.5, "b2": 1.0, "b3": 2.0, "b4": 3.5, "b5": 5.0, "b6": 6.0, "b7": 7.0}


def family(
    base: Architecture, coefficients: Coefficients, phis: Mapping[str, float] = LADDER
) -> tuple[Architecture, ...]:
    """One network for each phi, named by its label; negative phi gives networks smaller than the base."""
    return tuple(member(base, coefficients, phi, name) for name, phi in phis.items())


def ladder(
    base: Architecture, coefficients: Coefficients, phis: Mapping[str, float] = LADDER
) -> tuple[dict[str, Architecture], tuple[str, ...]]:
    """The base as b0 and every member that can be, name -> network; and the names of those that are too large to be."""
    members, missing = {"b0": replace(base, name="b0")}, []
    for name, phi in phis.items():
        try:
            members[name] = member(base, coefficients, phi, name)
        except InvalidValue:
            missing.append(name)
    return members, tuple(missing)


def member(base: Architecture, coefficients: Coefficients, phi: float, name: str) -> Architecture:
    """The base scaled to alpha^phi, beta^phi, gamma^phi, with the dropout that goes with its size."""
    number("phi", phi, -6, 12)
    return replace(scale(base, coefficients.at(phi), name=name), dropout=dropout(base.dropout, phi))


def dropout(base: float, phi: float) -> float:
    """From the base's by 0.3 over seven steps: 0.2 for B0 to 0.5 for B7, as in the paper; at least half the base's.

    The rate of stochastic depth stays, as in the official code: its ramp over the blocks ends at 0.2 in every member.
    """
    return round(min(max(base + 0.3 * phi / 7, base / 2), 0.6), 3)


def paper() -> tuple[Architecture, ...]:
    """The official B0 to B7, which leave alpha^phi from B5 on (their depth stays behind)."""
    return tuple(replace(catalogue.load(f"b{number}"), name=f"b{number}") for number in range(8))


def phi_for(base: Architecture, coefficients: Coefficients, mult_adds: float) -> float:
    """The phi, in hundredths, whose built network comes nearest to so many mult-adds (by ratio).

    InvalidValue where no phi from -6 to 12 comes within 15 %.
    """
    coarse = np.arange(-600, 1201, 5) / 100
    around = coarse[int(_distances(base, coefficients, coarse, mult_adds).argmin())]
    near = np.arange(round(around * 100) - 10, round(around * 100) + 11) / 100
    near = near[(near >= -6) & (near <= 12)]
    distances = _distances(base, coefficients, near, mult_adds)
    if distances.min() > np.log(1.15):
        raise InvalidValue(f"no phi from -6 to 12 scales {base.name} to {mult_adds:.4g} mult-adds within 15 %")
    return float(near[int(distances.argmin())])


def family_table(base: Architecture, members: Sequence[Architecture], phis: Sequence[float]) -> pd.DataFrame:
    """What each member is and costs, next to the official network of its name where there is one."""
    base_cost = cost(base).mult_adds
    official = {network.name: network for network in paper()}
    rows = []
    for network, phi in zip(members, phis, strict=True):
        counted = cost(network)
        known = official.get(network.name)
        theirs = cost(known) if known else None
        rows.append(
            {
                "name": network.name,
                "phi": phi,
                "resolution": network.resolution,
                "blocks": sum(stage.repeats for stage in network.stages),
                "params": counted.params,
                "mult_adds": counted.mult_adds,
                "flops_ratio": counted.mult_adds / base_cost,
                "dropout": network.dropout,
                "official_resolution": known.resolution if known else pd.NA,
                "official_params": theirs.params if theirs else pd.NA,
                "official_mult_adds": theirs.mult_adds if theirs else pd.NA,
            }
        )
    return pd.DataFrame(rows)


def _distances(
    base: Architecture, coefficients: Coefficients, phis: NDArray[np.float64], mult_adds: float
) -> NDArray[np.float64]:
    """|log(cost / mult_adds)| at each phi; infinite where there is no such network."""
    distances = np.full(len(phis), np.inf)
    for place, phi in enumerate(phis):
        with suppress(InvalidValue):
            counted = cost(scale(base, coefficients.at(float(phi)))).mult_adds
            distances[place] = abs(np.log(counted / mult_adds))
    return distances
