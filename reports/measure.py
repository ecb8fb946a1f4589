"""How a run's accuracies are called: percent of ImageNet, of a data set trained on, somebody's own, or a score."""

from __future__ import annotations

from dataclasses import dataclass

from ..search_spaces.quantity import format_count
from .cost_axis import units
from .run import Rated, Run
from .text import clipped

PREDICTED = " (predicted)"
PROPER = {"efficientnet-b": "EfficientNet-B", "mobilenet-v": "MobileNetV"}


@dataclass(frozen=True)
class Measure:
    """kind: "surrogate", "capacity", "training" or "own". noun: accuracy or score. unit: after a number.

    of: what the accuracy is of.
    """

    kind: str
    noun: str
    unit: str
    of: str

    def points(self, difference: float) -> str:
        """The unit of a difference."""
        plural = "s" if abs(difference) >= 1 else ""
        return f"point{plural}" if self.unit else f"score point{plural}"

    def amount(self, rated: Rated) -> str:
        """ "73.11 ± 0.36 %"."""
        return plus_minus(rated.accuracy, rated.accuracy_std) + self.unit

    @property
    def axis(self) -> str:
        return f"{self.of or self.noun}, %" if self.unit else self.of


def measure(run: Run) -> Measure:
    """From the evaluator's name and what it said its numbers are; a function of the same name is not ours."""
    evaluator, fidelity = str(run.settings["evaluator"]), run.fidelity
    if evaluator == "capacity" and "no accuracy" in fidelity:
        return Measure("capacity", "score", "", "capacity score")
    kind = "own"
    if evaluator.startswith("surrogate, ") and fidelity.endswith(PREDICTED):
        kind = "surrogate"
    elif fidelity and evaluator.startswith(f"training, {fidelity}, recipe "):
        kind = "training"
    return Measure(kind, "accuracy", " %", _said(fidelity))


def _said(fidelity: str) -> str:
    """ "ImageNet top-1, 50 epochs (predicted)" -> "predicted ImageNet top-1 (50 epochs)"."""
    before = "predicted " if fidelity.endswith(PREDICTED) else ""
    what, comma, how = clipped(fidelity.removesuffix(PREDICTED)).partition(", ")
    return f"{before}{what} ({how})" if comma else before + what


def plus_minus(value: float, std: float | None) -> str:
    return f"{value:.2f}" + (f" ± {std:.2f}" if std is not None else "")


def proper_name(name: str) -> str:
    """Published networks as their papers write them."""
    for ours, theirs in PROPER.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def network_name(rated: Rated) -> str:
    return clipped(proper_name(rated.architecture.name if rated.architecture else rated.name))


def limits(run: Run) -> str:
    """ "FLOPs ≤ 400M and params ≤ 1.9M"."""
    words, known = {"mult_adds": "FLOPs"}, units(run.settings)
    return " and ".join(
        f"{words.get(name, name)} ≤ {format_count(float(value))}{f' {known[name]}' if name in known else ''}"
        for name, value in run.settings["budgets"].items()
    )
