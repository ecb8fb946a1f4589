"""The last word of a search: its best networks and a baseline, evaluated again with the same fresh seeds.

The best of many single trainings is partly the luckiest. So the few best are trained anew, each with the same seeds as
the baseline, none of which the search used; the differences of each seed are compared (paired: what a seed does to both
cancels), and the network of the highest mean is handed over. That is the best of K again, which favours the luckier of
them a little; K is said wherever the result is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean, stdev

from ..evaluators.evaluation import Evaluator
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost
from ..workers.local import Executor
from .paired import Paired
from .search_log import SearchLog
from .settings import CostFunction

CANDIDATES = 3
FIRST_SEED = 1000
BASELINE = "baseline"


@dataclass(frozen=True)
class Candidate:
    """A network to confirm. role: "budget", "2nd", ... or "baseline". trial: its number in the search, None outside."""

    role: str
    architecture: Architecture
    trial: int | None = None


@dataclass(frozen=True)
class Confirmed:
    """A network's results over the seeds that are complete.

    accuracies: seed -> percent, of the seeds that did not fail. failure: of one that did. evaluation_std: one standard
    deviation of an evaluation by its own account (`Evaluation.std`), None where it gives none. evaluated: how many of
    the seeds asked for it has a result of.
    """

    candidate: Candidate
    accuracies: Mapping[int, float]
    failure: str | None
    costs: Mapping[str, float]
    paired: Paired | None = None
    evaluation_std: float | None = None
    evaluated: int = 0

    @property
    def mean(self) -> float:
        return fmean(self.accuracies.values()) if self.accuracies else math.nan

    @property
    def std(self) -> float:
        """Of one training with another seed; NaN with one seed."""
        return stdev(self.accuracies.values()) if len(self.accuracies) > 1 else math.nan

    @property
    def standard_error(self) -> float:
        """Of the mean, by the seeds alone."""
        return self.std / math.sqrt(len(self.accuracies)) if len(self.accuracies) > 1 else math.nan

    @property
    def error(self) -> float:
        """Of the mean, by the seeds and by the evaluations' own error, which seeds on the same images do not average
        out; NaN where neither is known."""
        seeds = 0.0 if math.isnan(self.standard_error) else self.standard_error
        return math.hypot(seeds, self.evaluation_std or 0.0) or math.nan


@dataclass(frozen=True)
class Confirmation:
    """rows: the candidates, the baseline last where there is one. winner: the candidate of the highest mean among
    those with the most seeds that did not fail; None where all failed.

    seeds: those that every network has a result of; all others are left out, so that everything is paired. asked: how
    many were to be.
    """

    seeds: tuple[int, ...]
    rows: tuple[Confirmed, ...]
    asked: int

    @property
    def evaluations(self) -> tuple[int, int]:
        """How many there are, and of how many; a network counts once."""
        networks = {row.candidate.architecture.key: row.evaluated for row in self.rows}
        return sum(networks.values()), len(networks) * self.asked

    @property
    def complete(self) -> bool:
        return len(self.seeds) == self.asked

    @property
    def candidates(self) -> tuple[Confirmed, ...]:
        return tuple(row for row in self.rows if row.candidate.role != BASELINE)

    @property
    def baseline(self) -> Confirmed | None:
        return next((row for row in self.rows if row.candidate.role == BASELINE), None)

    @property
    def winner(self) -> Confirmed | None:
        best = max(self.candidates, key=lambda row: (len(row.accuracies), row.mean), default=None)
        return best if best and best.accuracies else None


def fresh_seeds(seeds: int, used: int) -> tuple[int, ...]:
    """`seeds` numbers from FIRST_SEED on, without the search's own."""
    numbers = (number for number in count(FIRST_SEED) if number != used)
    return tuple(next(numbers) for _ in range(seeds))


def candidates_of(networks: Mapping[int, Architecture]) -> list[Candidate]:
    """From trial number -> network, the budget pick first; a network once."""
    found: dict[str, Candidate] = {}
    for trial, architecture in networks.items():
        place = len(found) + 1
        role = "budget" if place == 1 else f"{place}{ {2: 'nd', 3: 'rd'}.get(place, 'th') }"
        found.setdefault(architecture.key, Candidate(role, architecture, trial))
    return list(found.values())


def confirm_networks(
    log: SearchLog,
    evaluator: Evaluator,
    executor: Executor,
    candidates: Sequence[Candidate],
    baseline: Architecture | None,
    *,
    seeds: int = 3,
    seed: int = 0,
    costs: Mapping[str, CostFunction] | None = None,
    on_result: Callable[[int, int], None] | None = None,
) -> Confirmation:
    """Evaluate what the log does not have yet; every result is appended to it at once, so nothing is run twice. An
    executor that is out of time leaves some out: then only the seeds that are complete count.

    Parameters
    ----------
    seeds
        how many; each network gets the same ones. `seed`: that of the search, which is not among them.
    costs
        the user's own, for the baseline.
    on_result
        is told how many evaluations are there, and of how many, before the first and after each.
    """
    chosen = fresh_seeds(seeds, seed)
    asked = [*candidates, *([Candidate(BASELINE, baseline)] if baseline else [])]
    networks = list({one.architecture.key: one for one in asked}.values())
    tell = on_result or (lambda *_: None)
    known = sum((one.architecture.key, number) in log.confirmations for one in networks for number in chosen)
    tell(known, len(networks) * len(chosen))
    for number in chosen:
        missing = [one for one in networks if (one.architecture.key, number) not in log.confirmations]
        results = executor.run(evaluator, [one.architecture for one in missing], seed=number) if missing else ()
        for position, evaluation in results:
            one = missing[position]
            log.append_confirmation(one.architecture, one.role, number, evaluation, _costs(one, log, costs or {}))
            known += 1
            tell(known, len(networks) * len(chosen))
        log.log.sync()
    return summary(log, asked, chosen)


def summary(log: SearchLog, asked: Sequence[Candidate], seeds: tuple[int, ...]) -> Confirmation:
    """From what the log has of `seeds`."""
    whole = [seed for seed in seeds if all((one.architecture.key, seed) in log.confirmations for one in asked)]
    rows = [_confirmed(log, one, seeds, whole) for one in asked]
    baseline = next((row for row in rows if row.candidate.role == BASELINE), None)
    compared = (dataclasses.replace(row, paired=_paired(row, baseline)) for row in rows)
    return Confirmation(tuple(whole), tuple(compared), len(seeds))


def _paired(row: Confirmed, baseline: Confirmed | None) -> Paired | None:
    if baseline is None or row is baseline:
        return None
    known = baseline.accuracies
    both = [row.accuracies[seed] - known[seed] for seed in row.accuracies if seed in known]
    return Paired.of(both, math.hypot(row.evaluation_std or 0.0, baseline.evaluation_std or 0.0)) if both else None


def _confirmed(log: SearchLog, one: Candidate, seeds: Sequence[int], whole: Sequence[int]) -> Confirmed:
    """Of the seeds in `whole`."""
    entries = {seed: log.confirmations.get((one.architecture.key, seed)) for seed in seeds}
    there = [entry for entry in entries.values() if entry is not None]
    known = {seed: entry for seed, entry in entries.items() if entry is not None and seed in whole}
    accuracies = {
        seed: float(entry["evaluation"]["accuracy"])
        for seed, entry in known.items()
        if entry["evaluation"]["failure"] is None
    }
    failures = [str(entry["evaluation"]["failure"]) for seed, entry in known.items() if seed not in accuracies]
    costs: Mapping[str, float] = there[0]["costs"] if there else _costs(one, log, {})
    stds = [known[seed]["evaluation"]["std"] for seed in accuracies]
    squares = [float(std) ** 2 for std in stds if std is not None]
    own = math.sqrt(fmean(squares)) if squares else None
    return Confirmed(one, accuracies, failures[0] if failures else None, costs, None, own, len(there))


def _costs(one: Candidate, log: SearchLog, own: Mapping[str, CostFunction]) -> Mapping[str, float]:
    if one.trial is not None and one.trial in log.trials:
        return log.trials[one.trial].costs
    counted: dict[str, float] = dataclasses.asdict(cost(one.architecture))
    return counted | {name: float(function(one.architecture)) for name, function in own.items()}
