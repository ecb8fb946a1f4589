"""`fit_surface`: the response surface of a study over the shares, and how well it is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..records.errors import UserError
from ..search_spaces.checks import choice
from .best_set import Near
from .designs import BASE, Design
from .grid import Floats
from .observations import RESPONSES, Observation, response, weights
from .regression import LackOfFit, Noise, Posterior, Rows, estimate_noise, solve
from .shares import in_growths
from .terms import Form, forms, law_level, nothing

FORMS = ("quadratic", "additive")
PRIORS = ("law", "none")
DRAWS = 2000
NEAR = 0.02  # of the growth; a layer of B0 is 0.09 of doubling it


@dataclass(frozen=True)
class Part:
    """One form with the draws of its coefficients (k, terms); mean (terms,), and its weight among the parts."""

    form: Form
    mean: Floats
    draws: Floats
    weight: float


@dataclass(frozen=True)
class Surface:
    """Mean and draws of the response at equal budgets, over the shares. Lower is better.

    noise
        of one training, and of a network about the surface.
    seed_effects
        seed -> what it adds to every result; they add up to 0.
    per_point
        what one point of error is in units of the response: 1 for errors; for losses the ratio of the means.
    """

    design: Design
    response: str
    form: str
    prior: str
    noise: Noise
    seed_effects: Mapping[int, float]
    per_point: float
    results: int
    parts: tuple[Part, ...] = field(repr=False)

    def predict(self, shares: Floats) -> Floats:
        """(points, 3) -> mean response (points,)."""
        parts = [part.weight * (part.form.at(shares) @ part.mean) for part in self.parts]
        return np.asarray(np.sum(parts, axis=0))

    def sampled(self, shares: Floats) -> Floats:
        """(points, 3) -> (draws, points): surfaces that the results allow, by Student's t about the mean."""
        return np.vstack([part.draws @ part.form.at(shares).T for part in self.parts])

    def near(self, shares: Floats) -> Near:
        """Of the points that are NEAR away from each, one for every pair of free dimensions that can trade."""
        pairs = [(i, j) for i in self.design.free for j in self.design.free if i != j]
        steps = np.array([NEAR * (np.eye(3)[j] - np.eye(3)[i]) for i, j in pairs])
        rows = shares[:, None] + steps
        flat = rows.reshape(-1, 3)
        size = rows.shape[:2]
        mean, samples = self.predict(flat).reshape(size), self.sampled(flat).reshape(-1, *size)
        return Near(mean, samples, rows.min(axis=2) >= 0)

    @property
    def best(self) -> tuple[float, float, float]:
        """The shares of the lowest mean, on a lattice of 1/24."""
        rows = self.design.lattice()
        depth, width, resolution = (float(one) for one in rows[int(self.predict(rows).argmin())])
        return depth, width, resolution

    @property
    def lack_of_fit(self) -> LackOfFit | None:
        return self.noise.check

    @property
    def residual_std(self) -> float:
        """Of one training, in units of the response."""
        return self.noise.sigma


def fit_surface(
    design: Design,
    observations: Sequence[Observation],
    *,
    response: str = "error",
    prior: str = "law",
    form: str = "additive",
    draws: int = DRAWS,
    seed: int = 0,
) -> Surface:
    """Fit all that has finished; in any order, with points, seeds or single runs missing.

    Parameters
    ----------
    response
        "error", or "loss": the negative log-likelihood, which scatters less.
    prior
        "law": a weak one around the published law, scaled to the results' mean. "none".
    form
        "quadratic" or "additive", see `terms`.
    seed
        of the draws; equal results give equal draws.

    Raises
    ------
    UserError
        where the results cannot carry the form, or the noise cannot be estimated.
    """
    choice("response", response, RESPONSES)
    choice("prior", prior, PRIORS)
    choice("form", form, FORMS)
    used = _used(design, observations, form)
    rows, x, per_point = _rows(used, response, design)
    scaled = [one.point != BASE for one in used]
    scale = max(float(np.abs(rows.values[scaled].mean())), 1e-9) / law_level(design.growth)
    members = forms(form, design.growth, design.free, with_law=prior == "law")
    noise, found = _posteriors(members, rows, x, design, scale if prior == "law" else None)
    parts = _drawn(members, found, noise.degrees, draws, np.random.Generator(np.random.PCG64(seed)))
    return Surface(design, response, form, prior, noise, _effects(rows, found, parts), per_point, len(used), parts)


def _used(design: Design, observations: Sequence[Observation], form: str) -> list[Observation]:
    """The base anchors the additive form only; and not where a fixed dimension is beyond the base's."""
    with_base = form == "additive" and not any(design.fixed.values())
    used = [one for one in observations if one.point != BASE or with_base]
    if not any(one.point != BASE for one in used):
        raise UserError("no training of the study has finished", hint="a fit needs some of each dimension")
    return used


def _rows(used: Sequence[Observation], name: str, design: Design) -> tuple[Rows, Floats, float]:
    names = sorted({one.point for one in used})
    values = response(used, name)
    rows = Rows(values, [names.index(one.point) for one in used], [one.seed for one in used], weights(used))
    multipliers = np.array([one.multipliers for one in used])
    per_point = 1.0
    if name == "loss":
        if values.mean() <= 0:
            raise UserError(f"the losses are {values.mean():.4g} on average; the fit needs some above 0")
        per_point = float(values.mean() / max(np.mean([one.error for one in used]), 1e-9))
    return rows, in_growths(multipliers, design.growth), per_point


def _posteriors(
    members: Sequence[Form], rows: Rows, x: Floats, design: Design, scale: float | None
) -> tuple[Noise, list[Posterior]]:
    columns = [member.varying(member.columns(x)) for member in members]
    noises = [estimate_noise(rows, column) for column in columns]
    noise = min(noises, key=lambda one: (one.sigma**2 + one.own**2, one.own))
    fixed = np.array([design.fixed.get(place, 0.0) for place in range(3)])
    found = []
    for member, column in zip(members, columns, strict=True):
        known = member.prior(scale, fixed) if scale is not None else nothing(column)
        found.append(solve(rows, column, noise, known.mean, known.precision))
    return noise, found


def _drawn(
    members: Sequence[Form], found: Sequence[Posterior], degrees: int, draws: int, rng: np.random.Generator
) -> tuple[Part, ...]:
    logs = np.array([one.evidence + member.log_weight for member, one in zip(members, found, strict=True)])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    counts = _shared(shares, draws)
    parts = []
    for member, one, count, share in zip(members, found, counts, shares, strict=True):
        terms = member.at(np.full((1, 3), 1 / 3)).shape[1]
        factor = np.linalg.cholesky(one.covariance[:terms, :terms])
        normal = rng.standard_normal((count, terms)) @ factor.T
        wide = np.sqrt(degrees / rng.chisquare(degrees, (count, 1)))
        parts.append(Part(member, one.mean[:terms], one.mean[:terms] + normal * wide, float(share)))
    return tuple(parts)


def _shared(shares: Floats, total: int) -> list[int]:
    ends = np.round(np.cumsum(shares) * total).astype(int)
    return [int(one) for one in np.diff(ends, prepend=0)]


def _effects(rows: Rows, found: Sequence[Posterior], parts: Sequence[Part]) -> Mapping[int, float]:
    blocked = rows.blocked
    if len(blocked) < 2:
        return dict.fromkeys(blocked, 0.0)
    effects = np.zeros(len(blocked) - 1)
    for part, one in zip(parts, found, strict=True):
        effects += part.weight * one.mean[len(part.mean) :]
    return {seed: float(value) for seed, value in zip(blocked, [*effects, -math.fsum(effects)], strict=True)}
