"""Evaluators around evaluators: a cache, added noise, repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..search_spaces.architecture import Architecture
from .evaluation import Evaluation, Evaluator, evaluate_many


@dataclass
class Cached:
    """Evaluates each (network, seed) once; failures are tried again."""

    evaluator: Evaluator
    known: dict[tuple[str, int], Evaluation] = field(default_factory=dict)

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        return self.many([architecture], seed=seed)[0]

    def many(self, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
        missing = {one.key: one for one in architectures if (one.key, seed) not in self.known}
        found = dict(zip(missing, evaluate_many(self.evaluator, list(missing.values()), seed=seed), strict=True))
        self.known |= {(key, seed): result for key, result in found.items() if result.failure is None}
        return [found.get(one.key) or self.known[one.key, seed] for one in architectures]


@dataclass
class Noisy:
    """Adds normal noise of `sigma` percentage points, the same for the same (network, seed), within 0 to 100; std grows
    with it."""

    evaluator: Evaluator
    sigma: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ValueError(f"sigma is {self.sigma}; it must be a number of at least 0")

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        return self.many([architecture], seed=seed)[0]

    def many(self, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
        results = evaluate_many(self.evaluator, architectures, seed=seed)
        return [self._shaken(one, result, seed) for one, result in zip(architectures, results, strict=True)]

    def _shaken(self, architecture: Architecture, result: Evaluation, seed: int) -> Evaluation:
        if result.failure is not None:
            return result
        draw = np.random.default_rng([int(architecture.key, 16), seed]).normal(0.0, self.sigma)
        return replace(
            result,
            accuracy=min(max(result.accuracy + float(draw), 0.0), 100.0),
            std=math.hypot(result.std or 0.0, self.sigma),
            seed=seed,
            source=f"{result.source} + noise {self.sigma:g}",
        )


@dataclass
class Repeated:
    """Mean of `times` evaluations with the seeds seed * times + 0, 1, ...; std is the standard error of that mean.

    Failed repeats are left out; where all fail, the result is the first failure.
    """

    evaluator: Evaluator
    times: int

    def __post_init__(self) -> None:
        if not isinstance(self.times, int) or self.times < 1:
            raise ValueError(f"times is {self.times}; it must be a whole number of at least 1")

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation:
        return self.many([architecture], seed=seed)[0]

    def many(self, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
        runs = [
            evaluate_many(self.evaluator, architectures, seed=seed * self.times + repeat)
            for repeat in range(self.times)
        ]
        return [_mean(list(results), seed) for results in zip(*runs, strict=True)]


def _mean(results: list[Evaluation], seed: int) -> Evaluation:
    good = [result for result in results if result.failure is None]
    seconds = sum(result.seconds for result in results)
    if not good:
        return replace(results[0], seed=seed, seconds=seconds)
    accuracies = np.array([result.accuracy for result in good])
    losses = [result.loss for result in good if result.loss is not None]
    std = good[0].std
    if len(good) > 1 and np.ptp(accuracies) > 0:  # repeats of what does not vary say nothing about its error
        std = float(accuracies.std(ddof=1) / math.sqrt(len(good)))
    return replace(
        good[0],
        accuracy=float(accuracies.mean()),
        std=std,
        loss=sum(losses) / len(losses) if losses else None,
        seed=seed,
        seconds=seconds,
        source=f"{good[0].source}, mean of {len(good)}",
    )
