"""The Pareto figure: accuracy against FLOPs, or against the cost that the search is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from ..records import atomic
from ..records.errors import printable
from ..search_spaces.quantity import format_count
from .cost_axis import FLOPS, CostAxis
from .published import QUOTED, Quoted
from .run import Rated, Run

INK, MUTED, FRONT, TARGET = "#1f2430", "#8b93a3", "#2f6fdb", "#c2410c"
MARKS = {"budget": ("D", "#c2410c"), "reward": ("s", "#15803d"), "knee": ("^", "#7c3aed")}
WORDS = {"budget": "best within the budget", "reward": "best reward", "knee": "knee of the front"}


@dataclass(frozen=True)
class ParetoView:
    """What is drawn. cost and accuracy: one entry a trial; front_*: from the cheapest to the dearest."""

    cost: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    front_cost: NDArray[np.float64]
    front_accuracy: NDArray[np.float64]
    target: float | None
    picks: tuple[Rated, ...]
    references: tuple[Rated, ...]
    quoted: tuple[Quoted, ...]
    axis: str
    title: str
    cost_axis: CostAxis = FLOPS


def pareto_view(run: Run) -> ParetoView:
    """Published networks are quoted where the accuracies are of ImageNet."""
    complete = run.trials[run.trials["state"] == "complete"]
    axis = run.axis
    return ParetoView(
        cost=complete[axis.column].to_numpy(dtype=np.float64),
        accuracy=complete["accuracy"].to_numpy(dtype=np.float64),
        front_cost=run.front[axis.column].to_numpy(dtype=np.float64),
        front_accuracy=run.front["accuracy"].to_numpy(dtype=np.float64),
        target=run.target,
        picks=tuple(run.selected.values()),
        references=run.references,
        quoted=QUOTED if run.fidelity.startswith("ImageNet") and axis.is_flops else (),
        axis=printable(run.fidelity or "accuracy"),
        title=printable(
            f"{len(run.trials):,} networks of {run.settings['space']}, rated by {run.settings['evaluator']}"
        ),
        cost_axis=axis,
    )


def draw(view: ParetoView) -> Figure:
    figure = Figure(figsize=(9.5, 6.0), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    _set_axes(axes, view)
    axes.scatter(view.cost, view.accuracy, s=9, color="#c5cad6", linewidths=0, label="evaluated networks", zorder=1)
    axes.step(
        view.front_cost, view.front_accuracy, where="post", color=FRONT, linewidth=1.8, label="Pareto front", zorder=3
    )
    if view.target:
        axes.axvline(view.target, color=TARGET, linewidth=1.2, linestyle=(0, (5, 3)), zorder=2)
        target = printable(view.cost_axis.short(view.target))
        axes.annotate(
            f"target {target} ", (view.target, 0.995), xycoords=("data", "axes fraction"),
            ha="right", va="top", color=TARGET, fontsize=9,
        )  # fmt: skip
    for one in view.references:
        label = f"{printable(one.name)}, same evaluator: {_percent(one)}"
        _draw_rated(axes, one, view.cost_axis, marker="*", size=15, color=INK, label=label)
    for one in view.picks:
        marker, color = MARKS[one.name]
        label = f"{WORDS[one.name]}: {_percent(one)} at {printable(view.cost_axis.short(one.cost(view.cost_axis)))}"
        _draw_rated(axes, one, view.cost_axis, marker=marker, size=9, color=color, label=label)
    if view.quoted:
        _draw_quoted(axes, view)
    axes.set_title(view.title, loc="left", fontsize=10.5, color=INK)
    axes.legend(loc="lower right", fontsize=8.5, frameon=True, framealpha=0.95, edgecolor="#e3e6ec")
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a name may hold dollars
    return figure


def _draw_rated(axes: Axes, one: Rated, cost: CostAxis, *, marker: str, size: float, color: str, label: str) -> None:
    axes.errorbar(
        one.cost(cost), one.accuracy, yerr=one.accuracy_std, fmt=marker, markersize=size, color=color,
        markeredgecolor="white", capsize=3, linewidth=1.2, zorder=6, label=label,
    )  # fmt: skip


def _draw_quoted(axes: Axes, view: ParetoView) -> None:
    """Names stand above their points, below those under the front, on the right of those near or over the target."""
    axes.scatter(
        [one.mult_adds for one in view.quoted], [one.top1 for one in view.quoted], s=34, facecolors="none",
        edgecolors=MUTED, linewidths=1.2, zorder=4, label="quoted from papers: other, longer trainings",
    )  # fmt: skip
    for one in view.quoted:
        if one.mult_adds > 0.95 * (view.target or float("inf")):
            offset, side, height = (9, 0), "left", "center"
        elif ((view.front_cost <= one.mult_adds) & (view.front_accuracy >= one.top1)).any():
            offset, side, height = (0, -7), "center", "top"
        else:
            offset, side, height = (0, 6), "center", "bottom"
        axes.annotate(
            one.name, (one.mult_adds, one.top1), xytext=offset, textcoords="offset points", ha=side, va=height,
            fontsize=8, color=MUTED, zorder=7,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8},
        )  # fmt: skip


def write_figure(run: Run) -> tuple[Path, Path]:
    """figures/pareto.png and .svg of a run; the same run gives the same bytes."""
    folder = run.path / "figures"
    folder.mkdir(exist_ok=True)
    paths = (folder / "pareto.png", folder / "pareto.svg")
    with mpl.rc_context({"svg.hashsalt": "effsearch", "svg.fonttype": "none", "font.family": "DejaVu Sans"}):
        figure = draw(pareto_view(run))
        with atomic.replacing(paths[0]) as path:
            figure.savefig(path, dpi=150, metadata={"Software": None})
        with atomic.replacing(paths[1]) as path:
            figure.savefig(path, metadata={"Date": None})
    return paths


def _set_axes(axes: Axes, view: ParetoView) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_count(value, 3)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    costs = [*view.cost, *(one.mult_adds for one in view.quoted), *([view.target] if view.target else [])]
    if costs:
        low, high = min(costs) * 0.92, max(costs) * 1.08
        axes.set_xlim(low, high)
        steps = [10.0**power * digit for power in range(-3, 13) for digit in (1, 1.5, 2, 3, 4, 5, 6, 8)]
        axes.set_xticks([step for step in steps if low <= step <= high])
    cost = view.cost_axis
    words = "FLOPs (multiply-adds of one image)" if cost.is_flops else cost.of_one.removesuffix(", log scale")
    axes.set_xlabel(printable(words), color=INK)
    axes.set_ylabel(f"{view.axis}, %" if "%" not in view.axis else view.axis, color=INK)
    axes.grid(color="#eceef2", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _percent(one: Rated) -> str:
    return f"{one.accuracy:.2f}" + (f" ± {one.accuracy_std:.2f}" if one.accuracy_std is not None else "") + " %"
