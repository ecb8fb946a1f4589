"""The derived files of a search: tables, selected networks, the Optuna journal. Rebuilt from the ledger at will."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..models import check_cost
from ..records import atomic
from ..records.run_directory import RunDirectory
from ..search_spaces import codec
from ..search_spaces.architecture import Architecture
from .progress import convergence
from .study import Study
from .trial import Trial


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
