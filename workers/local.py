"""Evaluations in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from ..evaluators.evaluation import Evaluation, Evaluator, checked
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture


class Executor(Protocol):
    """Runs a batch; yields (position in the batch, result) as they finish, each position once, in any order."""

    def run(
        self, evaluator: Evaluator, architectures: Sequence[Architecture], *, seed: int = 0
    ) -> Iterator[tuple[int, Evaluation]]: ...


@dataclass(frozen=True)
class LocalExecutor:
    """A network whose evaluation raises is tried `retries` times more, then its failure is the result.

    A UserError (the evaluator breaks its contract, the network is outside what it knows) is not retried: it ends the
    run, since every other network would meet it too.
    """

    retries: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.retries, int) or self.retries < 0:
            raise ValueError(f"retries is {self.retries}; it must be a whole number of at least 0")

    def run(
        self, evaluator: Evaluator, architectures: Sequence[Architecture], *, seed: int = 0
    ) -> Iterator[tuple[int, Evaluation]]:
        together = self._many(evaluator, architectures, seed)
        if together is not None:
            for position, result in enumerate(together):
                yield position, checked(result, _name(evaluator))
            return
        for position, architecture in enumerate(architectures):
            yield position, checked(self._one(evaluator, architecture, seed), _name(evaluator))

    @staticmethod
    def _many(evaluator: Evaluator, architectures: Sequence[Architecture], seed: int) -> list[Evaluation] | None:
        """By the evaluator's own `many`; None where it has none, or raises: then one by one, to see which fails."""
        many = getattr(evaluator, "many", None)
        if many is None:
            return None
        try:
            results = list(many(architectures, seed=seed))
        except UserError:
            raise
        except Exception:
            return None
        if len(results) != len(architectures):
            raise UserError(f"the evaluator's many gave {len(results)} results for {len(architectures)} networks")
        return results

    def _one(self, evaluator: Evaluator, architecture: Architecture, seed: int) -> Evaluation:
        started = perf_counter()
        reason = ""
        for _ in range(self.retries + 1):
            try:
                return evaluator(architecture, seed=seed)
            except UserError:
                raise
            except Exception as error:
                first = next((line for line in str(error).splitlines() if line.strip()), "")
                reason = f"{type(error).__name__}: {first:.200}"
        return Evaluation.failed(reason, seed=seed, seconds=perf_counter() - started)


def _name(evaluator: Evaluator) -> str:
    return str(getattr(evaluator, "source", None) or getattr(evaluator, "__name__", type(evaluator).__name__))
