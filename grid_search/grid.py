"""The constrained grid: triples (alpha, beta, gamma), each at least 1, with alpha * beta^2 * gamma^2 near the factor.

Near is not equal: at a tolerance of 0.08 the triples spend between 1.92 and 2.08 times the base, and the one that
spends most would win. So a triple is a *direction*: it is scored at alpha^p, beta^p, gamma^p, where p makes the nominal
growth exactly the budget.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..search_spaces import checks
from ..search_spaces.scaling import Coefficients

Floats = NDArray[np.float64]

PUBLISHED = Coefficients(1.2, 1.1, 1.15)  # arXiv 1905.11946, section 3.3; its product is 1.9203
LARGEST = 200_000  # triples


def constrained_grid(step: float = 0.05, tolerance: float = 0.08, factor: float = 2.0) -> Floats:
    """Triples on multiples of `step` from 1 with |product - factor| <= tolerance, shape (triples, 3).

    The published triple is added at the end where it is not among them. InvalidValue for a grid that is empty or huge.
    """
    checks.number("step", step, 0.001, 1)
    checks.number("tolerance", tolerance, 0, 10)
    checks.number("factor", factor, 1.05, 100)
    top = factor + tolerance + 1e-9
    values = np.round(1 + step * np.arange(int((top - 1) / step) + 1), 9)
    betas = values[values**2 <= top]
    if len(values) * len(betas) ** 2 > 50_000_000:
        raise checks.InvalidValue(f"step is {step:g}; too fine a grid", hint="use a larger step or a smaller factor")
    alpha, beta, gamma = (one.ravel() for one in np.meshgrid(values, betas, betas, indexing="ij"))
    grown = alpha * beta**2 * gamma**2
    near = (np.abs(grown - factor) <= tolerance + 1e-9) & (grown > 1 + 1e-9)  # (1, 1, 1) has no direction
    triples: Floats = np.column_stack([alpha, beta, gamma])[near]
    if len(triples) > LARGEST:
        raise checks.InvalidValue(f"the grid has {len(triples):,} triples; at most {LARGEST:,} are searched")
    if not len(triples):
        raise checks.InvalidValue(
            f"no triple on steps of {step:g} is within {tolerance:g} of {factor:g}", hint="give a larger --tolerance"
        )
    published = np.array([[PUBLISHED.alpha, PUBLISHED.beta, PUBLISHED.gamma]])
    if not np.isclose(triples, published).all(axis=1).any():
        triples = np.vstack([triples, published])
    return triples


def products(triples: Floats) -> Floats:
    """alpha * beta^2 * gamma^2, shape (triples,)."""
    return np.asarray(triples[:, 0] * triples[:, 1] ** 2 * triples[:, 2] ** 2)


def budget_exponents(triples: Floats, growth: float) -> Floats:
    """p with product^p = growth, shape (triples,). For growth 2, this is phi*."""
    return math.log(growth) / np.log(products(triples))


def normalised(triples: Floats, growth: float) -> Floats:
    """Multipliers (depth, width, resolution) of the triples' directions at exactly that growth, shape (triples, 3)."""
    return np.asarray(triples ** budget_exponents(triples, growth)[:, None])


def simplex(growth: float, parts: int = 24) -> Floats:
    """Triples with product exactly `growth` whose shares of it are multiples of 1 / parts: (points, 3).

    Shares: depth takes growth^s_d, width growth^(s_w / 2), resolution growth^(s_r / 2); they add up to 1.
    """
    shares = simplex_shares(parts)
    return np.asarray(growth ** (shares * np.array([1.0, 0.5, 0.5])))


def simplex_shares(parts: int = 24) -> Floats:
    """(points, 3): depth, width, resolution."""
    counts = [(i, j, parts - i - j) for i in range(parts + 1) for j in range(parts + 1 - i)]
    return np.array(counts, dtype=np.float64) / parts


def shares(triples: Floats) -> Floats:
    """What of the growth goes into depth, width and resolution: (triples, 3), rows add up to 1."""
    logs = np.log(triples) * np.array([1.0, 2.0, 2.0])
    return np.asarray(logs / logs.sum(axis=1, keepdims=True))
