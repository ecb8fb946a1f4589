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


@dataclass(frozen=True)
class Progress:
    """done, total: trials. best: highest accuracy within the budgets in percent, None where no network meets them.

    front: networks on it. hypervolume: what the front dominates, as a part of the box between the worst of the first
    50 feasible trials and (100 %, cost 0). seconds: since the search began; left: seconds to go, by the rate so far,
    and no more than there are until the deadline.
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
        self.before = len(self.trials)
        self.last = monotonic()

    def after_batch(self) -> None:
        if not self.trials:
            return
        now = monotonic()
        remaining = inf if self.deadline is None else max(0.0, self.deadline - now)
        evaluated = len(self.trials) - self.before
        self.tell(progress(self.trials, self.objectives, self.total, now - self.began, evaluated, remaining))
        self.last = monotonic()

    def after_trial(self) -> None:
        if monotonic() - self.last > OFTEN:
            self.after_batch()


def progress(
    trials: Mapping[int, Trial],
    objectives: Sequence[str],
    total: int,
    seconds: float = 0.0,
    evaluated: int = 0,
    remaining: float = inf,
) -> Progress:
    """`evaluated`: how many of the trials were evaluated in these `seconds` (a resumed run knows others before).
    `remaining`: seconds until the deadline."""
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
        left=min(seconds / max(1, evaluated) * (total - len(trials)), remaining),
    )


def _minimised(trial: Trial, name: str) -> float:
    return -trial.evaluation.accuracy if name == ACCURACY else trial.costs[name]
