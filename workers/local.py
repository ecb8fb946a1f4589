"""Evaluations in this process, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from ..evaluators.evaluation import Evaluation, Evaluator, checked
from ..search_spaces.architecture import Architecture
from .attempt import Raised, attempt, attempt_many, source_of
from .pace import Pace, is_over


class Executor(Protocol):
    """Runs a batch; yields (position in the batch, result) as they finish, each position once, in any order.

    Past the `deadline` (of `time.monotonic`) no evaluation is started; those under way are finished, and the positions
    that were not started are left out.
    """

    def run(
        self,
        evaluator: Evaluator,
        architectures: Sequence[Architecture],
        *,
        seed: int = 0,
        deadline: float | None = None,
    ) -> Iterator[tuple[int, Evaluation]]: ...


@dataclass(frozen=True)
class LocalExecutor:
    """A network whose evaluation raises is tried `retries` times more, then its failure is the result.

    A UserError or InvalidValue (the evaluator breaks its contract, the network is outside what it knows) is not
    retried: it ends the run, since every other network would meet it too.
    """

    retries: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.retries, int) or self.retries < 0:
            raise ValueError(f"retries is {self.retries}; it must be a whole number of at least 0")

    def run(
        self,
        evaluator: Evaluator,
        architectures: Sequence[Architecture],
        *,
        seed: int = 0,
        deadline: float | None = None,
    ) -> Iterator[tuple[int, Evaluation]]:
        pace, start = Pace(), 0
        while start < len(architectures) and not is_over(deadline):
            left = len(architectures) - start
            part = architectures[start : start + (left if deadline is None else pace.size(left))]
            began = monotonic()
            together = attempt_many(evaluator, part, seed)
            if together is not None:
                pace.note(len(part), monotonic() - began)
            for place, architecture in enumerate(part):
                if together is not None:
                    yield start + place, checked(together[place], source_of(evaluator))
                elif not is_over(deadline):
                    yield start + place, self._one(evaluator, architecture, seed)
            start += len(part)

    def _one(self, evaluator: Evaluator, architecture: Architecture, seed: int) -> Evaluation:
        seconds, reason = 0.0, ""
        for _ in range(self.retries + 1):
            result = attempt(evaluator, architecture, seed)
            if not isinstance(result, Raised):
                return result
            seconds, reason = seconds + result.seconds, result.reason
        return Evaluation.failed(reason, seed=seed, seconds=seconds)
