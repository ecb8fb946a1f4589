"""The fronts of several searches in one plane."""

from __future__ import annotations

from collections.abc import Sequence

from . import live, nas_figures
from .compare_finding import axis_of_all
from .cost_axis import CostAxis
from .front_view import Front, FrontView, Mark
from .measure import Measure, network_name
from .run import Rated, Run
from .text import clipped
from .verdict import short

Named = tuple[Run, str, str, Rated | None]  # a run, its name, its colour, its reference


def fronts_view(named: Sequence[Named], words: Measure) -> FrontView | None:
    """None where no network was rated."""
    runs = [run for run, *_ in named]
    axis, marks = axis_of_all(runs), []
    fronts = [front_in(run, style, axis) for run, _, style, _ in named]
    if not any(front.costs for front in fronts):
        return None
    for run, name, style, _ in named:
        best = run.selected.get("budget")
        if best:
            lines = (clipped(name, 28), words.amount(best), _costs(run, best, axis))
            marks.append(Mark(style, lines, best.cost(axis), best.accuracy, best.accuracy_std))
    known = {(one.name, one.accuracy): (run, one, name) for run, name, _, one in named if one}
    for run, one, name in known.values():
        title = clipped(short(network_name(one)), 20) + (f" in {clipped(name, 20)}" if len(known) > 1 else "")
        lines = (title, words.amount(one), _costs(run, one, axis))
        marks.append(Mark("reference", lines, one.cost(axis), one.accuracy, one.accuracy_std))
    budgets = (run.settings["budgets"].get(axis.column) for run in runs)
    targets = tuple(sorted({float(budget) for budget in budgets if budget is not None}))
    ends = "; ".join(f"{mark.lines[0]} {mark.lines[1]} at {mark.lines[2]}" for mark in marks)
    return FrontView(
        (), tuple(fronts), tuple(marks), (), targets, words.axis or "accuracy", "Pareto fronts", ends, axis
    )


def aside(run: Run, axis: CostAxis) -> bool:
    """Whether the search was for other objectives than those drawn, so that its own front is no line here."""
    return set(run.settings["objectives"]) != {"accuracy", axis.column}


def front_in(run: Run, style: str, axis: CostAxis) -> Front:
    """The run's front; of a search for other objectives, what is best and cheapest here of all that it tried."""
    if not aside(run, axis):
        return nas_figures.front_of(run, style, "", axis)
    usable = run.trials[(run.trials["state"] == "complete") & run.trials["feasible"]]
    table = live.front(usable, ("accuracy", axis.column))
    costs, accuracies = (tuple(map(float, table[name])) for name in (axis.column, "accuracy"))
    return Front(f"{style} aside", costs, accuracies, stairs=True)


def notes(named: Sequence[Named], axis: CostAxis) -> tuple[str, ...]:
    """For the caption: which lines are not what the search aimed at."""
    return tuple(
        f"Dotted: {clipped(name)} searched for {_joined(run)}, so its line here is read out of all networks that it "
        f"tried within its budget, and is not what it aimed at."
        for run, name, _, _ in named
        if aside(run, axis)
    )


def _joined(run: Run) -> str:
    """ "accuracy and latency"."""
    names = [
        {"mult_adds": "FLOPs", "params": "parameters"}.get(name, clipped(name)) for name in run.settings["objectives"]
    ]
    return " and ".join(names)


def _costs(run: Run, one: Rated, axis: CostAxis) -> str:
    """ "378.8M"; with what the run itself was about, where that is not drawn: "378.8M, 13.85 ms"."""
    own = run.axis
    drawn = axis.short(one.cost(axis))
    return drawn if own == axis or own.column not in one.others else f"{drawn}, {own.short(one.cost(own))}"
