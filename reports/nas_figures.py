"""The figures of a search as values: what the front, the strips, the intervals and the course show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ..search_spaces.quantity import format_count
from . import strip_figure
from .candidates import ROLES
from .certainty_figure import Interval
from .cost_axis import FLOPS, CostAxis
from .course_figure import Course
from .front_view import Front, FrontView, Mark, zoomed
from .measure import Measure, network_name
from .published import QUOTED
from .run import RULES, Rated, Run
from .strip_figure import Strip
from .text import clipped
from .verdict import short

FEWEST = 10  # networks that make a second figure worth its place


def front_view(run: Run, words: Measure) -> FrontView | None:
    """None where no network was rated. Published networks are quoted where the accuracies are of ImageNet."""
    complete = run.trials[run.trials["state"] == "complete"]
    if not len(complete):
        return None
    axis = run.axis
    rows = zip(complete[axis.column], complete["accuracy"], complete["feasible"], strict=True)
    marks = [*_picks(run, words), *(_reference_mark(one, words, axis) for one in run.references)]
    best = run.selected.get("budget")
    return FrontView(
        cloud=tuple((float(cost), float(accuracy), bool(within)) for cost, accuracy, within in rows),
        fronts=(front_of(run, "", "Pareto front", axis),),
        marks=tuple(marks),
        quoted=QUOTED if run.fidelity.startswith("ImageNet") and axis.is_flops else (),
        targets=() if run.target is None else (run.target,),
        axis=words.axis,
        title=f"{words.axis} against {axis.noun} of {len(complete):,} networks",
        description=f"{len(run.front):,} networks on the Pareto front"
        + (f"; best within the budget {words.amount(best)} at {axis.short(best.cost(axis))}" if best else ""),
        cost=axis,
    )


def zoom_view(view: FrontView | None, best: Rated | None, reference: Rated | None) -> FrontView | None:
    """Around the best network and its reference; None where that is nearly all there is to see."""
    if view is None or best is None:
        return None
    zoom = zoom_on(view, [best, *([reference] if reference else [])])
    return zoom if FEWEST <= len(zoom.cloud) < 0.8 * len(view.cloud) else None


def zoom_on(view: FrontView, rated: Sequence[Rated]) -> FrontView:
    """From somewhat cheaper than the networks to the targets, from four deviations below them upwards."""
    costs, heights = [*(one.cost(view.cost) for one in rated), *view.targets], view.accuracies()
    depth = max(*(4 * (one.accuracy_std or 0.0) for one in rated), 0.1 * (max(heights) - min(heights)))
    return zoomed(view, 0.72 * min(costs), 1.06 * max(costs), min(one.accuracy for one in rated) - depth)


def without_numbers(view: FrontView, zoom: FrontView | None) -> FrontView:
    """What a second figure shows with its numbers has its name alone in the first."""
    if zoom is None:
        return view
    marks = tuple(replace(mark, lines=mark.lines[:1]) if mark in zoom.marks else mark for mark in view.marks)
    return replace(view, marks=marks)


def front_of(run: Run, style: str, label: str, axis: CostAxis = FLOPS) -> Front:
    """Stairs where the search had no other objectives than those drawn."""
    ordered = run.front.sort_values([axis.column, "accuracy"])
    stairs = set(run.settings["objectives"]) == {"accuracy", axis.column}
    return Front(
        style, tuple(map(float, ordered[axis.column])), tuple(map(float, ordered["accuracy"])), stairs,
        label if stairs and len(ordered) > 1 else "",
    )  # fmt: skip


def strips(
    found: list[tuple[str, str, Rated]], reference: Rated | None, words: Measure, axis: CostAxis = FLOPS
) -> tuple[Strip, ...]:
    """(style, what it is, network) one above the other, the reference below; differences are to the reference."""
    base = reference.architecture if reference else None
    rows = [(style, f"{what}: {network_name(one)}", one, base) for style, what, one in found]
    if reference and found:
        rows.append(("reference", network_name(reference), reference, None))
    return tuple(
        Strip(name, _numbers(one, words, axis), strip_figure.cells(one.architecture, compared), style)
        for style, name, one, compared in rows
        if one.architecture is not None
    )


def _numbers(one: Rated, words: Measure, axis: CostAxis) -> str:
    costs = f"{format_count(one.mult_adds)} FLOPs, {format_count(one.params, 3)} parameters"
    own = "" if axis.is_flops else f"{axis.amount(one.cost(axis))}, "
    return f"{words.amount(one)}, {own}{costs}"


def _picks(run: Run, words: Measure) -> list[Mark]:
    """One mark a network, with all the rules that it was picked by."""
    axis, rules = run.axis, dict[int | None, list[str]]()
    for rule in RULES:
        if rule in run.selected:
            rules.setdefault(run.selected[rule].trial, []).append(rule)
    marks = []
    for together in rules.values():
        one = run.selected[together[0]]
        cost = one.cost(axis)
        lines = (", ".join(ROLES[rule] for rule in together), words.amount(one), axis.short(cost))
        marks.append(Mark(together[0], lines, cost, one.accuracy, one.accuracy_std))
    return marks


def _reference_mark(one: Rated, words: Measure, axis: CostAxis) -> Mark:
    cost = one.cost(axis)
    lines = (f"{clipped(short(network_name(one)), 20)}, rated here", words.amount(one), axis.short(cost))
    return Mark("reference", lines, cost, one.accuracy, one.accuracy_std)


def intervals(best: Rated | None, reference: Rated | None, words: Measure) -> tuple[Interval, ...]:
    pair = [("budget", "found", best), ("reference", "", reference)]
    rows = [
        Interval(style, what or network_name(one), words.amount(one), one.accuracy, one.accuracy_std)
        for style, what, one in pair
        if one is not None and one.accuracy_std
    ]
    return tuple(rows) if len(rows) == 2 else ()


def courses(run: Run, reference: Rated | None, words: Measure) -> tuple[Course, ...]:
    """From convergence.csv; nothing where that is missing or no network met the budgets."""
    try:
        table = pd.read_csv(run.path / "convergence.csv")[["done", "best", "hypervolume"]].dropna()
    except (OSError, ValueError, KeyError):
        return ()
    if not len(table):
        return ()
    done = [int(value) for value in table["done"]]
    level, name = (None, "")
    if reference and _within(run, reference):
        level, name = reference.accuracy, f"{clipped(short(network_name(reference)), 24)}: {words.amount(reference)}"
    best = tuple(zip(done, map(float, table["best"]), strict=True))
    volume = tuple(zip(done, map(float, table["hypervolume"]), strict=True))
    return (
        Course("best", f"Best {words.noun} within the budget", words.axis, best, level, name),
        Course("volume", "Hypervolume of the front", "hypervolume, part of the box", volume, decimals=4),
    )


def _within(run: Run, reference: Rated) -> bool:
    """A reference over the budget is no level to reach."""
    costs = {"mult_adds": reference.mult_adds, "params": reference.params, **reference.others}
    return all(costs[name] <= float(limit) for name, limit in run.settings["budgets"].items() if name in costs)
