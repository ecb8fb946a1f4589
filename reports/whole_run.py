"""The run directory of the whole recipe (`effsearch run`): its steps, as far as they are done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..records import ledger
from ..records.errors import UserError
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory, holds_run
from . import grid_run, live, training_run
from .grid_run import GridRun
from .run import Run
from .training_run import TrainingRun, settings_of

STEPS = ("nas", "grid", "family", "train")


@dataclass(frozen=True)
class WholeRun:
    """done: the steps that ended. search, grid, training, family: None where that step has nothing to show yet."""

    path: Path
    state: str
    settings: Mapping[str, Any]
    done: tuple[str, ...]
    search: Run | None
    grid: GridRun | None
    family: pd.DataFrame | None
    training: TrainingRun | None


def is_whole(settings: Mapping[str, Any]) -> bool:
    return settings.get("command") == "run"


def load(path: Path | str) -> WholeRun:
    """UserError where there is no run, or a step's files cannot be read."""
    directory = RunDirectory.open_existing(path)
    entries = ledger.read(directory.ledger_path)
    done = tuple(str(entry["name"]) for entry in entries if entry.get("kind") == "step" and "name" in entry)
    here = directory.path
    return WholeRun(
        path=here,
        state=Manifest.load(directory.manifest_path).state,
        settings=settings_of(path),
        done=done,
        search=live.load(here / "nas") if holds_run(here / "nas") and _evaluated(here / "nas") else None,
        grid=grid_run.load(here / "grid") if "grid" in done else None,
        family=_family(here / "family" / "family.csv") if "family" in done else None,
        training=training_run.load(here / "train") if "train" in done else None,
    )


def _evaluated(path: Path) -> bool:
    return any(entry.get("kind") == "trial" for entry in ledger.read(path / "ledger.jsonl"))


def _family(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"name": str})
        return table.astype(dict.fromkeys(grid_run.MEMBER, "float64"))
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} is no family: {type(error).__name__}: {error}") from error
