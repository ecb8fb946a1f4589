"""The two forms of the response surface, each linear in its coefficients, and what the published law says of them.

quadratic
    response = second-order polynomial of the shares (6 terms; 3 on a line) + slope * gap
additive
    response = constant - sum over the dimensions of gain * (1 - e^(-kappa x)) / (1 - e^-kappa)

x is what a network has of a dimension, in units of the whole growth (`shares.in_growths`): the share where all is
exact. gap is ln(product of the realised multipliers / growth). It is the covariate for budgets that rounding missed,
and takes the place of ln(real FLOPs): it holds that, and also the mult-adds that a rounded-up map wastes, which are
ten times as much. Every prediction is at gap 0.

The additive form is `law.formula` on the simplex: gain is what the response falls by when all of the growth goes into
one dimension, kappa the law's exponent times ln(growth). For a given kappa it is linear; kappa itself is averaged over
a grid (`surface`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from . import law as laws
from .designs import lattice
from .grid import Floats
from .shares import EQUAL, multipliers_of

# The prior is weak: each gain may be twice the law's or nothing within one sigma; MobileNetV2's and ResNet-50's
# published results are 0.3 to 1 of these sigmas away.
GAIN_SPREAD = 1.0
EXPONENT_SPREAD = 0.4  # of the logarithm; three separate exponents on the published results are 1.5 to 2.6
INTERACTION_SPREAD = 0.15  # of what the middle may be better or worse, in gains: 0.27 point for B0
CURVATURE_SPREAD = 0.5  # of each curvature of the quadratic form, beyond what the law can bend
DRAWS = 4000
GRID = 9


@dataclass(frozen=True)
class Prior:
    """Normal: mean (p,) and precision (p, p), 0 where nothing is known (the constant)."""

    mean: Floats
    precision: Floats


@dataclass(frozen=True)
class Quadratic:
    """free: the dimensions that share the growth; scale: what the law is multiplied with to be the response's prior."""

    growth: float
    free: tuple[int, ...]
    interaction: bool = False

    def columns(self, x: Floats) -> Floats:
        """Realised (n, 3) -> (n, terms); the last is the gap."""
        total = x.sum(axis=1)
        part = x[:, list(self.free)]
        left = part.sum(axis=1, keepdims=True)
        gap = (total - 1) * math.log(self.growth)
        more = [middle(part / left)] if self.interaction else []
        return np.column_stack([self._polynomial(part / left), *more, gap])

    def at(self, shares: Floats) -> Floats:
        """Exact shares (n, 3) -> (n, terms)."""
        return self.columns(shares)

    def varying(self, columns: Floats) -> Floats:
        """The columns, with 0 for a gap that all networks share: it says nothing."""
        if np.ptp(columns[:, -1]) > 1e-9:
            return columns
        return np.column_stack([columns[:, :-1], np.zeros(len(columns))])

    def prior(self, scale: float, fixed: Floats) -> Prior:
        mean, covariance = _quadratic_prior(self.growth, self.free, tuple(fixed.tolist()))
        if self.interaction:
            spread = INTERACTION_SPREAD * float(law_gains(self.growth).mean())
            mean = np.insert(mean, -1, 0.0)
            covariance = np.insert(np.insert(covariance, -1, 0.0, axis=0), -1, 0.0, axis=1)
            covariance[-2, -2] = spread**2
        precision = np.zeros((len(mean) + 1,) * 2)
        precision[1:, 1:] = np.linalg.inv(covariance) / scale**2
        return Prior(np.concatenate([[0.0], mean * scale]), precision)

    @property
    def log_weight(self) -> float:
        return 0.0

    def _polynomial(self, part: Floats) -> Floats:
        u = part[:, :-1] - 1 / len(self.free)
        first = u[:, 0]
        if len(self.free) == 2:
            return np.column_stack([np.ones(len(u)), first, first**2])
        second = u[:, 1]
        return np.column_stack([np.ones(len(u)), first, second, first**2, first * second, second**2])


@dataclass(frozen=True)
class Additive:
    """One kappa; log_weight: its log prior density, up to a constant."""

    growth: float
    free: tuple[int, ...]
    kappa: float
    log_weight: float = 0.0
    interaction: bool = False

    def columns(self, x: Floats) -> Floats:
        part = x[:, list(self.free)]
        more = [middle(part)] if self.interaction else []
        return np.column_stack([np.ones(len(x)), -saturation(part, self.kappa), *more])

    def at(self, shares: Floats) -> Floats:
        return self.columns(shares)

    def varying(self, columns: Floats) -> Floats:
        return columns

    def prior(self, scale: float, fixed: Floats) -> Prior:  # noqa: ARG002  (the fixed share is part of the constant)
        gains = law_gains(self.growth)[list(self.free)] * scale
        precision = np.zeros((len(gains) + 1,) * 2)
        precision[1:, 1:] = np.eye(len(gains)) / (GAIN_SPREAD * gains.mean()) ** 2
        if self.interaction:
            spread = INTERACTION_SPREAD * float(law_gains(self.growth).mean()) * scale
            precision = np.pad(precision, ((0, 1), (0, 1)))
            precision[-1, -1] = 1 / spread**2
            gains = np.append(gains, 0.0)
        return Prior(np.concatenate([[0.0], gains]), precision)


Form = Quadratic | Additive


def forms(name: str, growth: float, free: tuple[int, ...], *, with_law: bool) -> tuple[Form, ...]:
    """The members that are averaged over: one for "quadratic", a kappa each for "additive"."""
    if name == "quadratic":
        return (Quadratic(growth, free, with_law and len(free) == 3),)
    known = laws.load().coefficients[4]
    interaction = with_law and len(free) == 3
    if with_law:
        z = np.linspace(-2, 2, GRID)
        exponents, weights = known * np.exp(EXPONENT_SPREAD * z), -0.5 * z**2
    else:
        exponents, weights = np.geomspace(0.2, 8.0, GRID), np.zeros(GRID)
    return tuple(
        Additive(growth, free, float(exponent) * math.log(growth), float(weight), interaction)
        for exponent, weight in zip(exponents, weights, strict=True)
    )


def middle(part: Floats) -> Floats:
    """1 for equal shares of three, 0 where one has none: Scheffe's special cubic term (1958, J. R. Stat. Soc. B 20)."""
    return np.asarray(27 * part.prod(axis=1))


def nothing(columns: Floats) -> Prior:
    """No prior, but that a gap of 0 everywhere (`Quadratic.varying`) has the slope 0."""
    empty = (columns == 0).all(axis=0)
    empty[:-1] = False
    return Prior(np.zeros(columns.shape[1]), np.diag(empty.astype(np.float64)))


def saturation(x: Floats, kappa: float) -> Floats:
    """0 at 0, 1 at 1, bent by kappa."""
    return np.asarray(np.expm1(-kappa * x) / math.expm1(-kappa))


def law_gains(growth: float) -> Floats:
    """What the default law's error falls by, in points, with all of the growth in one dimension, (3,)."""
    coefficients = laws.load().coefficients
    return np.asarray(coefficients[1:4] * -math.expm1(-coefficients[4] * math.log(growth)))


def law_level(growth: float) -> float:
    """The default law's error at equal shares, percent."""
    return float(laws.load().errors(multipliers_of(EQUAL[None], growth))[0])


@cache
def _quadratic_prior(growth: float, free: tuple[int, ...], fixed: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Mean and covariance of all terms but the constant, for scale 1: additive laws drawn from the other form's prior,
    each described by a polynomial, and free curvature of every dimension on top."""
    form = Quadratic(growth, free)  # without the interaction
    rng = np.random.Generator(np.random.PCG64(0))
    held = {place: share for place, share in enumerate(fixed) if place not in free}
    rows = np.vstack([lattice(held, 6) * (1 + gap) for gap in (-0.1, 0, 0.1)])
    gains = law_gains(growth) * (1 + GAIN_SPREAD * rng.standard_normal((DRAWS, 3)))
    exponents = laws.load().coefficients[4] * np.exp(EXPONENT_SPREAD * rng.standard_normal(DRAWS))
    kappas = exponents * math.log(growth)
    values = np.stack([-saturation(rows, kappa) @ gain for gain, kappa in zip(gains, kappas, strict=True)])
    columns = form.columns(rows)
    terms = np.linalg.lstsq(columns, values.T, rcond=None)[0].T[:, 1:]
    curvature = float(law_gains(growth).mean() * (laws.load().coefficients[4] * math.log(growth)) ** 2)
    bends = np.stack([_bend(len(free), place) for place in range(len(free))])
    left = 1 - sum(fixed)
    extra = (CURVATURE_SPREAD * curvature * left**2) ** 2 * bends.T @ bends
    covariance = np.cov(terms, rowvar=False)
    covariance[: len(extra), : len(extra)] += extra
    return terms.mean(axis=0), covariance


def _bend(dimensions: int, place: int) -> Floats:
    """Half the square of one share, about the middle, in the polynomial's terms after the constant."""
    if dimensions == 2:
        return np.array([0.0, 0.5])
    return np.array([[0, 0, 0.5, 0, 0], [0, 0, 0, 0, 0.5], [0, 0, 0.5, 1.0, 0.5]][place])
