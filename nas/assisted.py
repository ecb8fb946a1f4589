"""A sampler for searches of 30 to 500 evaluations: it proposes what a model of all results so far expects most of.

The first START networks fill the space, spread over the costs below the budget; the first of them is the middle one of
the space. After these, for each proposal: fit `posterior` to the results; count the networks that are still being
evaluated as known, and as good as predicted; draw limits for the costs, the budgets one time out of two and else
smaller ones, so that the whole front is worked on; and search, by `inner_search`, for the unseen network of the highest
expected accuracy plus `boldness` standard deviations within these limits.

docs/assisted.md compares it with the other samplers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from ..search_spaces.space import Indices, SearchSpace
from ..search_spaces.tables import COLUMNS
from .features import Encoder, Features, Floats
from .inner_search import best_unseen
from .posterior import Posterior, fit

ACCURACY = "accuracy"
START = 16
DRAWN, NEAR = 512, 16  # of so many random networks, so many nearest in cost, the one farthest from those there are
SLOW = 8  # times fewer are looked at where the costs of a network are not in tables
KNOWN = 1000  # results that the model looks at, the latest
BOLDNESS = (0.0, 0.5, 1.0)
TINY, RIDGE = 1e-12, 1e-3
DIGITS = 9  # so that equal candidates stay equal whatever the number of threads that added up
STRETCH = 0.8  # the smallest limit drawn, of the lowest cost seen


Predict = Callable[[Indices], Floats]


@dataclass
class Problem:
    """What a search is about. objectives: "accuracy" and names of costs; budgets: cost -> largest value."""

    space: SearchSpace
    objectives: Sequence[str]
    budgets: Mapping[str, float]
    encoder: Encoder = field(init=False)
    fitted: tuple[tuple[int, ...], Posterior] | None = field(default=None, init=False)  # the last fit, by its trials

    def __post_init__(self) -> None:
        self.encoder = Encoder(self.space)


class Assisted(BaseSampler):
    """All dimensions are categorical. Costs other than params, mult_adds and activations are predicted too."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem = problem
        self.random = np.random.default_rng(seed)
        self.fallback = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        return {}

    def sample_relative(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        others = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        others = [one for one in others if len(one.params) == len(self.problem.space.dimensions)]
        indices = self.problem.space.indices([one.params for one in others])
        complete = [i for i, one in enumerate(others) if one.state == TrialState.COMPLETE][-KNOWN:]
        if len(others) < START or not complete:
            row = self._start(indices)
        else:
            waiting = [i for i, one in enumerate(others) if not one.state.is_finished()]
            row = self._assisted([others[i] for i in complete], indices, complete, waiting)
        return self.problem.space.point(row)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.fallback.sample_independent(study, trial, param_name, param_distribution)

    def _start(self, seen: Indices) -> Indices:
        """The middle choices first; then a random network near a limit drawn like those of later proposals."""
        space, encoder = self.problem.space, self.problem.encoder
        if not len(seen):
            return np.array([len(dimension.choices) // 2 for dimension in space.dimensions], dtype=np.int64)
        drawn = space.sample_indices(self.random, DRAWN // (1 if space.tables else SLOW))
        counts = encoder.costs(drawn)
        distance = np.zeros(len(drawn))
        for name, limit in self._limits(encoder.costs(np.vstack([drawn, seen])), 0.25).items():
            distance += np.abs(np.log(np.maximum(counts[:, COLUMNS.index(name)], 1.0) / limit))
        near = drawn[np.argsort(distance, kind="stable")[:NEAR]]
        row: Indices = near[int(np.argmax((near[:, None] != seen[None]).sum(axis=2).min(axis=1)))]
        return row

    def _limits(self, counts: Floats, at_budget: float) -> dict[str, float]:
        """A limit for each counted cost with a budget or among the objectives."""
        limits = {name: float(limit) for name, limit in self.problem.budgets.items() if name in COLUMNS}
        if self.random.random() < at_budget:
            return limits
        for name in self.problem.objectives:
            if name in COLUMNS:
                column = counts[:, COLUMNS.index(name)]
                low, high = STRETCH * float(column.min()), limits.get(name, float(column.max()))
                low = min(low, high)
                limits[name] = float(np.exp(self.random.uniform(np.log(max(low, 1.0)), np.log(max(high, 1.0)))))
        return limits

    def _assisted(self, known: list[FrozenTrial], indices: Indices, complete: list[int], waiting: list[int]) -> Indices:
        problem, encoder = self.problem, self.problem.encoder
        model = self._model(known, indices[complete]).believing(encoder(indices[waiting]))
        limits = self._limits(encoder.costs(indices[complete]), 0.5)
        other = self._other_costs(known, indices[complete])
        boldness = float(self.random.choice(BOLDNESS))

        def worth(candidates: Indices) -> tuple[Floats, Floats]:
            """Expected accuracy, and by how much the limits are exceeded (logarithm, 0 within)."""
            features, counts = encoder(candidates), encoder.costs(candidates)
            belief = model.predict(features)
            over = np.zeros(len(candidates))
            for name, limit in limits.items():
                over += np.maximum(np.log(np.maximum(counts[:, COLUMNS.index(name)], 1.0) / limit), 0.0)
            for predict, limit in other:
                over += np.maximum(predict(candidates) - limit, 0.0)
            return np.round(belief.mean + boldness * belief.std, DIGITS), over

        size = 1 if problem.space.tables else SLOW
        return best_unseen(problem.space, worth, indices[complete], indices, self.random, size)

    def _other_costs(self, known: list[FrozenTrial], indices: Indices) -> list[tuple[Predict, float]]:
        """For each cost that is not counted: how its logarithm is predicted, and the limit of that."""
        problem, features, found = self.problem, self.problem.encoder(indices), []
        for name in problem.budgets:
            if name not in COLUMNS:
                # an Optuna trial keeps cost / budget - 1
                values = np.log1p(np.array([max(one.constraints[name], TINY - 1) for one in known]))
                found.append((_linear(problem.encoder, features, values), 0.0))
        for position, name in enumerate(problem.objectives):
            if name not in (ACCURACY, *COLUMNS):
                values = np.log(np.maximum([one.values[position] for one in known], TINY))
                high = min(float(values.max()), np.log(problem.budgets.get(name, np.inf)))
                low = min(float(values.min()) + np.log(STRETCH), high)
                found.append((_linear(problem.encoder, features, values), float(self.random.uniform(low, high))))
        return found

    def _model(self, known: list[FrozenTrial], indices: Indices) -> Posterior:
        numbers = tuple(one.number for one in known)
        if self.problem.fitted is None or self.problem.fitted[0] != numbers:
            accuracy = np.array([one.values[list(self.problem.objectives).index(ACCURACY)] for one in known])
            std = np.full(len(known), np.nan)
            self.problem.fitted = numbers, fit(self.problem.encoder(indices), accuracy, std)
        return self.problem.fitted[1]


def _linear(encoder: Encoder, features: Features, values: Floats) -> Predict:
    """A ridge regression of values on features."""

    def design(of: Features) -> Floats:
        return np.hstack([of.totals, of.stages, of.genes])

    matrix, mean = design(features), float(values.mean())
    weights = matrix.T @ np.linalg.solve(matrix @ matrix.T + RIDGE * np.eye(len(matrix)), values - mean)
    return lambda candidates: mean + design(encoder(candidates)) @ weights
