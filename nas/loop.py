"""The search loop: ask for a batch, evaluate it, tell the results in the order of the trials, until enough."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from optuna.samplers import BaseSampler

from ..evaluators.evaluation import Evaluation, Evaluator
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..search_spaces.space import Choice, Point, SearchSpace
from ..workers.local import Executor, LocalExecutor
from .outputs import write_outputs
from .progress import Progress, progress
from .reward import Reward
from .run_log import RunLog
from .samplers import POPULATION, SpaceExhausted, make_sampler
from .selection import select, within
from .settings import TARGET, CostFunction, check_settings, describe, settle_budgets
from .study import ACCURACY, Study
from .tables import front_table, trials_table
from .trial import Trial

TRIALS = 3000  # about 12 s with the surrogate; at 2,000 NSGA-II is still 0.1 to 0.5 point below its end


@dataclass(frozen=True)
class SearchResult:
    """trials, front: pandas tables (see `tables`). selected: rule -> network; `picks`: rule -> trial number.

    references: name -> ledger entry of the networks evaluated for comparison. exhausted: the space ran out of networks.
    """

    trials: pd.DataFrame
    front: pd.DataFrame
    selected: dict[str, Architecture]
    picks: dict[str, int]
    references: dict[str, dict[str, Any]]
    run_dir: Path | None
    notice: str | None
    exhausted: bool


def search(
    space: SearchSpace,
    evaluator: Evaluator,
    *,
    target_flops: float | None = None,
    budgets: Mapping[str, float] | None = None,
    objectives: Sequence[str] = (ACCURACY, "mult_adds"),
    costs: Mapping[str, CostFunction] | None = None,
    reward: Reward | None = None,
    sampler: str | Callable[[int], BaseSampler] = "nsga2",
    trials: int = TRIALS,
    batch: int = POPULATION,
    seed: int = 0,
    executor: Executor | None = None,
    run_dir: Path | str | None = None,
    resume: bool = False,
    on_batch: Callable[[Progress], None] | None = None,
    references: Sequence[Architecture] = (),
    config: Mapping[str, Any] | None = None,
) -> SearchResult:
    """Search `space` for accuracy against cost.

    Parameters
    ----------
    target_flops
        mult-adds; short for budgets={"mult_adds": target_flops}, and the target of the default reward. 400e6 where
        neither is given.
    budgets
        cost -> largest value; a network over one is never selected for the budget.
    objectives
        "accuracy" and at least one cost: "mult_adds", "params", "activations" or a name in `costs`.
    costs
        name -> callable(Architecture) -> float, for latency and the user's own.
    reward
        what `selected["reward"]` and the sampler "evolution" maximise; Reward(target_flops) where None.
    sampler
        "nsga2", "tpe", "random", "evolution", or a callable seed -> Optuna sampler.
    batch
        trials asked for before the next results are told; changes the result, the number of workers does not.
    references
        networks evaluated once for comparison, outside the search.
    config
        what config.yaml of the run directory holds; the settings of the search where None.

    Raises
    ------
    UserError
        for settings that cannot work, a budget below the space's cheapest network (exit code 1), an evaluator that
        fails on every network of the first batch, a run directory that cannot be used.
    """
    costs = dict(costs or {})
    budgets = settle_budgets(target_flops, budgets)
    reward = reward or Reward(budgets.get("mult_adds", TARGET))
    check_settings(space, objectives, budgets, costs, reward, trials, batch)
    make = make_sampler(sampler) if isinstance(sampler, str) else sampler
    settings = {
        "space": space.name,
        "evaluator": describe(evaluator),
        "objectives": list(objectives),
        "budgets": budgets,
        "reward": dataclasses.asdict(reward),
        "sampler": sampler if isinstance(sampler, str) else getattr(sampler, "__name__", type(sampler).__name__),
        "batch": batch,
        "seed": seed,
    }
    executor = executor or LocalExecutor()
    with RunLog.open(run_dir, resume=resume, settings=settings, config=config, seed=seed) as log:
        state = "failed"
        started = perf_counter()
        exhausted = False
        measure = partial(_costs, costs=costs)
        network = _remembering(space)
        study = Study(space, objectives, budgets, make, lambda point: network(point).key, seed)
        try:
            _evaluate_references(references, evaluator, measure, reward, log, seed)
            _restore(study, log, batch)
            before = len(log.trials)
            while len(log.trials) < trials and not exhausted:
                asked, exhausted = _ask(study, network, min(batch, trials - len(study)), log)
                _evaluate(asked, evaluator, executor, measure, reward, budgets, study, log, seed)
                if on_batch and log.trials:
                    on_batch(
                        progress(log.trials, objectives, trials, perf_counter() - started, len(log.trials) - before)
                    )
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            table = trials_table(log.trials.values(), [dimension.name for dimension in space.dimensions])
            front = front_table(table, objectives)
            picks = select(table, front, next(name for name in objectives if name != ACCURACY))
            selected = {rule: space.decode(log.trials[number].point) for rule, number in picks.items()}
            if log.run and len(table):
                write_outputs(log.run, table, front, selected, study, log.trials, batch)
            log.finish(state)
    return SearchResult(table, front, selected, picks, log.references, log.path, log.notice, exhausted)


@dataclass(frozen=True)
class Asked:
    """A proposal: trial number, point, network, and the sampler's notes."""

    number: int
    point: Point
    architecture: Architecture
    attributes: dict[str, Any]


def _remembering(space: SearchSpace) -> Callable[[Point], Architecture]:
    """`space.decode`, which the sampler and the loop ask for the same points."""

    @lru_cache(maxsize=1000)
    def by_choices(choices: tuple[Choice, ...]) -> Architecture:
        return space.decode(dict(zip(names, choices, strict=True)))

    names = [dimension.name for dimension in space.dimensions]
    return lambda point: by_choices(tuple(point[name] for name in names))


def _costs(architecture: Architecture, costs: Mapping[str, CostFunction]) -> dict[str, float]:
    counted: dict[str, float] = dataclasses.asdict(cost(architecture))
    return counted | {name: float(function(architecture)) for name, function in costs.items()}


def _evaluate_references(
    references: Sequence[Architecture],
    evaluator: Evaluator,
    measure: Callable[[Architecture], dict[str, float]],
    reward: Reward,
    log: RunLog,
    seed: int,
) -> None:
    for architecture in references:
        if architecture.name not in log.references:
            evaluation = evaluator(architecture, seed=seed)
            costs = measure(architecture)
            value = reward(evaluation.accuracy, costs[reward.cost]) if evaluation.failure is None else None
            log.append_reference(architecture.name, architecture.key, evaluation, costs, value)


def _restore(study: Study, log: RunLog, batch: int) -> None:
    """Tell Optuna the trials of all full batches. A batch that was cut off is asked for again: its proposals depend on
    the full batches alone, and those with a result in the ledger are not evaluated again."""
    numbers = sorted(log.trials)
    complete = next((i for i, number in enumerate(numbers) if i != number), len(numbers)) // batch * batch
    study.restore([log.trials[number] for number in numbers[:complete]])


def _ask(study: Study, network: Callable[[Point], Architecture], count: int, log: RunLog) -> tuple[list[Asked], bool]:
    asked: list[Asked] = []
    for _ in range(count):
        try:
            number, point = study.ask()
        except SpaceExhausted:
            return asked, True
        architecture = network(point)
        known = log.trials.get(number)
        if known and known.key != architecture.key:
            raise UserError(
                f"trial {number} of the ledger is another network than the sampler proposes now",
                hint="resume with the version of Optuna that the manifest names, or start a new run",
            )
        asked.append(Asked(number, point, architecture, study.attributes(number)))
    return asked, False


def _evaluate(
    asked: Sequence[Asked],
    evaluator: Evaluator,
    executor: Executor,
    measure: Callable[[Architecture], dict[str, float]],
    reward: Reward,
    budgets: Mapping[str, float],
    study: Study,
    log: RunLog,
    seed: int,
) -> None:
    missing = [one for one in asked if one.number not in log.trials]
    for position, evaluation in executor.run(evaluator, [one.architecture for one in missing], seed=seed):
        log.append(_trial(missing[position], evaluation, measure, reward, budgets))
    log.sync()
    for one in asked:
        study.tell(log.trials[one.number])
    if not any(trial.succeeded for trial in log.trials.values()) and asked:
        raise UserError(
            f"the evaluator failed on all of the first {len(log.trials)} networks: "
            f"{log.trials[asked[0].number].evaluation.failure}",
            hint="mend the evaluator, then start a new run",
        )


def _trial(
    asked: Asked,
    evaluation: Evaluation,
    measure: Callable[[Architecture], dict[str, float]],
    reward: Reward,
    budgets: Mapping[str, float],
) -> Trial:
    costs = measure(asked.architecture)
    good = evaluation.failure is None
    return Trial(
        number=asked.number,
        key=asked.architecture.key,
        point=asked.point,
        evaluation=evaluation,
        costs=costs,
        reward=reward(evaluation.accuracy, costs[reward.cost]) if good else None,
        feasible=within(costs, budgets),
        attributes=asked.attributes,
    )
