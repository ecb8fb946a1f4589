"""Which costs of a network are over the budget of its search, and what a mark beside them means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .measure import limits
from .run import Rated, Run
from .text import clipped


def costs_known(run: Run, one: Rated) -> dict[str, float]:
    """Every cost that the run's tables have of a network, and at least its mult-adds and parameters."""
    known = {"mult_adds": one.mult_adds, "params": one.params, **one.others}
    rows = run.trials[run.trials["number"] == one.trial]
    named = {*run.settings["budgets"], *run.settings["objectives"]} - {"accuracy"}
    if one.trial is None or not len(rows):
        return known
    return {name: float(rows.iloc[0][name]) for name in sorted(named) if name in rows} | known


def over_budget(costs: Mapping[str, float], budgets: Mapping[str, Any]) -> tuple[str, ...]:
    """The costs that are over their limit."""
    return tuple(name for name, limit in budgets.items() if name in costs and costs[name] > float(limit))


def over_words(run: Run) -> str:
    """ "over the budget (FLOPs ≤ 200M). The best reward may be: it weighs accuracy against FLOPs"."""
    words, pick = f"over the budget ({limits(run)})", run.selected.get("reward")
    if pick is None or not over_budget(costs_known(run, pick), run.settings["budgets"]):
        return words
    cost = str(run.settings["reward"].get("cost", "mult_adds"))
    weighed = {"mult_adds": "FLOPs", "params": "parameters"}.get(cost, clipped(cost))
    return f"{words}. The best reward may be: it weighs accuracy against {weighed}"
