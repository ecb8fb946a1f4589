"""Which networks a search hands over: the best within the budget, the best reward, the knee of the front."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..records.errors import UserError
from ..search_spaces.checks import nearest, shown
from .pareto import knee
from .reward import Reward

PICKS = ("observed", "posterior")


def check_picks(picks: str) -> None:
    if picks not in PICKS:
        raise UserError(f"picks is {shown(picks)}; allowed: {', '.join(PICKS)}", hint=nearest(picks, PICKS))


def believed(table: pd.DataFrame, reward: Reward) -> pd.DataFrame:
    """A trials table whose accuracy and reward are those that its column "posterior" expects."""
    accuracy = table["posterior"].to_numpy(dtype=float)
    return table.assign(accuracy=accuracy, reward=reward(accuracy, table[reward.cost].to_numpy(dtype=float)))


def shortlist(table: pd.DataFrame, first: int, cost: str, count: int) -> list[int]:
    """`count` trials within the budgets: `first`, then those of the highest "posterior", or accuracy without one."""
    column = "posterior" if "posterior" in table else "accuracy"
    feasible = table[(table["state"] == "complete") & table["feasible"]]
    ordered = feasible.sort_values([column, cost, "number"], ascending=[False, True, True])
    return list(dict.fromkeys([first, *(int(number) for number in ordered["number"])]))[:count]


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
