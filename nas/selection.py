"""Which networks a search hands over: the best within the budget, the best reward, the knee of the front."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from .pareto import knee


def select(table: pd.DataFrame, front: pd.DataFrame, cost: str) -> dict[str, int]:
    """Rule -> trial number. A rule that no network satisfies is left out.

    "budget": highest accuracy within the budgets. "reward": highest reward, whatever the budgets. "knee": where the
    front turns, log(cost) against accuracy. Ties go to the cheaper network, then to the earlier trial.
    """
    picks: dict[str, int] = {}
    complete = table[table["state"] == "complete"]
    feasible = complete[complete["feasible"]]
    if len(feasible):
        picks["budget"] = _best(feasible, "accuracy", cost)
    if len(complete):
        picks["reward"] = _best(complete, "reward", cost)
    if len(front):
        row = knee(front[cost].to_numpy(dtype=float), front["accuracy"].to_numpy(dtype=float))
        picks["knee"] = int(front["number"].iloc[row])
    return picks


def _best(table: pd.DataFrame, column: str, cost: str) -> int:
    ordered = table.sort_values([column, cost, "number"], ascending=[False, True, True])
    return int(ordered["number"].iloc[0])


def within(costs: Mapping[str, float], budgets: Mapping[str, float]) -> bool:
    return all(costs[name] <= budget for name, budget in budgets.items())
