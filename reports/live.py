"""A search that has no tables yet, read from its ledger alone: one that is still running, or was killed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..records import ledger
from ..records.errors import UserError
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory
from ..search_spaces import catalogue, loading
from ..search_spaces.checks import InvalidValue
from . import run as finished
from .cost_axis import axis_of, units
from .run import Rated, Run

Entry = Mapping[str, Any]


def load(path: Path | str) -> Run:
    """The run as `run.load` gives it; from the ledger where its tables were not written yet."""
    directory = RunDirectory.open_existing(path)
    if directory.trials.exists():
        return finished.load(path)
    return _from_entries(directory, ledger.read(directory.ledger_path))


def _from_entries(directory: RunDirectory, entries: Sequence[Entry]) -> Run:
    try:
        settings = next(entry for entry in entries if entry.get("kind") == "settings")
        done = sorted((entry for entry in entries if entry.get("kind") == "trial"), key=lambda entry: entry["number"])
        trials = pd.DataFrame([_row(entry) for entry in done])
        if done:
            trials[[axis_of(settings).column, *units(settings)]].astype(float)  # are there, and numbers
        references = [_reference(entry, settings) for entry in entries if entry.get("kind") == "reference"]
    except (StopIteration, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{directory.ledger_path} is no ledger of a search: {type(error).__name__}: {error}") from error
    if not done:
        raise UserError(f"{directory.path} has no evaluated network yet", hint="wait for its first batch")
    complete = trials[trials["state"] == "complete"]
    return Run(
        path=directory.path,
        state=Manifest.load(directory.manifest_path).state,
        settings=settings,
        fidelity=str(complete["fidelity"].iloc[0]) if len(complete) else "",
        trials=trials,
        front=front(complete[complete["feasible"]], settings["objectives"]),
        selected=_selected(trials, {entry["number"]: entry["point"] for entry in done}, settings),
        references=tuple(one for one in references if one is not None),
    )


def front(table: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    """The rows that no other row beats in all objectives, the cheapest first."""
    costs = [name for name in objectives if name != "accuracy"]
    ordered = table.assign(loss=-table["accuracy"]).sort_values([costs[0], "loss", "number"])
    values = ordered[[*costs, "loss"]].to_numpy(dtype=np.float64)
    kept: list[int] = []
    for number, row in enumerate(values):
        if not (values[kept] <= row).all(axis=1).any():
            kept.append(number)
    return ordered.iloc[kept].drop(columns="loss").reset_index(drop=True)


def _row(entry: Entry) -> dict[str, Any]:
    evaluation = entry["evaluation"]
    failed = evaluation["failure"] is not None
    return {
        "number": int(entry["number"]),
        "state": "failed" if failed else "complete",
        "accuracy": math.nan if failed else float(evaluation["accuracy"]),
        "accuracy_std": math.nan if evaluation["std"] is None else float(evaluation["std"]),
        **entry["costs"],
        "reward": math.nan if entry["reward"] is None else float(entry["reward"]),
        "feasible": bool(entry["feasible"]),
        "fidelity": evaluation["fidelity"],
        "failure": evaluation["failure"] or "",
        "key": entry["key"],
        **entry["point"],
    }


def _reference(entry: Entry, settings: Entry) -> Rated | None:
    evaluation, costs = entry["evaluation"], entry["costs"]
    if evaluation["accuracy"] is None:
        return None
    try:
        architecture = catalogue.load(entry["name"])
    except InvalidValue:
        architecture = None
    return Rated(
        entry["name"], architecture, float(evaluation["accuracy"]), evaluation["std"],
        float(costs["mult_adds"]), float(costs["params"]), entry["reward"],
        others=finished.others(costs, settings),
    )  # fmt: skip


def _selected(trials: pd.DataFrame, points: Mapping[int, Any], settings: Entry) -> dict[str, Rated]:
    """The best within the budget and the best reward so far; with their stages where the space is known by name."""
    complete = trials[trials["state"] == "complete"]
    picks = {}
    for rule, table, column in (("budget", complete[complete["feasible"]], "accuracy"), ("reward", complete, "reward")):
        if len(table):
            row = table.sort_values([column, "mult_adds", "number"], ascending=[False, True, True]).iloc[0]
            picks[rule] = _rated(rule, row, points[int(row["number"])], settings)
    return picks


def _rated(rule: str, row: pd.Series[Any], point: Any, settings: Entry) -> Rated:
    std, architecture, space = float(row["accuracy_std"]), None, str(settings["space"])
    if space in loading.SPACES:
        try:
            decoded = loading.SPACES[space]().decode(point)
            architecture = decoded if decoded.key == row["key"] else None
        except InvalidValue:
            architecture = None
    return Rated(
        rule, architecture, float(row["accuracy"]), None if math.isnan(std) else std, float(row["mult_adds"]),
        float(row["params"]), float(row["reward"]), int(row["number"]),
        others=finished.others(row.to_dict(), settings),
    )  # fmt: skip
