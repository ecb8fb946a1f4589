"""How good is a network: the value, and the callables that give it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

from ..search_spaces.architecture import Architecture


@dataclass(frozen=True)
class Evaluation:
    """One network's result.

    accuracy
        top-1 in percent; NaN where the evaluation failed.
    std
        one standard deviation of accuracy in percentage points, None where it is not known.
    loss
        negative log-likelihood in nats, None where there is none.
    fidelity
        in words, what the accuracy is of: "ImageNet top-1, 50 epochs (estimate)".
    source
        what produced it: "surrogate 1", "file.py:function".
    failure
        why there is no accuracy, or None.
    """

    accuracy: float
    std: float | None = None
    loss: float | None = None
    seed: int = 0
    fidelity: str = ""
    seconds: float = 0.0
    source: str = ""
    failure: str | None = None

    @classmethod
    def failed(cls, reason: str, *, seed: int = 0, source: str = "", seconds: float = 0.0) -> Evaluation:
        return cls(math.nan, seed=seed, source=source, seconds=seconds, failure=reason)

    def to_mapping(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        return asdict(replace(self, accuracy=0.0)) | {"accuracy": None if math.isnan(self.accuracy) else self.accuracy}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Evaluation:
        accuracy = mapping["accuracy"]
        return cls(**{**mapping, "accuracy": math.nan if accuracy is None else accuracy})


@runtime_checkable
class Evaluator(Protocol):
    """Anything that rates a network. It may also have `many(architectures, *, seed=0) -> list[Evaluation]`."""

    def __call__(self, architecture: Architecture, *, seed: int = 0) -> Evaluation: ...


def evaluate_many(evaluator: Evaluator, architectures: Sequence[Architecture], *, seed: int = 0) -> list[Evaluation]:
    """All of them, by the evaluator's own `many` where it has one."""
    many = getattr(evaluator, "many", None)
    if many is not None:
        return list(many(architectures, seed=seed))
    return [evaluator(architecture, seed=seed) for architecture in architectures]


def timed(evaluations: Sequence[Evaluation], started: float) -> list[Evaluation]:
    """Evaluations made together since `started` (perf_counter), each with its share of the seconds."""
    share = (perf_counter() - started) / max(1, len(evaluations))
    return [replace(evaluation, seconds=share) for evaluation in evaluations]
