"""One simulated study: EfficientNet-B0 doubled, the networks that are built, a truth, noise, a fit, its verdict."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from ...grid_search.assess import RESOLUTION
from ...grid_search.best_set import CONFIDENCE, could_be_best, losses
from ...grid_search.designs import Design, simplex
from ...grid_search.grid import PUBLISHED, Floats, constrained_grid, shares
from ...grid_search.observations import Observation
from ...grid_search.points import NetworkPoints
from ...grid_search.shares import in_growths, multipliers_of, realised
from ...grid_search.study_networks import network_of
from ...grid_search.study_verdict import CLOSE, recommended_row
from ...grid_search.surface import Surface, fit_surface
from ...search_spaces import catalogue
from ...search_spaces.architecture import Architecture
from .truths import Truth

GROWTH = 2.0
SEED_EFFECT = 0.1  # points, standard deviation
PARTS = 8  # of the lattice that the set is read on
DRAWS = 600
METHODS: Mapping[str, tuple[str, str]] = {
    "quadratic": ("quadratic", "none"),
    "quadratic + law": ("quadratic", "law"),
    "additive + law": ("additive", "law"),
}
BOOTSTRAP = "quadratic, bootstrap"


@dataclass(frozen=True)
class Outcome:
    """Of one study. regret: true loss of the best, of the recommended, and of the set's cheapest member (points).
    covered: the set holds the truly best direction. bounded: the recommended one loses no more than its 95 % bound.
    size: part of all directions in the set. near, truly_near: probability that the published triple is within 0.1 point
    of the best, and whether it is."""

    regret: float
    recommended: float = np.nan
    cheapest: float = np.nan
    covered: float = np.nan
    bounded: float = np.nan
    size: float = np.nan
    near: float = np.nan
    truly_near: float = np.nan


def design_of(runs: int) -> Design:
    """15 points with as many seeds as the runs allow."""
    return simplex(GROWTH, seeds=runs // 15, centre=False, base=False)


def simulate(truth: Truth, sigma: float, runs: int, method: str, studies: int) -> pd.DataFrame:
    """One row a study."""
    rng = _rng(truth.name, sigma, runs)
    if method == "grid":
        outcomes = _grids(truth, sigma, runs, studies, rng)
    else:
        outcomes = (_study(truth, sigma, runs, method, rng) for _ in range(studies))
    rows = pd.DataFrame([asdict(one) for one in outcomes])
    return rows.assign(truth=truth.name, sigma=sigma, runs=runs, method=method)


def observations(design: Design, truth: Truth, sigma: float, rng: np.random.Generator) -> list[Observation]:
    """Of every run; the same random numbers whatever is fitted to them."""
    multipliers = _built(design)
    x = in_growths(np.array([multipliers[point.name] for point in design.points]), design.growth)
    errors = truth.error(x) + truth.own * rng.standard_normal(len(x))
    seeds = SEED_EFFECT * rng.standard_normal(design.seeds)
    exact = {point.name: float(error) for point, error in zip(design.points, errors, strict=True)}
    return [
        Observation(
            point.name,
            seed,
            multipliers[point.name],
            exact[point.name] + float(seeds[seed]) + sigma * float(rng.standard_normal()),
        )
        for point, seed in design.runs
    ]


def judged(surface: Surface, truth: Truth) -> Outcome:
    """What a surface would make one do, against the truth."""
    rows = surface.design.lattice(PARTS)
    every = np.vstack([rows, truth.best])
    held = could_be_best(surface.predict(every), surface.sampled(every), surface.near(every))
    inside = held[:-1]
    mean, samples = surface.predict(rows), surface.sampled(rows)
    inside[int(mean.argmin())] = True  # the set may lie between the lattice's points
    activations = multipliers_of(rows, GROWTH) ** np.array([1.0, 1.0, 2.0])
    cost = activations.prod(axis=1)
    near = (losses(samples) <= CLOSE).mean(axis=0)
    chosen = recommended_row(inside, near, int(mean.argmin()), cost)
    cheapest = int(np.where(inside, cost, np.inf).argmin())
    true = truth.regret(rows)
    published = shares(np.array([[PUBLISHED.alpha, PUBLISHED.beta, PUBLISHED.gamma]]))
    at_most = max(RESOLUTION, float(np.quantile(losses(samples)[:, chosen], CONFIDENCE)))
    return Outcome(
        regret=float(truth.regret(np.array([surface.best]))[0]),
        recommended=float(true[chosen]),
        cheapest=float(true[cheapest]),
        covered=float(held[-1]),
        bounded=float(true[chosen] <= at_most),
        size=float(inside.mean()),
        near=float((losses(samples, surface.sampled(published))[:, 0] <= CLOSE).mean()),
        truly_near=float(truth.regret(published)[0] <= CLOSE),
    )


def _study(truth: Truth, sigma: float, runs: int, method: str, rng: np.random.Generator) -> Outcome:
    design = design_of(runs)
    form, prior = METHODS.get(method, ("quadratic", "none"))
    results = observations(design, truth, sigma, rng)
    surface = fit_surface(design, results, form=form, prior=prior, draws=DRAWS)
    return judged(_bootstrapped(surface, results, rng.spawn(1)[0]) if method == BOOTSTRAP else surface, truth)


def _bootstrapped(surface: Surface, results: Sequence[Observation], rng: np.random.Generator) -> Surface:
    """With draws from fits to seeds that are drawn with replacement. All points have all seeds, so such a fit is the
    mean of the seeds' own."""
    (part,) = surface.parts
    x = in_growths(np.array([one.multipliers for one in results]), GROWTH)
    errors = np.array([one.error for one in results])
    seeds = np.array([one.seed for one in results])
    each = np.stack(
        [
            np.linalg.lstsq(part.form.columns(x[seeds == seed]), errors[seeds == seed], rcond=None)[0]
            for seed in np.unique(seeds)
        ]
    )
    drawn = rng.integers(len(each), size=(DRAWS, len(each)))
    draws = each[drawn].mean(axis=1)
    return replace(surface, parts=(replace(part, mean=each.mean(axis=0), draws=draws),))


def _grids(truth: Truth, sigma: float, runs: int, studies: int, rng: np.random.Generator) -> Iterator[Outcome]:
    """The constrained grid at step 0.05, built at equal cost, one training a triple: as many triples as there are runs,
    drawn for each study. The lowest error is taken."""
    triples, x = _grid()
    exact, regrets = truth.error(x), truth.regret(shares(triples))
    for _ in range(studies):
        own = truth.own * rng.standard_normal(len(triples))
        rows = rng.permutation(len(triples))[:runs]
        results = (exact + own)[rows] + sigma * rng.standard_normal(len(rows))
        yield Outcome(regret=float(regrets[rows[int(results.argmin())]]))


@cache
def _base() -> Architecture:
    return catalogue.load("b0")


@cache
def _grid() -> tuple[Floats, Floats]:
    """The 111 triples of tolerance 0.1, and what their networks have become."""
    triples = constrained_grid(0.05, 0.1, GROWTH)
    networks = NetworkPoints(_base(), None, GROWTH)  # type: ignore[arg-type]
    built = [realised(_base(), networks.network((a, b, c)), GROWTH).multipliers for a, b, c in triples.tolist()]
    return triples, in_growths(np.array(built), GROWTH)


_BUILT: dict[tuple[str, ...], Mapping[str, tuple[float, float, float]]] = {}


def _built(design: Design) -> Mapping[str, tuple[float, float, float]]:
    names = tuple(point.name for point in design.points)
    if names not in _BUILT:
        _BUILT[names] = {
            point.name: realised(_base(), network_of(_base(), design, point), design.growth).multipliers
            for point in design.points
        }
    return _BUILT[names]


def _rng(*parts: object) -> np.random.Generator:
    """The same for the same truth, noise and runs, on every machine; the methods see the same results."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(repr(parts).encode())))
