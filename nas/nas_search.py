"""`nas.search`: from a space and an evaluator to a Pareto front and three chosen networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pandas as pd
import yaml
from optuna.samplers import BaseSampler

from ..evaluators.evaluation import Evaluator
from ..records import atomic
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import integer, number
from ..search_spaces.space import SearchSpace
from ..workers.local import Executor, LocalExecutor
from ..workers.until import Until
from .assisted import Problem
from .confirm import CANDIDATES, Confirmation, candidates_of, confirm_networks
from .loop import SearchLoop, remembering
from .outputs import write_confirmation, write_outputs
from .progress import Progress, Reporter
from .reward import Reward
from .samplers import POPULATION, make_sampler
from .search_log import SearchLog
from .selection import believed, check_picks, select, shortlist
from .settings import TARGET, CostFunction, check_settings, describe, describe_costs, settle_budgets
from .study import ACCURACY, Study
from .tables import front_table, trials_table, with_posterior

TRIALS = 3000
LONGEST = 1e9  # seconds of a budget


@dataclass(frozen=True)
class SearchResult:
    """trials, front: pandas tables (see `tables`). selected: rule -> network; `picks`: rule -> trial number.

    references: name -> ledger entry of the networks evaluated for comparison. exhausted: the space ran out of networks.
    confirmation: what the evaluations after the search say; its winner is then the pick "budget". Where the budget was
    over before its end, what its complete seeds say, which may be none.
    stopped: what ended the search: "trials" (all were evaluated), "space" (exhausted) or "budget" (out of time).
    """

    trials: pd.DataFrame
    front: pd.DataFrame
    selected: dict[str, Architecture]
    picks: dict[str, int]
    references: Mapping[str, Mapping[str, Any]]
    run_dir: Path | None
    notice: str | None
    exhausted: bool
    confirmation: Confirmation | None = None
    stopped: str = "trials"


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
    max_seconds: float | None = None,
    run_dir: Path | str | None = None,
    resume: bool = False,
    on_batch: Callable[[Progress], None] | None = None,
    references: Sequence[Architecture] = (),
    picks: str = "observed",
    confirm: int = 0,
    baseline: Architecture | None = None,
    on_confirmation: Callable[[int, int], None] | None = None,
    config: Mapping[str, Any] | None = None,
    keep: Mapping[str, str] | None = None,
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
        name -> callable(Architecture) -> float, for latency and the user's own. A LatencyTable is one. Where it has
        a `fingerprint`, a resumed run must be given one with the same; a `unit` is what reports write after values.
    reward
        what `selected["reward"]` and the sampler "evolution" maximise; Reward(target_flops) where None.
    sampler
        "nsga2", "tpe", "random", "evolution", "assisted" (for up to some hundred trials), or a callable seed -> Optuna
        sampler.
    batch
        trials asked for before the next results are told; changes the result, the number of workers does not.
    executor
        where the networks are evaluated: LocalExecutor() where None, or a RayExecutor, whose workers end with the
        search unless it is inside a `with` of that executor. No part of the result.
    max_seconds
        a budget of time for this call, references included: afterwards no evaluation is started, those under way are
        finished, and the search ends with its tables as usual. A resumed run goes on where it was. Where there is a
        confirmation, its part of all the evaluations is its part of the time; a resumed run adds what was left out.
    on_batch
        is called with the Progress after each batch, and within one about every second where evaluations are slow.
    references
        networks evaluated once for comparison, outside the search.
    picks
        "observed": the networks with the best results. "posterior", for evaluators whose results scatter with the seed:
        those that all results together say most of (see `posterior`); trials.csv then has that expectation too.
    confirm
        with so many fresh seeds, the best networks and the `baseline` are evaluated again after the search, and the
        best of them is handed over (see `confirm`). 0: not. `on_confirmation` is told (done, of how many).
    config
        what config.yaml of the run directory holds; the settings of the search where None.
    keep
        name -> text of files that the run directory shall have besides, such as what a cost was read from.

    Raises
    ------
    UserError
        for settings that cannot work, a budget below the space's cheapest network (exit code 1), an evaluator that
        fails on every network of the first batch, a run directory that cannot be used.
    """
    began = monotonic()
    costs = dict(costs or {})
    budgets = settle_budgets(target_flops, budgets)
    reward = reward or Reward(budgets.get("mult_adds", TARGET))
    check_settings(space, objectives, budgets, costs, reward, {"trials": trials, "batch": batch, "seed": seed})
    check_picks(picks)
    integer("confirm", confirm, 0, 1000)
    problem = Problem(space, objectives, budgets)
    if max_seconds is not None:
        number("max_seconds", max_seconds, 1e-3, LONGEST)
    again = confirm * (CANDIDATES + (baseline is not None))
    deadline = None if max_seconds is None else began + max_seconds * trials / (trials + again)
    last = None if max_seconds is None else began + max_seconds
    make = make_sampler(sampler, problem) if isinstance(sampler, str) else sampler
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
        **describe_costs(costs),
    }
    config_text = yaml.safe_dump(dict(config or settings), sort_keys=False) if config or not resume else None
    executor = executor or LocalExecutor()
    with ExitStack() as stack:
        run_log = stack.enter_context(
            RunLog.open(run_dir, resume=resume, settings=settings, config=config_text, seed=seed)
        )
        if run_log.run:
            for name, text in (keep or {}).items():
                atomic.write_text(run_log.run.path / name, text)
        if isinstance(executor, AbstractContextManager):
            stack.enter_context(executor)
        log = SearchLog(run_log)
        network = remembering(space)
        study = Study(space, objectives, budgets, make, lambda point: network(point).key, seed)
        until, confirming = Until(executor, deadline), Until(executor, last)
        loop = SearchLoop(study, network, evaluator, until, costs, reward, budgets, log, seed)
        state, confirmation = "failed", None
        try:
            loop.evaluate_references(references)
            loop.restore(batch)
            if on_batch:
                reporter = Reporter(on_batch, log.trials, objectives, trials, deadline)
                loop.on_trial, loop.on_asked = reporter.after_trial, reporter.asked
            while len(log.trials) < trials and not loop.exhausted and not until.cut:
                loop.run_batch(min(batch, trials - len(study)))
                if on_batch:
                    reporter.after_batch()
            loop.require_success()
            found = _result(log, space, objectives, loop.exhausted, reward, picks) if confirm else None
            if found and "budget" in found.picks:
                few = shortlist(found.trials, found.picks["budget"], _first_cost(objectives), CANDIDATES)
                networks = candidates_of({number: space.decode(log.trials[number].point) for number in few})
                confirmation = confirm_networks(
                    log, loop.evaluator, confirming, networks, baseline,
                    seeds=confirm, seed=seed, costs=costs, on_result=on_confirmation,
                )  # fmt: skip
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            result = _result(log, space, objectives, loop.exhausted, reward, picks, confirmation)
            if until.cut or confirming.cut:
                result = dataclasses.replace(result, stopped="budget")
            if run_log.run and log.trials:
                write_outputs(run_log.run, result.trials, result.front, result.selected, study, log.trials, batch)
                write_confirmation(run_log.run, confirmation)
            run_log.finish(state)
    return result


def _result(
    log: SearchLog,
    space: SearchSpace,
    objectives: Sequence[str],
    exhausted: bool,
    reward: Reward,
    by: str,
    confirmation: Confirmation | None = None,
) -> SearchResult:
    table = trials_table(log.trials.values(), [dimension.name for dimension in space.dimensions])
    table = with_posterior(table, space) if by == "posterior" else table
    front, judged = front_table(table, objectives), believed(table, reward) if by == "posterior" else table
    picks = select(judged, front_table(judged, objectives), _first_cost(objectives))
    if confirmation and confirmation.winner and confirmation.winner.candidate.trial is not None:
        picks["budget"] = confirmation.winner.candidate.trial
    selected = {rule: space.decode(log.trials[number].point) for rule, number in picks.items()}
    path = log.log.run.path if log.log.run else None
    stopped = "space" if exhausted else "trials"
    return SearchResult(
        table, front, selected, picks, log.references, path, log.log.notice, exhausted, confirmation, stopped
    )


def _first_cost(objectives: Sequence[str]) -> str:
    return next(name for name in objectives if name != ACCURACY)
