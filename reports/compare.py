"""Several searches side by side: as values, and as a page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ..records.errors import UserError
from ..records.run_directory import holds_run
from . import compare_fronts, front_figure, grid_run, nas_figures, strip_figure, training_run, whole_run
from .budget_marks import costs_known, over_budget
from .compare_finding import axis_of_all, finding, other_tables
from .cost_axis import FLOPS, CostAxis, units
from .front_view import FrontView
from .live import load
from .measure import Measure, limits, measure
from .page import render
from .published import QUOTED, Quoted
from .run import RULES, Rated, Run
from .strip_figure import Strip
from .text import clipped
from .verdict import main_reference

ZOOM = 440.0  # height of the second figure in pixels
SEARCH = "nas"  # the folder of the search in a whole recipe's
COLORS = 8  # run0 .. run7 in the page's colours; more runs use them again
# What must be equal for the accuracies of two runs to be comparable, and for their searches to be.
SAME_SCALE = ("evaluator", "accuracies")
SAME_TASK = ("space", "budget", "objectives")


@dataclass(frozen=True)
class Column:
    """A run. facts: name -> words; picks: rule -> network; units: of its costs that have one.

    over: the rules whose network is over the run's budget.
    """

    name: str
    style: str
    facts: dict[str, str]
    picks: dict[str, Rated]
    reference: Rated | None
    units: dict[str, str] = field(default_factory=dict)
    over: frozenset[str] = frozenset()


@dataclass(frozen=True)
class CompareView:
    """warnings: why the runs are not comparable. front: None where no run has a rated network.

    finding: whose network is the best within a common budget, in sentences. front_notes: for the caption.
    same_reward: whether the rewards of all runs are the same formula.
    """

    columns: tuple[Column, ...]
    warnings: tuple[str, ...]
    front: FrontView | None
    zoom: FrontView | None
    strips: tuple[Strip, ...]
    quoted: tuple[Quoted, ...]
    unit: str
    cost: CostAxis = FLOPS
    finding: tuple[str, ...] = ()
    front_notes: tuple[str, ...] = ()
    same_reward: bool = False


def compare_view(runs: Sequence[Run]) -> CompareView:
    names = distinct_names([_named(run.path) for run in runs])
    columns = tuple(_column(run, name, number) for number, (run, name) in enumerate(zip(runs, names, strict=True)))
    all_words = [measure(run) for run in runs]
    words = all_words[0] if len({(one.kind, one.of) for one in all_words}) == 1 else Measure("own", "accuracy", "", "")
    named = [(run, column.name, column.style, column.reference) for run, column in zip(runs, columns, strict=True)]
    front, axis = compare_fronts.fronts_view(named, words), axis_of_all(runs)
    scales = {tuple(column.facts[fact] for fact in SAME_SCALE) for column in columns}
    rated = [one for column in columns for one in (column.picks.get("budget"), column.reference) if one]
    zoom = nas_figures.zoom_on(front, rated) if front and rated else None
    return CompareView(
        columns=columns,
        warnings=(*_warnings(columns), *_tables(runs)),
        front=nas_figures.without_numbers(front, zoom) if front else None,
        zoom=zoom,
        strips=_strips(columns, words, axis),
        quoted=QUOTED if all(run.fidelity.startswith("ImageNet") for run in runs) else (),
        unit=words.unit,
        cost=axis,
        finding=finding(runs, names, words, one_scale=len(scales) == 1),
        front_notes=compare_fronts.notes(named, axis),
        same_reward=all(run.settings["reward"] == runs[0].settings["reward"] for run in runs),
    )


def compare_page(view: CompareView) -> str:
    return render(
        "compare.html",
        view=view,
        rules=[rule for rule in RULES if any(rule in column.picks for column in view.columns)],
        front=front_figure.draw(view.front) if view.front else Markup(""),
        zoom=front_figure.draw(view.zoom, "zoom", ZOOM) if view.zoom else Markup(""),
        strips=strip_figure.draw(view.strips, "The networks found") if view.strips else Markup(""),
        colors=sorted({cell.color for strip in view.strips for cell in strip.cells} - {"plain"}),
    )


def page_of(paths: Sequence[Path | str]) -> str:
    """UserError where there are fewer than two runs, or one cannot be read."""
    return compare_page(view_of(paths))


def view_of(paths: Sequence[Path | str]) -> CompareView:
    """As for `page_of`."""
    if len(paths) < 2:
        raise UserError(f"there is {len(paths)} run to compare; give at least two", hint="effsearch compare RUN RUN")
    return compare_view([load(search_of(path)) for path in paths])


def search_of(path: Path | str) -> Path:
    """The folder of the search: `path`, or its `nas` where it is a whole recipe's. UserError for other runs."""
    path = Path(path)
    settings = training_run.settings_of(path)
    report = f"effsearch report {shlex.quote(str(path))}"
    if whole_run.is_whole(settings):
        if not holds_run(path / SEARCH):
            raise UserError(f"{path} has no search yet; compare puts searches side by side", report)
        return path / SEARCH
    if training_run.is_training(settings):
        raise UserError(f"{path} is a training; compare puts searches side by side", report)
    if grid_run.is_grid(path):
        raise UserError(f"{path} is a grid; compare puts searches side by side", report)
    return path


def _named(path: Path) -> Path:
    """The folder after which a search is called: the recipe's where it is part of one."""
    whole = path.name == SEARCH and holds_run(path.parent) and whole_run.is_whole(training_run.settings_of(path.parent))
    return path.parent if whole else path


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """The folders' names, with their parents' where two are equal, numbered where that is equal, too."""
    names = [path.name for path in paths]
    names = [
        name if names.count(name) == 1 else f"{path.parent.name}/{name}"
        for path, name in zip(paths, names, strict=True)
    ]
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _column(run: Run, name: str, number: int) -> Column:
    failed = int((run.trials["state"] == "failed").sum())
    settings: dict[str, Any] = dict(run.settings)
    reward = settings["reward"]
    facts = {
        "state": run.state,
        "evaluator": str(settings["evaluator"]),
        "accuracies": run.fidelity or "not said",
        "space": str(settings["space"]),
        "budget": limits(run),
        "objectives": ", ".join(map(str, settings["objectives"])),
        "sampler": f"{settings['sampler']}, {settings['batch']} at a time",
        "seed": str(settings["seed"]),
        "reward exponents": f"{reward['under']:g}, {reward['over']:g}",
        "networks tried": f"{len(run.trials):,}" + (f", {failed:,} failed" if failed else ""),
        "on the front": f"{len(run.front):,}",
    }
    over = {rule for rule, one in run.selected.items() if over_budget(costs_known(run, one), settings["budgets"])}
    return Column(
        name, f"run{number % COLORS}", facts, dict(run.selected), main_reference(run), units(settings), frozenset(over)
    )


def _warnings(columns: Sequence[Column]) -> tuple[str, ...]:
    lines = []
    for fact in (*SAME_SCALE, *SAME_TASK):
        values = list(dict.fromkeys(column.facts[fact] for column in columns))
        if len(values) > 1:
            why = "their accuracies are not on one scale" if fact in SAME_SCALE else "they were not asked the same"
            lines.append(f"The runs differ in {fact}, so {why}: {'; '.join(values)}.")
    open_ones = [column.name for column in columns if column.facts["state"] != "done"]
    if open_ones:
        lines.append(f"Not ended: {', '.join(open_ones)}.")
    tried = {column.facts["networks tried"] for column in columns}
    if len(tried) > 1:
        lines.append("The runs tried different numbers of networks; the longer one has the advantage.")
    return tuple(lines)


def _tables(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(
        f"The runs' values of {clipped(name)} are of different tables, so not comparable."
        for name in other_tables(runs)
    )


def _strips(columns: Sequence[Column], words: Measure, axis: CostAxis) -> tuple[Strip, ...]:
    """Every run's network for the budget; the first reference below, which differences are to."""
    found = [(column.style, column.name, column.picks["budget"]) for column in columns if "budget" in column.picks]
    reference = next((column.reference for column in columns if column.reference), None)
    return nas_figures.strips(found, reference, words, axis)
