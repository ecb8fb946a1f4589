"""A search's run directory as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from ..records import ledger
from ..records.errors import UserError
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory
from ..search_spaces import catalogue, codec, loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.space import SearchSpace
from . import confirm_view
from .confirm_view import Confirmed
from .cost_axis import CostAxis, axis_of, units

RULES = ("budget", "reward", "knee")
TEXT = {"key": str, "failure": str, "fidelity": str, "source": str}


@dataclass(frozen=True)
class Rated:
    """A network and what the run knows of it. accuracy and its one-sigma std in percent; trial: None if not of it.

    expected, expected_std: what all results of the search say of it, where its picks go by that.
    seeds: fresh ones that the accuracy is the mean of, 0 where it is a single result.
    others: the costs that the run knows the units of, such as a latency.
    """

    name: str
    architecture: Architecture | None
    accuracy: float
    accuracy_std: float | None
    mult_adds: float
    params: float
    reward: float | None
    trial: int | None = None
    expected: float | None = None
    expected_std: float | None = None
    seeds: int = 0
    others: Mapping[str, float] = field(default_factory=dict)

    def cost(self, axis: CostAxis) -> float:
        return self.mult_adds if axis.is_flops else self.others.get(axis.column, math.nan)


@dataclass(frozen=True)
class Run:
    """trials, front: the tables of the run. selected: rule -> network. references: evaluated for
    comparison, without those that failed.

    settings: what the search was started with (space, evaluator, budgets, reward, sampler, batch, seed).
    fidelity: what the accuracies are of, in words.
    confirmation: the evaluations after the search; its picks, and the first reference, have their means then.
    unfinished: a confirmation that has no complete seed yet; `confirmation` is None then.
    """

    path: Path
    state: str
    settings: Mapping[str, Any]
    fidelity: str
    trials: pd.DataFrame
    front: pd.DataFrame
    selected: Mapping[str, Rated]
    references: tuple[Rated, ...]
    confirmation: Confirmed | None = None
    unfinished: Confirmed | None = None

    @property
    def axis(self) -> CostAxis:
        """The cost that accuracy is drawn against, and that sentences are about."""
        return axis_of(self.settings)

    @property
    def target(self) -> float | None:
        """The budget for that cost, if there is one."""
        budget = self.settings["budgets"].get(self.axis.column)
        return None if budget is None else float(budget)

    def best_at(self, cost: float) -> Rated | None:
        """The most accurate network of at most such a cost that is within the budgets, without its stages."""
        column = self.axis.column
        usable = self.trials[(self.trials["state"] == "complete") & self.trials["feasible"]]
        usable = usable[usable[column] <= cost]
        if not len(usable):
            return None
        row = usable.sort_values(["accuracy", column], ascending=[False, True]).iloc[0]
        return _rated(f"trial {row['number']}", None, row, self.settings)

    def space(self) -> SearchSpace | None:
        """The search space where it is one that effsearch knows by name around its default reference."""
        try:
            return loading.SPACES[self.settings["space"]]()
        except KeyError:
            return None


def load(path: Path | str) -> Run:
    """UserError where there is no finished or interrupted search."""
    directory = RunDirectory.open_existing(path)
    entries = ledger.read(directory.ledger_path)
    try:
        trials = pd.read_csv(directory.trials, dtype=TEXT)
        front = pd.read_csv(directory.front, dtype=TEXT)
        settings: dict[str, Any] = next(entry for entry in entries if entry.get("kind") == "settings")
        references = tuple(
            _reference(entry, settings) for entry in entries if entry.get("kind") == "reference" and _succeeded(entry)
        )
        for table in (trials, front):
            table[[axis_of(settings).column, *units(settings)]].astype(float)  # are there, and numbers
        picked = {rule: _selected(directory.selected / f"{rule}.yaml", rule, trials, settings) for rule in RULES}
        begun = confirm_view.load(directory.path, trials)
    except (OSError, StopIteration, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{directory.path} is no whole search: {type(error).__name__}: {error}",
            hint="resume the run to write its tables again",
        ) from error
    complete = trials[trials["state"] == "complete"]
    selected = {rule: rated for rule, rated in picked.items() if rated is not None}
    confirmation = begun if begun and begun.seeds else None
    if confirmation:
        selected, references = _with_means(confirmation, selected, references)
    return Run(
        path=directory.path,
        state=Manifest.load(directory.manifest_path).state,
        settings=settings,
        fidelity=str(complete["fidelity"].iloc[0]) if len(complete) and complete["fidelity"].notna().any() else "",
        trials=trials,
        front=front,
        selected=selected,
        references=references,
        confirmation=confirmation,
        unfinished=None if confirmation else begun,
    )


def _with_means(
    known: Confirmed, selected: dict[str, Rated], references: tuple[Rated, ...]
) -> tuple[dict[str, Rated], tuple[Rated, ...]]:
    """Each pick that was evaluated again with the mean of its fresh seeds and the error of that; the baseline,
    likewise, before the references."""
    baseline = known.baseline
    selected = {rule: _with_mean(known, rated) for rule, rated in selected.items()}
    if baseline and baseline.mean is not None and baseline.mult_adds is not None and baseline.params is not None:
        others = next((one.others for one in references if one.name == baseline.name), {})
        first = Rated(
            baseline.name, known.architecture, baseline.mean, baseline.error,
            baseline.mult_adds, baseline.params, None, seeds=len(baseline.accuracies), others=others,
        )  # fmt: skip
        references = (first, *(one for one in references if one.name != first.name))
    return selected, references


def _with_mean(known: Confirmed, rated: Rated) -> Rated:
    row = known.by_key(rated.architecture.key) if rated.architecture else None
    if row is None or row.mean is None:
        return rated
    return replace(rated, accuracy=row.mean, accuracy_std=row.error, reward=None, seeds=len(row.accuracies))


def _selected(path: Path, rule: str, trials: pd.DataFrame, settings: Mapping[str, Any]) -> Rated | None:
    if not path.exists():
        return None
    architecture = codec.load(path)
    rows = trials[trials["key"] == architecture.key]
    if not len(rows):
        raise ValueError(f"{path.name} is no network of this run")
    return _rated(rule, architecture, rows.iloc[0], settings)


def others(row: Mapping[Any, Any], settings: Mapping[str, Any]) -> dict[str, float]:
    """The costs with a unit, of a row of the tables or an entry's costs."""
    return {name: float(row[name]) for name in units(settings)}


def _rated(name: str, architecture: Architecture | None, row: pd.Series[Any], settings: Mapping[str, Any]) -> Rated:
    std = float(row["accuracy_std"])
    return Rated(
        name, architecture, float(row["accuracy"]), None if pd.isna(std) else std,
        float(row["mult_adds"]), float(row["params"]), float(row["reward"]), int(row["number"]),
        _known(row, "posterior"), _known(row, "posterior_std"), others=others(row.to_dict(), settings),
    )  # fmt: skip


def _known(row: pd.Series[Any], column: str) -> float | None:
    return float(row[column]) if column in row.index and not pd.isna(row[column]) else None


def _succeeded(entry: Mapping[str, Any]) -> bool:
    return entry["evaluation"]["failure"] is None


def _reference(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> Rated:
    name, evaluation, costs = entry["name"], entry["evaluation"], entry["costs"]
    try:
        architecture = catalogue.load(name)
    except InvalidValue:
        architecture = None
    return Rated(
        name, architecture, float(evaluation["accuracy"]), evaluation["std"],
        float(costs["mult_adds"]), float(costs["params"]), entry["reward"], others=others(costs, settings),
    )  # fmt: skip
