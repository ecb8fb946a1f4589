"""A study's run directory (`effsearch grid --design simplex`) as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..records import ledger
from ..records.errors import UserError
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory
from ..search_spaces.checks import choice, number
from . import study_files
from .next_steps import spoken_path
from .study_document import parse_result
from .study_result import StudyResult
from .text import clipped

FILES = ("runs.csv", "grid.csv", "surface.csv", "coefficients.json", "family/family.csv")
UNREADABLE = (OSError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
LONGEST = 300  # characters of what is wrong


@dataclass(frozen=True)
class StudyRun:
    """trainings: runs.csv. networks: grid.csv, a row a network. surface: surface.csv, in steps of 1/parts of what is
    shared. family: family.csv. result: coefficients.json. settings: what the study was started with.
    """

    path: Path
    state: str
    settings: Mapping[str, Any]
    trainings: pd.DataFrame
    networks: pd.DataFrame
    surface: pd.DataFrame
    parts: int
    family: pd.DataFrame
    result: StudyResult

    @property
    def complete(self) -> pd.DataFrame:
        """The trainings that did not fail."""
        return self.trainings[self.trainings["state"] == "complete"]

    @property
    def inside(self) -> pd.DataFrame:
        """The rows of the surface that may be the best."""
        return self.surface[self.surface["in_set"]]


def is_study(settings: Mapping[str, Any]) -> bool:
    """Whether a run is a study, by the settings in its ledger."""
    return "study" in settings


def load(path: Path | str) -> StudyRun:
    """UserError where there is no finished study."""
    directory = RunDirectory.open_existing(path)
    entries = ledger.read(directory.ledger_path)
    state = Manifest.load(directory.manifest_path).state
    if not all((directory.path / name).is_file() for name in FILES):
        raise _unfinished(directory.path, state, sum(entry.get("kind") == "run" for entry in entries))
    settings = next((entry for entry in entries if entry.get("kind") == "settings"), {})
    try:
        return _whole(directory.path, state, settings)
    except UNREADABLE as error:
        raise UserError(
            f"{directory.path} is no whole study: {clipped(f'{type(error).__name__}: {error}', LONGEST)}",
            hint=f"write its tables again with: effsearch grid --resume --out {spoken_path(directory.path)}",
        ) from error


def _whole(path: Path, state: str, settings: Mapping[str, Any]) -> StudyRun:
    choice("study", settings["study"], ("simplex",))
    number("factor", settings["factor"], 1.0, 100)
    number("phi", settings["phi"], 0.0, 20)
    result = parse_result(path / "coefficients.json")
    networks = study_files.networks(path / "grid.csv")
    surface, parts = study_files.surface(path / "surface.csv", tuple(result.fixed))
    trainings = study_files.trainings(
        path / "runs.csv", dict(zip(networks["point"], networks["runs"], strict=True)), result.response
    )
    return StudyRun(
        path, state, settings, trainings, networks, surface, parts, study_files.family(path / "family" / "family.csv"),
        result,
    )  # fmt: skip


def _unfinished(path: Path, state: str, trained: int) -> UserError:
    go_on = f"effsearch grid --resume --out {spoken_path(path)}"
    running = state == "running"
    words = {"done": "ended before it wrote them", "running": "is still running, or was killed"}
    return UserError(
        f"{path} has no tables to report yet: the study {words.get(state, f'was {state}')}, with {trained:,} trainings "
        f"in its ledger",
        hint=f"wait until it ends; if it was killed, continue it with: {go_on}"
        if running
        else f"continue it with: {go_on}",
    )
