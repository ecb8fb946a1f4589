"""How good is a network: the value, and the callables that give it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Real
from time import perf_counter
from typing import Any, Protocol, runtime_checkable

from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown


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


HINT = "an evaluator takes an Architecture and returns effsearch.evaluators.Evaluation(accuracy=...), percent top-1"


def checked(result: object, source: str) -> Evaluation:
    """What an evaluator returned, where it is an Evaluation with usable numbers. UserError names the value."""
    if not isinstance(result, Evaluation):
        raise UserError(
            f"{source} returned {shown(result)}, a {type(result).__name__}; it must be an Evaluation", hint=HINT
        )
    if result.failure is not None:
        return replace(result, accuracy=math.nan, std=None, failure=str(result.failure))
    if not _is_number(result.accuracy) or not 0 <= result.accuracy <= 100:
        raise UserError(
            f"{source} returned the accuracy {shown(result.accuracy)}; it must be a number from 0 to 100",
            hint="return Evaluation.failed('reason') where there is none",
        )
    for name in ("std", "loss"):
        value = getattr(result, name)
        if value is not None and not (_is_number(value) and (name == "loss" or value >= 0)):
            least = " of at least 0" if name == "std" else ""
            raise UserError(f"{source} returned the {name} {shown(value)}; it must be a number{least}, or None")
    return replace(
        result,
        accuracy=float(result.accuracy),
        std=None if result.std is None else float(result.std),
        loss=None if result.loss is None else float(result.loss),
        seconds=float(result.seconds),
    )


def _is_number(value: object) -> bool:
    """Finite; numpy's numbers too."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


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
