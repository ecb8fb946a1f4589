"""The settings of a search: what may be asked for, and what cannot work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ..evaluators.evaluation import Evaluator
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import integer, shown
from ..search_spaces.quantity import format_count
from ..search_spaces.space import SearchSpace
from ..search_spaces.tables import COLUMNS
from .reward import Reward
from .study import ACCURACY
from .tables import LEADING, MODELLED, TRAILING

TARGET = 400e6  # mult-adds, the paper's
RESERVED = {*LEADING, *MODELLED, *TRAILING}

CostFunction = Callable[[Architecture], float]


def describe(evaluator: Evaluator) -> str:
    """What identifies an evaluator in the ledger: its `source`, or the name of its function or class."""
    source = getattr(evaluator, "source", None)
    return str(source or getattr(evaluator, "__qualname__", type(evaluator).__qualname__))


def describe_costs(costs: Mapping[str, CostFunction]) -> dict[str, object]:
    """What the settings of a run hold of costs that have a `fingerprint` or a `unit`; nothing for others."""
    known: dict[str, object] = {
        f"{name}_fingerprint": one.fingerprint for name, one in costs.items() if hasattr(one, "fingerprint")
    }
    units = {name: one.unit for name, one in costs.items() if hasattr(one, "unit")}
    return {**known, "units": units} if units else known


def settle_budgets(target_flops: float | None, budgets: Mapping[str, float] | None) -> dict[str, float]:
    if target_flops is not None and budgets and "mult_adds" in budgets and budgets["mult_adds"] != target_flops:
        raise UserError(f"target_flops is {target_flops:g}, budgets['mult_adds'] is {budgets['mult_adds']:g}: give one")
    if target_flops is None and budgets is None:
        target_flops = TARGET
    return {**(budgets or {}), **({} if target_flops is None else {"mult_adds": float(target_flops)})}


def check_settings(
    space: SearchSpace,
    objectives: Sequence[str],
    budgets: Mapping[str, float],
    costs: Mapping[str, CostFunction],
    reward: Reward,
    numbers: Mapping[str, object],
) -> None:
    """UserError or InvalidValue for what cannot work; `numbers` are trials, batch and seed."""
    known = [*COLUMNS, *costs]
    if ACCURACY not in objectives or len(objectives) < 2 or len(set(objectives)) != len(objectives):
        raise UserError(f"objectives are {shown(list(objectives))}; they must be accuracy and at least one cost")
    for name in [*(one for one in objectives if one != ACCURACY), *budgets, reward.cost]:
        if name not in known:
            raise UserError(f"there is no cost {shown(name)}; known: {', '.join(known)}")
    for name in [*costs, *(dimension.name for dimension in space.dimensions)]:
        if name in RESERVED:
            raise UserError(f"{shown(name)} cannot name a cost or a dimension: trials.csv has a column of that name")
    for name, value in numbers.items():
        integer(name, value, 0 if name == "seed" else 1, 2**63 if name == "seed" else 10_000_000)
    for name, budget in budgets.items():
        if not (budget > 0 and math.isfinite(budget)):
            raise UserError(f"the budget for {name} is {budget:g}; it must be positive and finite")
        if space.tables is not None and name in COLUMNS and space.tables.cheapest(name) > budget:
            least = format_count(space.tables.cheapest(name))
            raise UserError(
                f"no network of {space.name} has {name} <= {format_count(budget)}; the smallest has {least}",
                hint=f"give a budget of at least {least}, or another search space",
                exit_code=1,
            )
