"""The loop of a search: ask for a batch, evaluate what the ledger does not know, tell the results in trial order."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..evaluators.evaluation import Evaluation, Evaluator
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.cost import cost
from ..search_spaces.space import Choice, Point, SearchSpace
from ..workers.until import Until
from .reward import Reward
from .samplers import SpaceExhausted
from .search_log import SearchLog
from .selection import within
from .settings import CostFunction
from .study import Study
from .trial import Trial

FAILURES = 5  # so many networks without one success end a search


@dataclass(frozen=True)
class Proposal:
    """What the sampler asks for: trial number, point, network, and the sampler's notes."""

    number: int
    point: Point
    architecture: Architecture
    attributes: dict[str, Any]


@dataclass
class SearchLoop:
    """Everything that a batch needs.

    on_asked, on_trial
        called when the networks of a batch are known, and after each evaluation of it.
    exhausted
        the space has no network left.
    """

    study: Study
    network: Callable[[Point], Architecture]
    evaluator: Evaluator
    executor: Until
    costs: Mapping[str, CostFunction]
    reward: Reward
    budgets: Mapping[str, float]
    log: SearchLog
    seed: int
    on_trial: Callable[[], None] = lambda: None
    on_asked: Callable[[], None] = lambda: None
    exhausted: bool = field(default=False, init=False)

    def restore(self, batch: int) -> None:
        """Tell Optuna the trials of all full batches. A batch that was cut off is asked for again: its proposals depend
        on the full batches alone, and those with a result in the ledger are not evaluated again."""
        numbers = sorted(self.log.trials)
        complete = next((i for i, number in enumerate(numbers) if i != number), len(numbers)) // batch * batch
        self.study.restore([self.log.trials[number] for number in numbers[:complete]])

    def evaluate_references(self, networks: Sequence[Architecture]) -> None:
        """Once each, outside the search; recorded in this order."""
        missing = list({one.name: one for one in networks if one.name not in self.log.references}.values())
        waiting: dict[int, Evaluation] = {}
        recorded = 0
        for position, evaluation in self.executor.run(self.evaluator, missing, seed=self.seed):
            waiting[position] = evaluation
            while recorded in waiting:
                architecture, costs = missing[recorded], self._measure(missing[recorded])
                evaluation = waiting[recorded]
                self.log.append_reference(architecture, evaluation, costs, self._reward(evaluation, costs))
                recorded += 1

    def run_batch(self, count: int) -> None:
        """Up to `count` trials. UserError where the evaluator has failed on every network, FAILURES or more.

        A batch that the executor cuts off is told to nobody: a resumed run asks for it again, as after an interrupt.
        """
        proposals = self._ask(count)
        self.on_asked()
        missing = [one for one in proposals if one.number not in self.log.trials]
        networks = [one.architecture for one in missing]
        for position, evaluation in self.executor.run(self.evaluator, networks, seed=self.seed):
            self.log.append(self._trial(missing[position], evaluation))
            self.on_trial()
        self.log.log.sync()
        if self.executor.cut:
            return
        for one in proposals:
            self.study.tell(self.log.trials[one.number])
        if len(self.log.trials) >= FAILURES:
            self.require_success()

    def require_success(self) -> None:
        """UserError where there are trials, and the evaluator has failed on every one."""
        trials = list(self.log.trials.values())
        if trials and not any(trial.succeeded for trial in trials):
            reason = trials[0].evaluation.failure
            raise UserError(
                f"the evaluator failed on all of the first {len(self.log.trials)} networks: {reason}",
                hint="mend the evaluator, then start a new run",
            )

    def _ask(self, count: int) -> list[Proposal]:
        proposals: list[Proposal] = []
        for _ in range(count):
            try:
                number, point = self.study.ask()
            except SpaceExhausted:
                self.exhausted = True
                break
            architecture = self.network(point)
            known = self.log.trials.get(number)
            if known and known.key != architecture.key:
                raise UserError(
                    f"trial {number} of the ledger is another network than the sampler proposes now",
                    hint="resume with the version of Optuna that the manifest names, or start a new run",
                )
            proposals.append(Proposal(number, point, architecture, self.study.attributes(number)))
        return proposals

    def _trial(self, proposal: Proposal, evaluation: Evaluation) -> Trial:
        costs = self._measure(proposal.architecture)
        return Trial(
            number=proposal.number,
            key=proposal.architecture.key,
            point=proposal.point,
            evaluation=evaluation,
            costs=costs,
            reward=self._reward(evaluation, costs),
            feasible=within(costs, self.budgets),
            attributes=proposal.attributes,
        )

    def _reward(self, evaluation: Evaluation, costs: Mapping[str, float]) -> float | None:
        if evaluation.failure is not None:
            return None
        paid = costs[self.reward.cost]
        if paid <= 0:
            raise UserError(f"the cost {self.reward.cost} is {paid:g}; it must be positive to go into a reward")
        return self.reward(evaluation.accuracy, paid)

    def _measure(self, architecture: Architecture) -> dict[str, float]:
        measured: dict[str, float] = dataclasses.asdict(cost(architecture))
        for name, function in self.costs.items():
            try:
                value = float(function(architecture))
            except Exception as error:
                raise UserError(f"the cost {name} raised {type(error).__name__}: {error}") from error
            if not math.isfinite(value):
                raise UserError(f"the cost {name} returned {shown(value)}; it must be a finite number")
            measured[name] = value
        return measured


def remembering(space: SearchSpace) -> Callable[[Point], Architecture]:
    """`space.decode`, which the sampler and the loop ask for the same points."""

    @lru_cache(maxsize=1000)
    def by_choices(choices: tuple[Choice, ...]) -> Architecture:
        return space.decode(dict(zip(names, choices, strict=True)))

    names = [dimension.name for dimension in space.dimensions]
    return lambda point: by_choices(tuple(point[name] for name in names))
