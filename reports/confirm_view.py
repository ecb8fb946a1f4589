"""The evaluations after a search, read from its run directory, and what they say: figures first, then words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from .text import clipped

FILE, BASELINE = "confirm.csv", "baseline.yaml"
COST = "cost_"  # begins the names of the columns of other costs
EQUAL = 1e-9  # accuracies that are this close are the same number
TEXT = {"role": str, "name": str, "key": str, "side": str, "failure": str}


@dataclass(frozen=True)
class Row:
    """A network that was evaluated again.

    others: the user's own costs, such as a latency. accuracies: seed -> percent. mean, std (of one evaluation),
    standard_error (of the mean, by the seeds), error (of the mean, by the evaluations' own error too): percent, None
    where not known. difference, low, high: to the baseline, paired, and its 95 % interval. floored: that interval is of
    the evaluations' own error, as the seeds' is narrower. side: "above", "below", "not told apart", "one seed" or "".
    observed: its result in the search. evaluated: how many of the seeds asked for it has a result of.
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
    error: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)
    floored: bool = False
    evaluated: int = 0

    @property
    def varies(self) -> bool:
        """With the seed."""
        values = self.accuracies.values()
        return bool(values) and max(values) - min(values) > EQUAL

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
    """seeds: that every network has a result of. baseline: None without one; `architecture` is the baseline's. asked:
    how many seeds there were to be, 0 where that is not known.
    """

    seeds: tuple[int, ...]
    candidates: tuple[Row, ...]
    baseline: Row | None
    architecture: Architecture | None
    asked: int = 0

    @property
    def complete(self) -> bool:
        return self.asked in (0, len(self.seeds))

    @property
    def evaluations(self) -> tuple[int, int]:
        """How many there are, and of how many; a network counts once."""
        networks = {row.key: row.evaluated for row in self.rows}
        return sum(networks.values()), len(networks) * self.asked

    @property
    def unfinished(self) -> str:
        """ "confirmation unfinished: 8 of 12 evaluations", or ""."""
        done, asked = self.evaluations
        return "" if self.complete else f"confirmation unfinished: {done} of {asked} evaluations"

    def by_key(self, key: str) -> Row | None:
        """The row of a network, where it has a mean."""
        return next((row for row in self.rows if row.key == key and row.mean is not None), None)

    @property
    def others(self) -> tuple[str, ...]:
        """The names of the user's own costs, of any network."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.others))

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
        int(table["asked"].iloc[0]) if "asked" in table else 0,
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
        others={
            name.removeprefix(COST): value
            for name, given in row.items()
            if isinstance(name, str) and name.startswith(COST) and (value := _number(given)) is not None
        },
        error=_number(row.get("error", row["standard_error"])), floored=str(row.get("floored")) == "True",
        evaluated=int(row.get("evaluated", len(seeds))),
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
    if row.low is None:
        return f"not told apart from {name}: {row.difference:+.2f} {unit} with every seed, without an interval"
    if row.side == "not told apart":
        return f"not told apart from {name}: {row.difference:+.2f} {unit}, 95 % interval {interval(row)}"
    return f"{points:.2f} {unit} {row.side} {name}, 95 % interval {interval(row)}"
