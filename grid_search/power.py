"""Before anything is trained: what a design can tell at a given noise, and what it takes to tell more.

All follows from the design's matrix: the surface's error has the covariance of least squares, so the regret and the set
can be drawn without simulating trainings. The truth is taken to be the published law, scaled to the user's error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..search_spaces.checks import choice, number
from . import law as laws
from .best_set import CLEAR, critical_value, scores, spreads
from .designs import BASE, Design
from .grid import Floats
from .regression import Noise, Rows, solve
from .shares import in_growths, multipliers_of
from .study_verdict import CLOSE
from .surface import FORMS, PRIORS
from .terms import forms, law_level, nothing

POWER = 0.8
QUANTILE = 0.8416  # of the normal distribution at POWER
PARTS = 12
DRAWS = 1000


@dataclass(frozen=True)
class Assessment:
    """What to expect of a study.

    regret
        mean loss of the triple that the surface calls best, points.
    set_size
        mean part of all directions that the 95 % set holds, where the form fits; more where it seems not to, which
        happens by chance in one study of ten.
    told_apart
        what a triple must lose to be left out of the set in 8 of 10 studies, points: the middle of all directions.
    seeds_needed
        for `told_apart` to be `effect`.
    hours, hours_needed
        of the design, and with the seeds needed; None where the seconds of a run are not known.
    """

    runs: int
    seeds: int
    sigma: float
    effect: float
    regret: float
    set_size: float
    told_apart: float
    seeds_needed: int
    hours: float | None
    hours_needed: float | None

    @property
    def resolves(self) -> bool:
        """Whether triples that differ by `effect` are told apart."""
        return self.told_apart <= self.effect

    @property
    def sentence(self) -> str:
        words = (
            f"With a noise of {self.sigma:.2g} point a run, {self.runs} runs ({self.seeds} seeds) "
            f"{'can' if self.resolves else 'cannot'} tell apart triples that differ by {self.effect:g} point; the "
            f"limit is {self.told_apart:.3g}. The triple found will lose {self.regret:.2g} point on average, and "
            f"{100 * self.set_size:.0f} % of all directions will remain possible."
        )
        if self.hours is not None:
            words += f" Expected: {self.hours:.3g} hours."
        if not self.resolves:
            hours = "" if self.hours_needed is None else f" ({self.hours_needed:.3g} hours)"
            words += f" For {self.effect:g} point: {self.seeds_needed} seeds{hours}."
        return words


def assess(
    design: Design,
    sigma: float,
    *,
    effect: float = CLOSE,
    seconds_per_run: float | None = None,
    error: float | None = None,
    form: str = "additive",
    prior: str = "law",
    multipliers: Sequence[tuple[float, float, float]] | None = None,
) -> Assessment:
    """What the design can tell.

    Parameters
    ----------
    sigma
        standard deviation of one training, points of error.
    effect
        points that shall be told apart.
    error
        percent that the networks are expected to have (the pilot says); None is what the law was fitted on. A smaller
        error has smaller differences.
    multipliers
        realised ones in the order of design.points; None takes the nominal.

    Raises
    ------
    InvalidValue, UserError
        for numbers that cannot be, and designs that cannot carry the form.
    """
    number("sigma", sigma, 1e-6, 100)
    number("effect", effect, 1e-6, 100)
    if error is not None:
        number("error", error, 1e-6, 100)
    choice("form", form, FORMS)
    choice("prior", prior, PRIORS)
    scale = (law_level(design.growth) if error is None else float(error)) / law_level(design.growth)
    lattice = design.lattice(PARTS)
    truth = laws.load().errors(multipliers_of(lattice, design.growth)) * scale
    seen, away, degrees = _fitted(design, sigma, form, prior, scale, lattice, multipliers)
    rng = np.random.Generator(np.random.PCG64(1))
    wide = np.sqrt(degrees / rng.chisquare(degrees, (len(away), 1)))
    best = int(truth.argmin())
    means = seen + away
    size, told = np.zeros(len(lattice)), np.zeros(len(lattice))
    for place in range(len(lattice)):
        difference = wide * (away[:, [place]] - away)
        spread = spreads(difference, 1e-12)
        critical = critical_value(difference, spread, seen < seen[place] + CLEAR * spread)
        exact = spread / math.sqrt(float(np.square(wide).mean()))
        size[place] = (scores(means[:, [place]] - means, spread[None], 1e-12).max(axis=1) <= critical).mean()
        told[place] = critical * spread[best] + QUANTILE * exact[best]
    told_apart = float(np.median(np.delete(told, best)))
    needed = max(1, math.ceil(design.seeds * (told_apart / effect) ** 2 - 1e-9))
    hours = None if seconds_per_run is None else len(design.runs) * seconds_per_run / 3600
    return Assessment(
        runs=len(design.runs),
        seeds=design.seeds,
        sigma=float(sigma),
        effect=float(effect),
        regret=float((truth[means.argmin(axis=1)] - truth[best]).mean()),
        set_size=float(size.mean()),
        told_apart=told_apart,
        seeds_needed=needed,
        hours=hours,
        hours_needed=None if hours is None else hours * needed / design.seeds,
    )


def _fitted(
    design: Design,
    sigma: float,
    form: str,
    prior: str,
    scale: float,
    lattice: Floats,
    multipliers: Sequence[tuple[float, float, float]] | None,
) -> tuple[Floats, Floats, int]:
    """On a lattice: the surface that the form makes of the law without noise, (points,); draws of its error, (draws,
    points); and the degrees of freedom of the noise."""
    members = forms(form, design.growth, design.free, with_law=prior == "law")
    member = members[len(members) // 2]
    nominal = [point.multipliers for point in design.points] if multipliers is None else list(multipliers)
    known = {point.name: one for point, one in zip(design.points, nominal, strict=True)}
    names = list(known)
    runs = [(point.name, seed) for point, seed in design.runs if form == "additive" or point.name != BASE]
    built = np.array([known[name] for name, _ in runs])
    terms = member.varying(member.columns(in_growths(built, design.growth)))
    rows = Rows(
        laws.load().errors(built) * scale,
        [names.index(name) for name, _ in runs],
        [seed for _, seed in runs],
        np.ones(len(runs)),
    )
    fixed = np.array([design.fixed.get(place, 0.0) for place in range(3)])
    used = member.prior(scale, fixed) if prior == "law" else nothing(terms)
    noise = Noise(sigma, 0.0, max(1, len(runs) - terms.shape[1] - design.seeds + 1), None)
    found = solve(rows, terms, noise, used.mean, used.precision)
    count = terms.shape[1]
    normal = np.random.Generator(np.random.PCG64(0)).standard_normal((DRAWS, count))
    at = member.at(lattice)
    errors = normal @ np.linalg.cholesky(found.covariance[:count, :count]).T @ at.T
    return at @ found.mean[:count], errors, noise.degrees
