"""Trials as pandas tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ..search_spaces.space import Indices, SearchSpace
from .features import Encoder
from .pareto import non_dominated
from .posterior import fit
from .study import ACCURACY
from .trial import Trial

LEADING = (
    "number", "state", "accuracy", "accuracy_std", "mult_adds", "params", "activations", "reward", "feasible",
)  # fmt: skip
MODELLED = ("posterior", "posterior_std")  # beside the accuracy where the picks go by a model, see `with_posterior`
TRAILING = ("loss", "fidelity", "seed", "seconds", "source", "failure", "key")


def trials_table(trials: Iterable[Trial], dimensions: Sequence[str]) -> pd.DataFrame:
    """One row a trial, by number: LEADING columns, the user's costs, TRAILING columns, the space's dimensions.

    state is "complete" or "failed"; accuracy in percent; feasible: within every budget.
    """
    rows = [_row(trial) for trial in trials]
    extra = sorted({name for row in rows for name in row} - {*LEADING, *TRAILING, *dimensions})
    table = pd.DataFrame(rows, columns=[*LEADING, *extra, *TRAILING, *dimensions])
    return table.sort_values("number", ignore_index=True)


def with_posterior(table: pd.DataFrame, space: SearchSpace) -> pd.DataFrame:
    """A trials table with MODELLED, in percent: what all its results say of the accuracy of each network."""
    complete = table[table["state"] == "complete"]
    values = np.full((len(table), len(MODELLED)), math.nan)
    if len(complete):
        indices = positions(complete, space)
        accuracy, std = (complete[name].to_numpy(dtype=np.float64) for name in ("accuracy", "accuracy_std"))
        belief = fit(Encoder(space)(indices), accuracy, std).of_known()
        values[complete.index] = np.column_stack([belief.mean, belief.std])
    wider, at = table.copy(), list(table.columns).index("accuracy_std") + 1
    for number, name in enumerate(MODELLED):
        wider.insert(at + number, name, values[:, number])
    return wider


def positions(table: pd.DataFrame, space: SearchSpace) -> Indices:
    """Choice positions of the points of a trials table, (rows, dimensions)."""
    names = [dimension.name for dimension in space.dimensions]
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return space.indices(dict(zip(names, row, strict=True)) for row in rows)


def front_table(table: pd.DataFrame, objectives: Sequence[str]) -> pd.DataFrame:
    """The rows of a trials table within the budgets that no other such row beats, cheapest first."""
    usable = table[(table["state"] == "complete") & table["feasible"]]
    front = usable[non_dominated(minimised(usable, objectives))]
    costs = [name for name in objectives if name != ACCURACY]
    front = front.drop_duplicates(subset=list(objectives))
    return front.sort_values([*costs, "number"], ignore_index=True)


def minimised(table: pd.DataFrame, objectives: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The objectives as columns to be minimised: accuracy is negated."""
    columns = [-table[name] if name == ACCURACY else table[name] for name in objectives]
    return np.column_stack([column.to_numpy(dtype=np.float64) for column in columns])


def _row(trial: Trial) -> dict[str, object]:
    evaluation = trial.evaluation
    return {
        "number": trial.number,
        "state": "complete" if trial.succeeded else "failed",
        "accuracy": evaluation.accuracy,
        "accuracy_std": math.nan if evaluation.std is None else evaluation.std,
        **{name: int(value) if float(value).is_integer() else value for name, value in trial.costs.items()},
        "reward": math.nan if trial.reward is None else trial.reward,
        "feasible": trial.feasible,
        "loss": math.nan if evaluation.loss is None else evaluation.loss,
        "fidelity": evaluation.fidelity,
        "seed": evaluation.seed,
        "seconds": evaluation.seconds,
        "source": evaluation.source,
        "failure": evaluation.failure or "",
        "key": trial.key,
        **trial.point,
    }
