"""What rates a triple: the scaling law on nominal multipliers, or an evaluator on a network built for the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from ..evaluators.evaluation import Evaluation, Evaluator
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.scaling import Multipliers
from ..workers.local import LocalExecutor
from .grid import normalised
from .law import ScalingLaw
from .realise import realise

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class PointResult:
    """error: top-1 error in percent; std: one sigma or None; failure: why there is no error, or None."""

    triple: Triple
    error: float
    std: float | None
    seconds: float
    source: str
    failure: str | None = None

    def to_entry(self) -> dict[str, Any]:
        error = None if math.isnan(self.error) else self.error
        return {"kind": "point", **vars(self), "triple": list(self.triple), "error": error}

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> PointResult:
        content = {name: value for name, value in entry.items() if name != "kind"}
        error = math.nan if entry["error"] is None else float(entry["error"])
        first, second, third = entry["triple"]
        return cls(**{**content, "triple": (float(first), float(second), float(third)), "error": error})


class PointEvaluator(Protocol):
    """Rates triples; must survive pickling, since it goes to other processes."""

    @property
    def source(self) -> str: ...

    def rate(self, triples: Sequence[Triple]) -> list[PointResult]: ...


@dataclass(frozen=True)
class PointWork:
    """The same, as `tune.run` wants it."""

    points: PointEvaluator

    def entries(self, items: Sequence[Triple]) -> list[dict[str, Any]]:
        return [result.to_entry() for result in self.points.rate(items)]

    def failed(self, item: Triple, reason: str) -> dict[str, Any]:
        return PointResult(item, math.nan, None, 0.0, self.points.source, reason).to_entry()


@dataclass(frozen=True)
class LawPoints:
    """By a law, at the nominal growth `growth`."""

    law: ScalingLaw
    growth: float

    @property
    def source(self) -> str:
        return f"scaling law, {self.law.name}"

    def rate(self, triples: Sequence[Triple]) -> list[PointResult]:
        started = perf_counter()
        multipliers = normalised(np.array(triples), self.growth)
        errors = self.law.errors(multipliers)
        spreads = self.law.sampled_errors(multipliers).std(axis=0)
        seconds = (perf_counter() - started) / len(triples)
        return [
            PointResult(triple, round(float(error), 9), round(float(std), 9), seconds, self.source)
            for triple, error, std in zip(triples, errors, spreads, strict=True)
        ]


@dataclass(frozen=True)
class NetworkPoints:
    """By an evaluator, on networks of `growth` times the base's counted mult-adds."""

    base: Architecture
    evaluator: Evaluator
    growth: float
    seed: int = 0

    @property
    def source(self) -> str:
        return str(getattr(self.evaluator, "source", None) or type(self.evaluator).__qualname__)

    def rate(self, triples: Sequence[Triple]) -> list[PointResult]:
        networks = [self.network(triple) for triple in triples]
        results = dict(LocalExecutor().run(self.evaluator, networks, seed=self.seed))
        return [self._result(triple, results[place]) for place, triple in enumerate(triples)]

    def network(self, triple: Triple) -> Architecture:
        """What is built for a triple."""
        depth, width, resolution = (float(one) for one in normalised(np.array([triple]), self.growth)[0])
        budget = self.growth * cost(self.base).mult_adds
        name = f"{self.base.name}-{triple[0]:g}-{triple[1]:g}-{triple[2]:g}"
        return realise(self.base, Multipliers(depth, width, resolution), budget, name)

    def _result(self, triple: Triple, evaluation: Evaluation) -> PointResult:
        return PointResult(
            triple, 100.0 - evaluation.accuracy, evaluation.std, evaluation.seconds, evaluation.source,
            evaluation.failure,
        )  # fmt: skip
