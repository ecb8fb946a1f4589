"""Which networks a study trains, with which seeds, in which order: a lattice on the simplex of shares.

The default is 15 points: all shares that are multiples of 1/4, corners and edges included, where a surface of six terms
is told best; besides the centre, and the base itself, whose result anchors the additive law. Every seed trains every
point, so what a seed does to all of them cancels in their differences.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..records.errors import UserError
from ..search_spaces.checks import integer, nearest, number, shown
from .grid import Floats
from .shares import COEFFICIENTS, NAMES, POWERS, multipliers_of

BASE = "base"
CENTRE = "centre"


@dataclass(frozen=True)
class DesignPoint:
    """shares: of the growth, adding up to 1 (all 0 for the base). multipliers: nominal. replicates: seeds."""

    name: str
    shares: tuple[float, float, float]
    multipliers: tuple[float, float, float]
    replicates: int

    @property
    def is_base(self) -> bool:
        return self.name == BASE


@dataclass(frozen=True)
class Design:
    """points, and runs as (point, seed): all points of the first seed, then all of the second, and so on; the order of
    the points is such that the first ones alone say most. fixed: dimension (0 depth, 1 width, 2 resolution) -> share.
    """

    growth: float
    phi: float
    fixed: Mapping[int, float]
    points: tuple[DesignPoint, ...]
    runs: tuple[tuple[DesignPoint, int], ...] = field(repr=False)

    @property
    def free(self) -> tuple[int, ...]:
        """The dimensions that share what the fixed ones leave."""
        return tuple(place for place in range(3) if place not in self.fixed)

    @property
    def seeds(self) -> int:
        return len({seed for _, seed in self.runs})

    def lattice(self, parts: int = 24) -> Floats:
        """Shares in steps of 1/parts of what is free, (points, 3): where the surface is read."""
        return lattice(self.fixed, parts)


def simplex(
    factor: float = 2.0,
    phi: float = 1.0,
    *,
    fixed: Mapping[str, float] | None = None,
    step: int = 4,
    centre: bool = True,
    base: bool = True,
    seeds: int = 3,
    first_seed: int = 0,
) -> Design:
    """The lattice in shares of factor^phi.

    Parameters
    ----------
    fixed
        "alpha", "beta" or "gamma" -> its value, which every network gets; the others share the rest. One at most.
    step
        shares are multiples of 1 / step: 15 points for 4, 5 points where one dimension is fixed.
    centre, base
        train the equal-share network (where the lattice does not hold it) and the base too.

    Raises
    ------
    UserError
        where a fixed value leaves nothing to share, or nothing to compare.
    """
    number("factor", factor, 1.05, 100)
    number("phi", phi, 0.05, 20)
    integer("step", step, 2, 24)
    integer("seeds", seeds, 1, 1000)
    integer("first_seed", first_seed, 0, 2**63)
    growth = float(factor) ** float(phi)
    known = fixed_shares(fixed or {}, growth, phi)
    rows = lattice(known, step)
    order = sorted(rows.tolist(), key=lambda row: _interest(row, known))
    points = [_point(_named(row), row, growth, seeds) for row in order]
    middle = _middle(known)
    if centre and not np.isclose(rows, middle).all(axis=1).any():
        points.insert(0, _point(CENTRE, middle, growth, seeds))
    if base and not any(known.values()):  # it has less of what is fixed, so no fit could use it
        points.insert(1, DesignPoint(BASE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), seeds))
    return Design(growth, float(phi), known, tuple(points), _blocks(points, seeds, first_seed))


def fixed_shares(fixed: Mapping[str, float], growth: float, phi: float) -> dict[int, float]:
    """Dimension -> share, of coefficient -> value. UserError for names and values that cannot be."""
    shares: dict[int, float] = {}
    for name, value in fixed.items():
        if name not in COEFFICIENTS:
            raise UserError(
                f"{shown(name)} cannot be fixed; allowed: {', '.join(COEFFICIENTS)}", nearest(name, COEFFICIENTS)
            )
        number(name, value, 1, 100)
        place = COEFFICIENTS.index(name)
        shares[place] = float(POWERS[place]) * phi * math.log(value) / math.log(growth)
    if len(shares) > 1:
        written = ", ".join(f"{name}={value:g}" for name, value in fixed.items())
        raise UserError(f"{written} leave one dimension, and nothing to compare", hint="fix one of them at most")
    if sum(shares.values()) >= 1 - 1e-9:
        name, value = next(iter(fixed.items()))
        raise UserError(
            f"{name} = {value:g} takes all of the growth {growth:g}, and nothing is left to share",
            hint="fix a smaller value, or give a larger --factor",
        )
    return shares


def lattice(fixed: Mapping[int, float], parts: int) -> Floats:
    """(points, 3), rows adding up to 1."""
    free = [place for place in range(3) if place not in fixed]
    left = 1.0 - sum(fixed.values())
    counts = (
        [(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]
        if len(free) == 3
        else [(i, parts - i) for i in range(parts + 1)]
    )
    rows = np.zeros((len(counts), 3))
    rows[:, free] = np.array(counts) * (left / parts)
    for place, share in fixed.items():
        rows[:, place] = share
    return rows


def _middle(fixed: Mapping[int, float]) -> list[float]:
    left = (1.0 - sum(fixed.values())) / (3 - len(fixed))
    return [fixed.get(place, left) for place in range(3)]


def _interest(row: Sequence[float], fixed: Mapping[int, float]) -> tuple[float, ...]:
    """Corners first, then the middles of the edges, then the rest from the inside out."""
    left = 1.0 - sum(fixed.values())
    part = sorted(round(share / left, 9) for place, share in enumerate(row) if place not in fixed)
    middle = part[-2:] == [0.5, 0.5]
    return (0.0 if part[-1] == 1 else 1.0 if middle else 2.0, part[-1], *row)


def _named(row: Sequence[float]) -> str:
    """d50-w25-r25: shares in percent."""
    return "-".join(f"{name[0]}{round(100 * share, 1):g}" for name, share in zip(NAMES, row, strict=True))


def _point(name: str, row: Sequence[float], growth: float, seeds: int) -> DesignPoint:
    first, second, third = (float(one) for one in row)
    depth, width, resolution = (float(one) for one in multipliers_of(np.array([row]), growth)[0])
    return DesignPoint(name, (first, second, third), (depth, width, resolution), seeds)


def _blocks(points: Sequence[DesignPoint], seeds: int, first: int) -> tuple[tuple[DesignPoint, int], ...]:
    return tuple((point, first + seed) for seed in range(seeds) for point in points)
