"""Linear least squares with seed blocks, an estimate of the noise, and a normal prior on some of the terms.

    response = terms @ coefficients + effect of the seed + the network's own deviation + noise

The residuals are split: those about the means of the points (pure error: seeds scatter) and those of the points about
the surface (lack of fit: the surface is too stiff, or a network is better than its multipliers say). Their ratio is an
F test. Where it is not unusual (p at least POOL) both estimate the noise together. Where it is, networks are taken to
deviate by themselves, with the variance that the lack of fit shows, and all intervals widen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..records.errors import UserError
from .f_distribution import f_tail
from .grid import Floats

POOL = 0.25  # Bancroft and Han, 1977 (Statistica Neerlandica 31): the level at which pooling errors does least harm


@dataclass(frozen=True)
class LackOfFit:
    """f: mean square of the points about the surface by that of the replicates. p: of one as large by chance."""

    f: float
    p: float
    degrees: tuple[int, int]


@dataclass(frozen=True)
class Noise:
    """sigma: of one training. own: of a network about the surface, 0 where it does not show. degrees: how well the
    error of the surface is known. check: None without replicates or without points to spare."""

    sigma: float
    own: float
    degrees: int
    check: LackOfFit | None


@dataclass(frozen=True)
class Rows:
    """n trainings. values (n,), points and seeds (n,) as whole numbers, weights (n,) with mean 1."""

    values: Floats
    points: Sequence[int]
    seeds: Sequence[int]
    weights: Floats

    def blocks(self) -> Floats:
        """Effects of the seeds, adding up to 0: (n, seeds - 1). A seed that trained one point only has none."""
        return _contrasts(np.asarray(self.seeds)[:, None] == np.array(self.blocked)[None])

    @property
    def blocked(self) -> list[int]:
        """Seeds with an effect."""
        points: dict[int, set[int]] = {}
        for seed, point in zip(self.seeds, self.points, strict=True):
            points.setdefault(seed, set()).add(point)
        return sorted(seed for seed, seen in points.items() if len(seen) > 1)

    def indicators(self) -> Floats:
        """(n, points)."""
        return np.asarray(np.asarray(self.points)[:, None] == np.unique(self.points)[None], dtype=np.float64)


@dataclass(frozen=True)
class Posterior:
    """Of the terms, then the seeds' effects. evidence: log marginal likelihood, up to a constant of the rows."""

    mean: Floats
    covariance: Floats
    evidence: float


def estimate_noise(rows: Rows, terms: Floats) -> Noise:
    """UserError where there is nothing to estimate it from."""
    roots = np.sqrt(rows.weights)[:, None]
    values = rows.values * roots[:, 0]
    seeds = rows.blocks()
    surface, surface_left = _left(np.hstack([terms, seeds]) * roots, values)
    points, points_left = _left(np.hstack([rows.indicators(), seeds]) * roots, values)
    count = len(values)
    pure, free = count - points, count - surface
    fit = points - surface
    if free <= 0 and pure <= 0:
        raise UserError(
            f"{count} results of {_networks(rows)} leave nothing to estimate the noise from",
            hint="train each network with at least two seeds",
        )
    if free <= 0 or (pure > 0 and fit <= 0):
        return Noise(_root(points_left, pure), 0.0, pure, None)
    if pure <= 0:
        return Noise(_root(surface_left, free), 0.0, free, None)
    within = points_left / pure
    between = max(surface_left - points_left, 0.0) / fit
    tiny = 1e-20 * max(float(values @ values), 1e-300) / count
    f = between / within if within > tiny else (np.inf if between > tiny else 1.0)
    # where the seeds differ by nothing, there is no scatter to compare with
    check = LackOfFit(float(f), f_tail(float(f), fit, pure), (fit, pure)) if np.isfinite(f) else None
    if check is not None and check.p >= POOL:
        return Noise(_root(surface_left, free), 0.0, free, check)
    replicates = count / rows.indicators().shape[1]
    return Noise(float(np.sqrt(within)), float(np.sqrt((between - within) / replicates)), fit, check)


def solve(rows: Rows, terms: Floats, noise: Noise, mean: Floats, precision: Floats) -> Posterior:
    """The terms' normal posterior for that noise; `mean` (p,), `precision` (p, p) of the prior, 0 for no prior.

    UserError where neither results nor prior say what a term is.
    """
    every = np.hstack([terms, rows.blocks()])
    sigma = max(noise.sigma, 1e-9 * (1.0 + float(np.abs(rows.values).max())))
    covariance = np.diag(sigma**2 / rows.weights)
    if noise.own:
        indicators = rows.indicators()
        covariance = covariance + noise.own**2 * indicators @ indicators.T
    inverse = np.linalg.inv(covariance)
    whole = np.zeros((every.shape[1],) * 2)
    whole[: len(mean), : len(mean)] = precision
    start = np.concatenate([mean, np.zeros(every.shape[1] - len(mean))])
    information = every.T @ inverse @ every + whole
    sizes = np.sqrt(np.maximum(np.diag(information), 1e-300))
    scaled = information / np.outer(sizes, sizes)
    if np.linalg.eigvalsh(scaled)[0] < 1e-10:
        raise UserError(
            f"{len(rows.values)} results of {_networks(rows)} cannot carry a surface of {terms.shape[1]} terms",
            hint="finish more of the design's networks, or fit with the law as prior",
        )
    spread = np.linalg.inv(scaled) / np.outer(sizes, sizes)
    pull = every.T @ inverse @ rows.values + whole @ start
    found = spread @ pull
    quadratic = rows.values @ inverse @ rows.values + start @ whole @ start - pull @ found
    proper = precision[np.ix_(*[np.diag(precision) > 0] * 2)]
    known = np.linalg.slogdet(proper)[1] if len(proper) else 0.0
    evidence = 0.5 * (known - np.linalg.slogdet(scaled)[1] - 2 * np.log(sizes).sum() - quadratic)
    return Posterior(found, spread, float(evidence))


def _networks(rows: Rows) -> str:
    count = len(set(rows.points))
    return f"{count} network" if count == 1 else f"{count} networks"


def _contrasts(indicators: Floats) -> Floats:
    if indicators.shape[1] < 2:
        return np.zeros((len(indicators), 0))
    numbers = indicators.astype(np.float64)
    return np.asarray(numbers[:, :-1] - numbers[:, -1:])


def _left(matrix: Floats, values: Floats) -> tuple[int, float]:
    """Rank, and the sum of squares that a least-squares fit leaves."""
    left, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    rank = int((singular > 1e-9 * max(singular[0], 1e-300)).sum())
    basis = left[:, :rank]
    residuals = values - basis @ (basis.T @ values)
    return rank, float(residuals @ residuals)


def _root(squares: float, degrees: int) -> float:
    return float(np.sqrt(max(squares, 0.0) / degrees))
