"""Regularised evolution (arXiv 1802.01548) on the reward: tournament among the youngest, one gene mutated."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

REWARD = "reward"  # the user attribute of a trial that selection goes by


class RegularisedEvolution(BaseSampler):
    """The `population` youngest complete trials are the population: age, not merit, removes. Of `tournament` of them,
    drawn at random, the one with the highest reward is the parent; the child differs from it in one dimension.

    The first `population` trials are random. All dimensions are categorical.
    """

    def __init__(self, population: int = 100, tournament: int = 25, seed: int | None = None) -> None:
        self.population = population
        self.tournament = tournament
        self.random = np.random.default_rng(seed)
        self.fallback = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        return {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(complete) < self.population or not search_space:
            return {}
        youngest = complete[-self.population :]
        drawn = self.random.choice(len(youngest), size=min(self.tournament, len(youngest)), replace=False)
        parent = max((youngest[int(i)] for i in drawn), key=lambda one: float(one.user_attrs[REWARD]))
        child = dict(parent.params)
        name = list(search_space)[int(self.random.integers(len(search_space)))]
        distribution = search_space[name]
        if isinstance(distribution, CategoricalDistribution):
            others = [choice for choice in distribution.choices if choice != child[name]]
            child[name] = others[int(self.random.integers(len(others)))]
        return child

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.fallback.sample_independent(study, trial, param_name, param_distribution)
