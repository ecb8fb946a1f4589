"""Evaluations in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from ..evaluators.evaluation import Evaluation, Evaluator
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

    def run(
        self, evaluator: Evaluator, architectures: Sequence[Architecture], *, seed: int = 0
    ) -> Iterator[tuple[int, Evaluation]]:
        many = getattr(evaluator, "many", None)
        if many is not None:
            yield from enumerate(many(architectures, seed=seed))
            return
        for position, architecture in enumerate(architectures):
            yield position, self._one(evaluator, architecture, seed)

    def _one(self, evaluator: Evaluator, architecture: Architecture, seed: int) -> Evaluation:
        started = perf_counter()
        reason = ""
        for _ in range(self.retries + 1):
            try:
                return evaluator(architecture, seed=seed)
            except UserError:
                raise
            except Exception as error:
                first = (str(error).splitlines() or [""])[0]
                reason = f"{type(error).__name__}: {first:.200}"
        return Evaluation.failed(reason, seed=seed, seconds=perf_counter() - started)
