"""What a search says about itself while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic

import numpy as np

from .pareto import hypervolume, non_dominated
from .study import ACCURACY
from .trial import Trial

FIRST = 50
OFTEN = 1.0  # seconds between two reports within a batch
STARTING = 10.0  # seconds: a first batch that takes less is mostly the start, and says nothing of the others


@dataclass(frozen=True)
class Progress:
    """done, total: trials. best: highest accuracy within the budgets in percent, None where no network meets them.

    front: networks on it. hypervolume: what the front dominates, as a part of the box between the worst of the first
    50 feasible trials and (100 %, cost 0). seconds: since the search began; left: seconds to go, by the rate so far,
    and no more than there are until the deadline; infinite where nothing can be said of it yet.
    """

    done: int
    total: int
    failed: int
    best: float | None
    front: int
    hypervolume: float
    seconds: float
    left: float


def convergence(trials: Mapping[int, Trial], objectives: Sequence[str], batch: int) -> list[Progress]:
    """What `progress` said, or would have said, after each batch; without times."""
    numbers = sorted(trials)
    ends = [*range(batch, len(numbers), batch), len(numbers)]
    return [progress({number: trials[number] for number in numbers[:end]}, objectives, len(numbers)) for end in ends]


@dataclass
class Reporter:
    """Calls `tell` after each batch, and after an evaluation where the last call is a while ago.

    The rate is that of the batches after the first, which has the start in it. A batch is asked for at once, so the
    time until `asked` belongs to all its trials, and not to those that are evaluated first.

    trials
        of the search, as they grow; those that are there at first were evaluated before it.
    deadline
        of `time.monotonic`, or None.
    """

    tell: Callable[[Progress], None]
    trials: Mapping[int, Trial]
    objectives: Sequence[str]
    total: int
    deadline: float | None = None
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        self.last = monotonic()
        self.counted: tuple[float, int] | None = None  # when the first batch was over, and how many trials there were
        self.batch = (self.began, self.began, len(self.trials))  # when it began and was asked for; trials before it

    def asked(self) -> None:
        """The networks of the next batch are known."""
        self.batch = (self.batch[0], monotonic(), self.batch[2])

    def after_batch(self) -> None:
        self._tell(ended=True)
        now = monotonic()
        if len(self.trials) > self.batch[2]:
            self.counted = self.counted or (now, len(self.trials))
        self.batch = (now, now, len(self.trials))

    def after_trial(self) -> None:
        if monotonic() - self.last > OFTEN:
            self._tell(ended=False)

    def _tell(self, *, ended: bool) -> None:
        if not self.trials:
            return
        now = monotonic()
        remaining = inf if self.deadline is None else max(0.0, self.deadline - now)
        left = min(self._rate(now, ended) * (self.total - len(self.trials)), remaining)
        self.tell(progress(self.trials, self.objectives, self.total, now - self.began, left))
        self.last = monotonic()

    def _rate(self, now: float, ended: bool) -> float:
        """Seconds a trial; infinite where that cannot be said yet."""
        done = len(self.trials)
        began, asked, before = self.batch
        since, known = self.counted or (began, before)
        if done == self.total:
            return 0.0
        if ended and done > known and (self.counted or now - asked > STARTING):
            return (now - since) / (done - known)
        if self.counted and before > known:  # the batches between the first and this one
            return (began - since) / (before - known)
        return (now - asked) / (done - before) if now - asked > STARTING and done > before else inf


def progress(
    trials: Mapping[int, Trial],
    objectives: Sequence[str],
    total: int,
    seconds: float = 0.0,
    left: float = 0.0,
) -> Progress:
    """`seconds` since the search began, and how many are `left`."""
    good = [trials[number] for number in sorted(trials) if trials[number].succeeded and trials[number].feasible]
    values = np.array([[_minimised(trial, name) for name in objectives] for trial in good]).reshape(-1, len(objectives))
    front = values[non_dominated(values)] if len(good) else values
    volume = 0.0
    if len(good):
        worst = values[:FIRST].max(axis=0)
        ideal = np.array([-100.0 if name == ACCURACY else 0.0 for name in objectives])
        box = float(np.prod(worst - ideal))
        volume = hypervolume(front, worst) / box if box > 0 else 0.0
    return Progress(
        done=len(trials),
        total=total,
        failed=sum(not trial.succeeded for trial in trials.values()),
        best=max((trial.evaluation.accuracy for trial in good), default=None),
        front=len(np.unique(front, axis=0)),
        hypervolume=volume,
        seconds=seconds,
        left=left,
    )


def _minimised(trial: Trial, name: str) -> float:
    return -trial.evaluation.accuracy if name == ACCURACY else trial.costs[name]
