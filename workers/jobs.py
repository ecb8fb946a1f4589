"""The account of a batch that is rated in worker processes: what waits, what was tried how often, what has a result."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..evaluators.evaluation import Evaluation
from .attempt import Raised
from .pace import Pace

Outcome = Evaluation | Raised | Exception  # an exception is a mistake, which ends the run
Result = tuple[int, Evaluation]  # position in the batch, its evaluation

LOST = {
    "worker": "its worker process died (it was killed, or crashed)",
    "memory": "its worker was stopped because the node ran out of memory",
    "node": "its node was lost",
}


@dataclass(eq=False)
class Job:
    """Networks of one call, mostly one. tries: cause -> how often in vain. avoid: the worker that met the last."""

    positions: list[int]
    tries: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    avoid: object = None


class Jobs:
    """Every position of a batch is in exactly one place: waiting, in a job that was handed out, or given as a result.

    Parameters
    ----------
    count
        networks of the batch.
    limits
        cause -> how often a network is tried again: "raised", "memory", "worker", "node".
    pace
        of the evaluator's `many`; None where networks are rated one by one.
    """

    def __init__(self, count: int, limits: Mapping[str, int], *, pace: Pace | None = None, seed: int = 0) -> None:
        self.fresh = deque(range(count))
        self.again: deque[Job] = deque()
        self.limits = limits
        self.pace = pace
        self.seed = seed

    def __len__(self) -> int:
        """Networks that wait."""
        return len(self.fresh) + len(self.again)

    def give_up(self) -> None:
        """Nothing more is handed out."""
        self.fresh.clear()
        self.again.clear()

    def next(self, worker: object, *, others: int, workers: int) -> Job | None:
        """For a worker that is idle, as are so many `others`. What failed goes to another worker where there is one."""
        for job in self.again:
            if job.avoid is not worker:
                self.again.remove(job)
                return job
        if self.fresh:
            size = 1 if self.pace is None else self.pace.size(math.ceil(len(self.fresh) / workers))
            return Job([self.fresh.popleft() for _ in range(size)])
        return self.again.popleft() if self.again and not others else None

    def settle(self, job: Job, outcomes: Sequence[Outcome], worker: object, seconds: float) -> Iterator[Result]:
        """The results among the answers of a worker; raises the mistake where there is one."""
        if self.pace is not None:
            self.pace.note(len(job.positions), seconds)
        for position, outcome in zip(job.positions, outcomes, strict=False):  # a mistake ends the answers
            if isinstance(outcome, Evaluation):
                yield position, outcome
            elif isinstance(outcome, Raised):
                single = job if len(job.positions) == 1 else Job([position])
                single.avoid = worker
                cause = "memory" if outcome.memory else "raised"
                yield from self._in_vain(single, cause, outcome.reason, outcome.seconds)
            else:
                raise outcome

    def lost(self, job: Job, cause: str, seconds: float) -> Iterator[Result]:
        """The worker gave no answer; networks that it rated together are rated alone."""
        if len(job.positions) > 1:
            self.again.extend(Job([position]) for position in job.positions)
            return
        yield from self._in_vain(job, cause, LOST[cause], seconds)

    def late(self, job: Job, limit: float, seconds: float) -> Iterator[Result]:
        """It was stopped at the time limit, and would be again."""
        reason = f"stopped: it took longer than the limit of {limit:g} s"
        for position in job.positions:
            yield position, Evaluation.failed(reason, seed=self.seed, seconds=seconds)

    def _in_vain(self, job: Job, cause: str, reason: str, seconds: float) -> Iterator[Result]:
        job.tries[cause] += 1
        job.seconds += seconds
        if job.tries[cause] <= self.limits[cause]:
            self.again.append(job)
            return
        if reason in LOST.values() and job.tries[cause] > 1:
            reason += f", {job.tries[cause]} times"
        yield job.positions[0], Evaluation.failed(reason, seed=self.seed, seconds=job.seconds)
