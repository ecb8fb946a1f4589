"""`nas.search`: from a space and an evaluator to a Pareto front and three chosen networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
import yaml
from optuna.samplers import BaseSampler

from ..evaluators.evaluation import Evaluator
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.space import SearchSpace
from ..workers.local import Executor, LocalExecutor
from .loop import SearchLoop, remembering
from .outputs import write_outputs
from .progress import Progress, progress
from .reward import Reward
from .samplers import POPULATION, make_sampler
from .search_log import SearchLog
from .selection import select
from .settings import TARGET, CostFunction, check_settings, describe, settle_budgets
from .study import ACCURACY, Study
from .tables import front_table, trials_table

TRIALS = 3000


@dataclass(frozen=True)
class SearchResult:
    """trials, front: pandas tables (see `tables`). selected: rule -> network; `picks`: rule -> trial number.

    references: name -> ledger entry of the networks evaluated for comparison. exhausted: the space ran out of networks.
    """

    trials: pd.DataFrame
    front: pd.DataFrame
    selected: dict[str, Architecture]
    picks: dict[str, int]
    references: Mapping[str, Mapping[str, Any]]
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
    check_settings(space, objectives, budgets, costs, reward, {"trials": trials, "batch": batch, "seed": seed})
    make = make_sampler(sampler) if isinstance(sampler, str) else sampler
    settings = {
        "space": space.name,
        "space_fingerprint": space.fingerprint,
        "costs": sorted(costs),
        "evaluator": describe(evaluator),
        "objectives": list(objectives),
        "budgets": budgets,
        "reward": dataclasses.asdict(reward),
        "sampler": sampler if isinstance(sampler, str) else getattr(sampler, "__name__", type(sampler).__name__),
        "batch": batch,
        "seed": seed,
    }
    config_text = yaml.safe_dump(dict(config or settings), sort_keys=False) if config or not resume else None
    with RunLog.open(run_dir, resume=resume, settings=settings, config=config_text, seed=seed) as run_log:
        log = SearchLog(run_log)
        network = remembering(space)
        study = Study(space, objectives, budgets, make, lambda point: network(point).key, seed)
        loop = SearchLoop(study, network, evaluator, executor or LocalExecutor(), costs, reward, budgets, log, seed)
        state = "failed"
        started, before = perf_counter(), len(log.trials)
        try:
            loop.evaluate_references(references)
            loop.restore(batch)
            while len(log.trials) < trials and not loop.exhausted:
                loop.run_batch(min(batch, trials - len(study)))
                if on_batch and log.trials:
                    seconds, evaluated = perf_counter() - started, len(log.trials) - before
                    on_batch(progress(log.trials, objectives, trials, seconds, evaluated))
            loop.require_success()
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            result = _result(log, space, objectives, loop.exhausted)
            if run_log.run and log.trials:
                write_outputs(run_log.run, result.trials, result.front, result.selected, study, log.trials, batch)
            run_log.finish(state)
    return result


def _result(log: SearchLog, space: SearchSpace, objectives: Sequence[str], exhausted: bool) -> SearchResult:
    table = trials_table(log.trials.values(), [dimension.name for dimension in space.dimensions])
    front = front_table(table, objectives)
    picks = select(table, front, next(name for name in objectives if name != ACCURACY))
    selected = {rule: space.decode(log.trials[number].point) for rule, number in picks.items()}
    path = log.log.run.path if log.log.run else None
    return SearchResult(table, front, selected, picks, log.references, path, log.log.notice, exhausted)
