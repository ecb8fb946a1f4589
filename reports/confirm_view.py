"""The evaluations after a search, read from its run directory, and what they say: figures first, then words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from .text import clipped

FILE, BASELINE = "confirm.csv", "baseline.yaml"
TEXT = {"role": str, "name": str, "key": str, "side": str, "failure": str}


@dataclass(frozen=True)
class Row:
    """A network that was evaluated again.

    accuracies: seed -> percent. mean, std (of one evaluation), standard_error (of the mean): percent, None where not
    known. difference, low, high: to the baseline, paired, and its 95 % interval. side: "above", "below", "not told
    apart", "one seed" or "". observed: its result in the search.
    """

    role: str
    name: str
    key: str
    trial: int | None
    mult_adds: float | None
    params: float | None
    accuracies: Mapping[int, float]
    mean: float | None
    std: float | None
    standard_error: float | None
    difference: float | None
    low: float | None
    high: float | None
    side: str
    chosen: bool
    failure: str
    observed: float | None = None

    @property
    def words(self) -> str:
        """What it is: "found", "found, 2nd of the search", "the search's pick", "3rd of the search", "baseline"."""
        if self.role == "baseline":
            return self.role
        place = "" if self.role == "budget" else f"{self.role} of the search"
        if self.chosen:
            return ", ".join(word for word in ("found", place) if word)
        return place or "the search's pick"


@dataclass(frozen=True)
class Confirmed:
    """seeds: that every network was given. baseline: None without one; `architecture` is the baseline's."""

    seeds: tuple[int, ...]
    candidates: tuple[Row, ...]
    baseline: Row | None
    architecture: Architecture | None

    @property
    def chosen(self) -> Row | None:
        return next((row for row in self.candidates if row.chosen), None)

    @property
    def rows(self) -> tuple[Row, ...]:
        return (*self.candidates, *([self.baseline] if self.baseline else []))


def load(folder: Path, trials: pd.DataFrame) -> Confirmed | None:
    """None where the run has no confirmation. OSError, KeyError or ValueError where it cannot be read."""
    if not (folder / FILE).exists():
        return None
    table = pd.read_csv(folder / FILE, dtype=TEXT, keep_default_na=True)
    seeds = tuple(int(name.removeprefix("seed_")) for name in table.columns if name.startswith("seed_"))
    observed = dict(zip(trials["number"], trials["accuracy"], strict=True))
    rows = [_row(row, seeds, observed) for row in table.to_dict("records")]
    path = folder / BASELINE
    return Confirmed(
        seeds,
        tuple(row for row in rows if row.role != "baseline"),
        next((row for row in rows if row.role == "baseline"), None),
        codec.load(path) if path.exists() else None,
    )


def _row(row: Mapping[Hashable, Any], seeds: tuple[int, ...], observed: Mapping[int, float]) -> Row:
    trial = _number(row["trial"])
    accuracies = {seed: _number(row[f"seed_{seed}"]) for seed in seeds}
    return Row(
        role=_text(row["role"]), name=_text(row["name"]), key=_text(row["key"]),
        trial=None if trial is None else int(trial),
        mult_adds=_number(row["mult_adds"]), params=_number(row["params"]),
        accuracies={seed: value for seed, value in accuracies.items() if value is not None},
        mean=_number(row["accuracy"]), std=_number(row["accuracy_std"]), standard_error=_number(row["standard_error"]),
        difference=_number(row["difference"]), low=_number(row["low"]), high=_number(row["high"]),
        side=_text(row["side"]), chosen=str(row["chosen"]) == "True", failure=_text(row["failure"]),
        observed=None if trial is None else _number(observed.get(int(trial))),
    )  # fmt: skip


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def interval(row: Row) -> str:
    """ "+0.10 to +0.92"; "" where there is none."""
    return "" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"


def standing(row: Row, baseline: str, unit: str) -> str:
    """ "0.51 point above EfficientNet-B0, 95 % interval +0.10 to +0.92"."""
    if row.difference is None:
        return ""
    points, name = abs(row.difference), clipped(baseline)
    if row.side == "one seed":
        return f"{row.difference:+.2f} {unit} against {name} with one seed, which says little"
    if row.side == "not told apart":
        return f"not told apart from {name}: {row.difference:+.2f} {unit}, 95 % interval {interval(row)}"
    return f"{points:.2f} {unit} {row.side} {name}, 95 % interval {interval(row)}"
