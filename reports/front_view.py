"""What a figure of accuracy against FLOPs shows, as values."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .cost_axis import FLOPS, CostAxis
from .published import Quoted


@dataclass(frozen=True)
class Mark:
    """A network that is named. style: a key of SHAPES or a colour class. lines: of its label, the first in bold."""

    style: str
    lines: tuple[str, ...]
    cost: float
    accuracy: float
    std: float | None = None


@dataclass(frozen=True)
class Front:
    """Costs and accuracies from the cheapest network; stairs: no cheaper one is better, so a staircase joins them."""

    style: str
    costs: tuple[float, ...]
    accuracies: tuple[float, ...]
    stairs: bool
    label: str = ""


@dataclass(frozen=True)
class FrontView:
    """What is drawn. cloud: (cost, accuracy, within every budget) of each network; targets: of that cost, too."""

    cloud: tuple[tuple[float, float, bool], ...]
    fronts: tuple[Front, ...]
    marks: tuple[Mark, ...]
    quoted: tuple[Quoted, ...]
    targets: tuple[float, ...]
    axis: str
    title: str
    description: str
    cost: CostAxis = FLOPS

    def costs(self) -> list[float]:
        return [
            *(cost for cost, _, _ in self.cloud), *(cost for front in self.fronts for cost in front.costs),
            *(mark.cost for mark in self.marks), *(one.mult_adds for one in self.quoted), *self.targets,
        ]  # fmt: skip

    def accuracies(self) -> list[float]:
        marks = [mark.accuracy + sign * (mark.std or 0.0) for mark in self.marks for sign in (-1, 1)]
        fronts = [accuracy for front in self.fronts for accuracy in front.accuracies]
        return [*(accuracy for _, accuracy, _ in self.cloud), *fronts, *marks, *(one.top1 for one in self.quoted)]


def zoomed(view: FrontView, low: float, high: float, least: float) -> FrontView:
    """What lies between two costs and above an accuracy; without the quoted networks."""
    fronts = []
    for front in view.fronts:
        points = [one for one in zip(front.costs, front.accuracies, strict=True) if low <= one[0] <= high]
        costs, accuracies = tuple(c for c, a in points if a >= least), tuple(a for _, a in points if a >= least)
        fronts.append(replace(front, costs=costs, accuracies=accuracies))
    return replace(
        view,
        cloud=tuple(one for one in view.cloud if low <= one[0] <= high and one[1] >= least),
        fronts=tuple(fronts),
        marks=tuple(one for one in view.marks if low <= one.cost <= high and one.accuracy >= least),
        quoted=(),
        targets=tuple(one for one in view.targets if low <= one <= high),
        title=f"{view.title}, near the budget",
    )
