"""The derived files of a search: tables, selected networks, the Optuna journal. Rebuilt from the ledger at will."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..models import check_cost
from ..records import atomic
from ..records.run_directory import RunDirectory
from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from .confirm import Confirmation, Confirmed
from .progress import convergence
from .study import Study
from .trial import Trial

CONFIRMATION, BASELINE = "confirm.csv", "baseline.yaml"
COUNTED = ("mult_adds", "params", "activations")  # of every network


def write_outputs(
    run: RunDirectory,
    trials: pd.DataFrame,
    front: pd.DataFrame,
    selected: Mapping[str, Architecture],
    study: Study,
    evaluated: Mapping[int, Trial],
    batch: int,
) -> None:
    """trials.csv, front.csv, convergence.csv, selected/RULE.yaml, study.journal.

    Every selected network is built and counted by torch and fvcore first; CostMismatch where they disagree with us.
    """
    course = pd.DataFrame([vars(one) for one in convergence(evaluated, study.objectives, batch)])
    course = course[["done", "failed", "best", "front", "hypervolume"]]
    for path, table in ((run.trials, trials), (run.front, front), (run.path / "convergence.csv", course)):
        atomic.write_text(path, table.to_csv(index=False, lineterminator="\n"))
    for architecture in {one.key: one for one in selected.values()}.values():
        check_cost(architecture, fvcore=True)
    run.selected.mkdir(exist_ok=True)
    for rule, architecture in selected.items():
        atomic.write_text(run.selected / f"{rule}.yaml", codec.dumps(architecture))
    with atomic.replacing(run.path / "study.journal") as path:
        study.export(path, [evaluated[number] for number in sorted(evaluated)])


def write_confirmation(run: RunDirectory, confirmation: Confirmation | None) -> None:
    """confirm.csv, a row a network, the baseline last, and baseline.yaml; without a confirmation neither is there.

    Columns: role, name, key, trial, mult_adds, params, cost_NAME for each cost of the user's own, seeds (complete for
    all networks, and not failed), accuracy (their mean, percent), accuracy_std, standard_error (of the mean, by the
    seeds), error (by the evaluations' own error too), difference (to the baseline, paired), low, high (its 95 %
    interval), floored (the interval is that of the evaluations' own error), side (in a word), chosen, failure,
    evaluated of asked (seeds with a result, and how many there were to be), and seed_N for each complete seed N.
    """
    files = run.path / CONFIRMATION, run.path / BASELINE
    if confirmation is None:
        for path in files:
            path.unlink(missing_ok=True)
        return
    table = pd.DataFrame([_confirmed(row, confirmation) for row in confirmation.rows])
    table["trial"] = table["trial"].astype("Int64")
    atomic.write_text(files[0], table.to_csv(index=False, lineterminator="\n"))
    if confirmation.baseline:
        atomic.write_text(files[1], codec.dumps(confirmation.baseline.candidate.architecture))


def _confirmed(row: Confirmed, confirmation: Confirmation) -> dict[str, object]:
    one, paired = row.candidate, row.paired
    return {
        "role": one.role,
        "name": one.architecture.name,
        "key": one.architecture.key,
        "trial": one.trial,
        "mult_adds": row.costs.get("mult_adds"),
        "params": row.costs.get("params"),
        **{f"cost_{name}": value for name, value in row.costs.items() if name not in COUNTED},
        "seeds": len(row.accuracies),
        "accuracy": row.mean,
        "accuracy_std": row.std,
        "standard_error": row.standard_error,
        "error": row.error,
        "difference": paired.mean if paired else None,
        "low": paired.low if paired else None,
        "high": paired.high if paired else None,
        "floored": bool(paired and paired.floored),
        "side": paired.side if paired else "",
        "chosen": row is confirmation.winner,
        "failure": row.failure or "",
        "evaluated": row.evaluated,
        "asked": confirmation.asked,
        **{f"seed_{seed}": row.accuracies.get(seed) for seed in confirmation.seeds},
    }
