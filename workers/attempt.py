"""One try at an evaluation: its result, or in one line what it raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from ..evaluators.evaluation import Evaluation, Evaluator, checked
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue

MISTAKES = (UserError, InvalidValue)  # the next network would meet them too: they end the run


@dataclass(frozen=True)
class Raised:
    """reason: type and first line of the exception. memory: whether it says that there is no memory left."""

    reason: str
    seconds: float
    memory: bool = False


def attempt(evaluator: Evaluator, architecture: Architecture, seed: int) -> Evaluation | Raised:
    """UserError and InvalidValue pass through, and so does what is no Exception (Ctrl-C, exit)."""
    started = perf_counter()
    try:
        result = evaluator(architecture, seed=seed)
    except MISTAKES:
        raise
    except Exception as error:
        return raised(error, perf_counter() - started)
    return checked(result, source_of(evaluator))


def attempt_many(evaluator: Evaluator, architectures: Sequence[Architecture], seed: int) -> list[Evaluation] | None:
    """By the evaluator's own `many`, unchecked. None where it has none, or raises: then one by one, to see which."""
    many = getattr(evaluator, "many", None)
    if many is None:
        return None
    try:
        results = list(many(architectures, seed=seed))
    except MISTAKES:
        raise
    except Exception:
        return None
    if len(results) != len(architectures):
        raise UserError(f"the evaluator's many gave {len(results)} results for {len(architectures)} networks")
    return results


def raised(error: BaseException, seconds: float) -> Raised:
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    reason = f"{type(error).__name__}: {first:.200}" if first else type(error).__name__
    memory = isinstance(error, MemoryError) or "out of memory" in str(error).lower()
    return Raised(f"out of memory, {reason}" if isinstance(error, MemoryError) else reason, seconds, memory)


def source_of(evaluator: Evaluator) -> str:
    return str(getattr(evaluator, "source", None) or getattr(evaluator, "__name__", type(evaluator).__name__))
