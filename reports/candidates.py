"""The networks worth a look: the picks, the reference, the best at its FLOPs, the ten best within the budget."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.space import Point, SearchSpace
from .budget_marks import costs_known, over_budget, over_words
from .cost_axis import CostAxis
from .measure import network_name
from .run import Rated, Run
from .text import clipped
from .verdict import limit_word, main_reference, short

BEST = 10
ROLES = {"budget": "best within the budget", "reward": "best reward", "knee": "knee of the front"}


@dataclass(frozen=True)
class Candidate:
    """A row. roles: why it is here. name: where it is known. genes: how many differ from the reference's.

    own_cost: what the search was about, where that is not the FLOPs.
    over: the costs in which it is over the budget; unseen: those of them that have no column here, in words.
    """

    roles: tuple[str, ...]
    name: str
    trial: int | None
    key: str
    accuracy: float
    std: float | None
    mult_adds: float
    params: float
    reward: float | None
    genes: int | None
    is_reference: bool = False
    own_cost: float | None = None
    over: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidates:
    """dimensions: of how many genes; by_chance: how many of them differ from the reference's in a random network.

    over: what the mark of a value over the budget means, "" where none is.
    """

    rows: tuple[Candidate, ...]
    dimensions: int | None
    by_chance: float | None
    reference: str
    over: str = ""


def candidates(run: Run) -> Candidates:
    """Rows in the order picks, reference, then by accuracy; a network has one row with all its roles."""
    reference = main_reference(run)
    genes = Genes.of(run, reference)
    usable = run.trials[(run.trials["state"] == "complete") & run.trials["feasible"]]
    axis = run.axis
    best = usable.sort_values(["accuracy", axis.column, "number"], ascending=[False, True, True]).head(BEST)
    roles: dict[int, list[str]] = {}
    for rule, rated in run.selected.items():
        if rated.trial is not None:
            roles.setdefault(rated.trial, []).append(ROLES[rule])
    same_cost = run.best_at(reference.cost(axis)) if reference else None
    extra = []
    if reference and same_cost and same_cost.trial is not None:
        words = f"best at ≤ {axis.short(reference.cost(axis))}, {network_name(reference)}'s {axis.noun}"
        if same_cost.trial not in roles:
            extra.append(same_cost.trial)
        roles.setdefault(same_cost.trial, []).append(words)
    for place, number in enumerate(best["number"], 1):
        if place > 1 or int(number) not in roles:
            roles.setdefault(int(number), []).append(f"{ordinal(place)} within the budget")
    rows_by_number = {
        int(row["number"]): row for _, row in run.trials[run.trials["number"].isin(list(roles))].iterrows()
    }
    picked = list(dict.fromkeys(rated.trial for rated in run.selected.values() if rated.trial is not None))
    order = list(dict.fromkeys([*extra, *(int(number) for number in best["number"])]))
    names = {rated.trial: network_name(rated) for rated in run.selected.values()}

    def row(number: int) -> Candidate:
        return _of_trial(rows_by_number[number], tuple(roles[number]), names.get(number, ""), genes, run)

    rows = [row(number) for number in picked]
    rows += [_of_reference(one, run) for one in run.references]
    rows += [row(number) for number in order if number not in picked]
    return Candidates(
        tuple(rows),
        genes.count if genes else None,
        genes.by_chance if genes else None,
        short(network_name(reference)) if reference else "",
        over_words(run) if any(one.over for one in rows) else "",
    )


def ordinal(place: int) -> str:
    return f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(place, 'th') }"  # 1 to 10


@dataclass(frozen=True)
class Genes:
    """The reference's point in the space of the run."""

    point: Point
    space: SearchSpace

    @classmethod
    def of(cls, run: Run, reference: Rated | None) -> Genes | None:
        """None where the space is not known, does not hold the reference, or does not fit the run's own networks."""
        space = run.space()
        if space is None or reference is None or reference.architecture is None:
            return None
        known = [rated for rated in run.selected.values() if rated.trial is not None and rated.architecture]
        rows = {one.trial: run.trials[run.trials["number"] == one.trial].iloc[0] for one in known}
        try:
            point = space.encode(reference.architecture)
            if known and all(_fits(space, one.architecture, rows[one.trial]) for one in known):
                return cls(point, space)
        except (InvalidValue, KeyError):
            pass
        return None

    @property
    def count(self) -> int:
        return len(self.point)

    @property
    def by_chance(self) -> float:
        return sum(1 - 1 / len(dimension.choices) for dimension in self.space.dimensions)

    def different(self, row: pd.Series[Any]) -> int:
        return sum(row[name] != choice for name, choice in self.point.items())


def _fits(space: SearchSpace, architecture: Architecture | None, row: pd.Series[Any]) -> bool:
    return architecture is not None and all(row[name] == choice for name, choice in space.encode(architecture).items())


def _of_trial(row: pd.Series[Any], roles: tuple[str, ...], name: str, genes: Genes | None, run: Run) -> Candidate:
    axis, budgets = run.axis, run.settings["budgets"]
    over = over_budget({cost: float(row[cost]) for cost in budgets if cost in row.index}, budgets)
    return Candidate(
        roles, name, int(row["number"]), str(row["key"]), float(row["accuracy"]), _or_none(row["accuracy_std"]),
        float(row["mult_adds"]), float(row["params"]), _or_none(row["reward"]),
        genes.different(row) if genes else None, own_cost=None if axis.is_flops else _or_none(row[axis.column]),
        over=over, unseen=_unseen(over, axis),
    )  # fmt: skip


def _of_reference(one: Rated, run: Run) -> Candidate:
    axis, over = run.axis, over_budget(costs_known(run, one), run.settings["budgets"])
    key = one.architecture.key if one.architecture else ""
    return Candidate(
        ("reference, rated by the same evaluator",), network_name(one), None, key, one.accuracy, one.accuracy_std,
        one.mult_adds, one.params, one.reward, None, is_reference=True,
        own_cost=None if axis.is_flops else _or_none(one.cost(axis)), over=over, unseen=_unseen(over, axis),
    )  # fmt: skip


def _unseen(over: tuple[str, ...], axis: CostAxis) -> tuple[str, ...]:
    return tuple(
        f"over {clipped(limit_word(name))}" for name in over if name not in (axis.column, "mult_adds", "params")
    )


def _or_none(value: object) -> float | None:
    number = float(str(value))
    return None if math.isnan(number) else number
