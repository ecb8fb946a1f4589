"""Samplers by name, and the wrapper that makes each of them reproducible and never propose a network twice.

Optuna's samplers draw from one random stream, which a resumed run cannot pick up in the middle. So a fresh sampler,
seeded with (seed, number of the trial), makes each proposal; what it knows of the past it reads from the study.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from ..records.errors import UserError
from ..search_spaces.checks import nearest, shown
from ..search_spaces.space import Point, SearchSpace
from .assisted import Assisted, Problem
from .evolution import RegularisedEvolution

POPULATION = 50
LONGEST_WALK = 200
ENUMERABLE = 100_000

MakeSampler = Callable[[int], BaseSampler]


class SpaceExhausted(Exception):  # noqa: N818
    """Every network of the space was proposed."""


def make_sampler(name: str, problem: Problem | None = None) -> MakeSampler:
    """seed -> sampler, for "nsga2", "tpe", "random", "evolution" or "assisted"; the last one needs the problem."""
    makers: dict[str, MakeSampler] = {
        "nsga2": lambda seed: NSGAIISampler(population_size=POPULATION, seed=seed),
        "tpe": _tpe,
        "random": lambda seed: RandomSampler(seed=seed),
        "evolution": lambda seed: RegularisedEvolution(seed=seed),
        "assisted": lambda seed: _assisted(problem, seed),
    }
    if name not in makers:
        raise UserError(f"sampler is {shown(name)}; allowed: {', '.join(makers)}", hint=nearest(name, makers))
    return makers[name]


def _assisted(problem: Problem | None, seed: int) -> BaseSampler:
    if problem is None:
        raise UserError("the sampler assisted needs the problem: make_sampler('assisted', Problem(...))")
    return Assisted(problem, seed)


def _tpe(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=True, n_startup_trials=POPULATION, constant_liar=True)


class Distinct(BaseSampler):
    """Proposes whole points of a space: the inner sampler's, or, where that was proposed before, one a few random
    steps away from it.

    Parameters
    ----------
    key
        point -> key of its network; two points may be the same network.
    """

    def __init__(self, space: SearchSpace, key: Callable[[Point], str], make: MakeSampler, seed: int) -> None:
        self.space = space
        self.key = key
        self.make = make
        self.seed = seed
        self.seen: set[str] = set()
        self.inner = make(0)
        self.distributions: dict[str, BaseDistribution] = {
            dimension.name: CategoricalDistribution(dimension.choices) for dimension in space.dimensions
        }

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        seeds = np.random.SeedSequence([self.seed, trial.number]).generate_state(2)
        self.inner = self.make(int(seeds[0]))
        self.random = np.random.default_rng(int(seeds[1]))
        self.inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        return self.distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        free = {name: one for name, one in search_space.items() if not one.single()}
        proposal = self.inner.sample_relative(study, trial, free)
        point = {
            name: proposal[name]
            if name in proposal
            else self.inner.sample_independent(study, trial, name, distribution)
            for name, distribution in search_space.items()
        }
        point = self._unseen(point)
        self.seen.add(self.key(point))
        return point

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self.inner.after_trial(study, trial, state, values)

    def _unseen(self, point: Point) -> Point:
        for _ in range(LONGEST_WALK):
            if self.key(point) not in self.seen:
                return point
            neighbours = self.space.neighbours(point)
            if not neighbours:
                break
            point = neighbours[int(self.random.integers(len(neighbours)))]
        if self.space.size <= ENUMERABLE:
            for row in np.ndindex(*(len(dimension.choices) for dimension in self.space.dimensions)):
                point = self.space.point(row)
                if self.key(point) not in self.seen:
                    return point
        raise SpaceExhausted(f"all networks of {self.space.name} near the sampler's proposals were evaluated")
