"""What several searches say together: whose network is the best within one budget, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..search_spaces.quantity import format_count
from .budget_marks import costs_known, over_budget
from .cost_axis import FLOPS, CostAxis, units
from .measure import Measure
from .run import Rated, Run
from .text import clipped
from .verdict import ALIKE, ONCE, difference

WORDS = {"mult_adds": "FLOPs"}


def axis_of_all(runs: Sequence[Run]) -> CostAxis:
    """The cost that all the searches are about, counted alike; the FLOPs where there is none."""
    axes = {run.axis for run in runs}
    axis = axes.pop() if len(axes) == 1 else FLOPS
    return axis if counted_alike(runs, axis.column) else FLOPS


def counted_alike(runs: Sequence[Run], name: str) -> bool:
    """Every run has this cost, in one unit and by the same table where it is read from one."""
    said = {(units(run.settings).get(name), run.settings.get(f"{name}_fingerprint")) for run in runs}
    return len(said) == 1 and all(name in run.trials for run in runs)


def other_tables(runs: Sequence[Run]) -> list[str]:
    """The costs that several of the runs have, but not by the same table."""
    names = dict.fromkeys(name for run in runs for name in units(run.settings))
    having = {name: [run for run in runs if name in units(run.settings)] for name in names}
    return [name for name, those in having.items() if not counted_alike(those, name)]


def common_budget(runs: Sequence[Run]) -> dict[str, float]:
    """Cost -> the least that any of the runs was asked for, of the costs that can be read for all of them."""
    common: dict[str, float] = {}
    for run in runs:
        for name, limit in run.settings["budgets"].items():
            if counted_alike(runs, name):
                common[name] = min(float(limit), common.get(name, math.inf))
    return common


def best_within(run: Run, budget: Mapping[str, float]) -> Rated | None:
    """The run's pick where it meets this budget, too; else the most accurate of those of its networks that do."""
    pick = run.selected.get("budget")
    if pick and not over_budget(costs_known(run, pick), budget):
        return pick
    table = run.trials
    for name, limit in budget.items():
        table = table[table[name] <= limit]
    return replace(run, trials=table).best_at(math.inf)


def finding(runs: Sequence[Run], names: Sequence[str], words: Measure, *, one_scale: bool) -> tuple[str, ...]:
    """Sentences; the first names the best. one_scale: whether the accuracies may be compared at all."""
    if not one_scale:
        return ("Their accuracies are not on one scale, so none of the networks is called the best.",)
    budget, alone = common_budget(runs), _alone(runs, names)
    if not budget and alone:
        return (f"They have no budget in common ({'; '.join(alone)}), so none of the networks is called the best.",)
    found = [
        (_called(name, run, one), one)
        for run, name in zip(runs, names, strict=True)
        for one in [best_within(run, budget)]
    ]
    rated = sorted(((one, name) for name, one in found if one), key=lambda each: -each[0].accuracy)
    limits = _limits(budget, runs)
    if not rated:
        return (f"None of the runs has a network within {limits}.",) if limits else ("None of the runs has a network.",)
    axis = axis_of_all(runs)
    (best, winner), *others = rated
    lines = [
        f"{f'Within {limits}' if limits else 'Without a budget'}, the best network is {winner}: "
        f"{_amount(best, words)} at {axis.amount(best.cost(axis))}."
    ]
    lines += [f"{name}: {_amount(one, words)}, {_behind(one, best, words)}." for one, name in others]
    lines += [f"{name} has no network within {limits or 'its budget'}." for name, one in found if not one]
    if alone:
        lines.append(f"Besides, each is held to its own budget: {'; '.join(alone)}.")
    return tuple(lines)


def _called(name: str, run: Run, one: Rated | None) -> str:
    """ "lt", "lt's trial 12" where that is not the run's own pick."""
    pick = run.selected.get("budget")
    return clipped(name) if one is None or one is pick else f"{clipped(name)}'s trial {one.trial}"


def _alone(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """ "latency ≤ 15 ms (lt)": the budgets that not all of the runs can be held to."""
    return [
        f"{_limits({limited: float(limit)}, [run])} ({clipped(name)})"
        for run, name in zip(runs, names, strict=True)
        for limited, limit in run.settings["budgets"].items()
        if not counted_alike(runs, limited)
    ]


def _limits(budget: Mapping[str, float], runs: Sequence[Run]) -> str:
    known = units(runs[0].settings)
    return " and ".join(
        f"{WORDS.get(name, clipped(name))} ≤ {format_count(limit)}{f' {known[name]}' if name in known else ''}"
        for name, limit in budget.items()
    )


def _amount(one: Rated, words: Measure) -> str:
    return words.amount(one) + (f" (mean of {one.seeds} seeds)" if one.seeds > 1 else "")


def _behind(one: Rated, best: Rated, words: Measure) -> str:
    """ "0.10 point less: within one standard deviation, so not a proven difference"."""
    between = difference(one, best)
    if words.kind == "training" and not (one.seeds and best.seeds):
        sureness = ONCE
    else:
        sureness = between.sureness() if words.unit else "a score without training says little about accuracy"
    if abs(between.points) < ALIKE:
        return "as good"
    return f"{abs(between.points):.2f} {words.points(between.points)} less: {sureness}"
