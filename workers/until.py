"""A budget of time around an executor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..evaluators.evaluation import Evaluation, Evaluator
from ..search_spaces.architecture import Architecture
from .local import Executor
from .pace import is_over


@dataclass
class Until:
    """The executor, with a deadline (of `time.monotonic`) for every batch, or with none.

    cut: the deadline has left evaluations out; from then on nothing is started.
    """

    executor: Executor
    deadline: float | None = None
    cut: bool = field(default=False, init=False)

    def run(
        self,
        evaluator: Evaluator,
        architectures: Sequence[Architecture],
        *,
        seed: int = 0,
        deadline: float | None = None,
    ) -> Iterator[tuple[int, Evaluation]]:
        """As the protocol `Executor` says; the earlier of both deadlines counts."""
        ends = [one for one in (deadline, self.deadline) if one is not None]
        limit = {"deadline": min(ends)} if ends else {}
        left = len(architectures)
        for result in self.executor.run(evaluator, architectures, seed=seed, **limit):
            left -= 1
            yield result
        if left and is_over(self.deadline):
            self.cut = True
