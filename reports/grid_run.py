"""A grid's run directory as plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ..records import ledger
from ..records.errors import UserError
from ..records.manifest import Manifest
from ..records.run_directory import RunDirectory
from .next_steps import spoken_path

LAW = "scaling law, "  # before the law's name, in what rated a grid
TEXT = {"network": str, "source": str, "failure": str}
TRIPLE = ["alpha", "beta", "gamma"]
SHARES = ["share_depth", "share_width", "share_resolution"]
NUMBERS = [*TRIPLE, *SHARES, "product", "phi_star", "params", "mult_adds", "flops_ratio"]
MEMBER = ["phi", "resolution", "blocks", "params", "mult_adds", "flops_ratio"]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class GridRun:
    """table: grid.csv, best first, failures last. surface: surface.csv, None for an evaluator. family: family.csv.

    settings: what the grid was started with (points, phi, step, tolerance, factor, seed). document: coefficients.json.
    chosen, published: their places in the table.
    """

    path: Path
    state: str
    settings: Mapping[str, Any]
    table: pd.DataFrame
    surface: pd.DataFrame | None
    family: pd.DataFrame
    document: Mapping[str, Any]
    chosen: int
    published: int

    @property
    def law(self) -> str | None:
        """The name of the law that rated the grid; None where an evaluator did."""
        rated_by = str(self.settings["points"])
        return rated_by.removeprefix(LAW) if self.surface is not None and rated_by.startswith(LAW) else None

    @property
    def is_score(self) -> bool:
        """Whether the "errors" are 100 minus a score that is no accuracy."""
        return self.law is None and self.settings["points"] == self.document["evaluator"] == "capacity"

    @property
    def inside(self) -> pd.DataFrame:
        """The confidence set."""
        return self.table[self.table["in_set"]]

    @property
    def rated(self) -> pd.DataFrame:
        """The triples that did not fail."""
        return self.table[self.table["error"].notna()]

    def triple(self, place: int) -> Triple:
        alpha, beta, gamma = (float(self.table[name].iloc[place]) for name in TRIPLE)
        return alpha, beta, gamma


def is_grid(path: Path | str) -> bool:
    """Whether the run at `path` is a grid, by the settings in its ledger. UserError where there is no run."""
    settings = _settings(ledger.read(RunDirectory.open_existing(path).ledger_path))
    return "points" in settings and "space" not in settings


def load(path: Path | str) -> GridRun:
    """UserError where there is no finished grid."""
    directory = RunDirectory.open_existing(path)
    entries = ledger.read(directory.ledger_path)
    state = Manifest.load(directory.manifest_path).state
    if not all((directory.path / name).is_file() for name in ("grid.csv", "coefficients.json", "family/family.csv")):
        raise _unfinished(directory.path, state, sum(entry.get("kind") == "point" for entry in entries))
    try:
        return _whole(directory.path, state, _settings(entries))
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{directory.path} is no whole grid: {type(error).__name__}: {error}",
            hint="resume the run to write its tables again",
        ) from error


def _whole(path: Path, state: str, settings: Mapping[str, Any]) -> GridRun:
    table = pd.read_csv(path / "grid.csv", dtype=TEXT).fillna({"failure": ""})
    table = table.astype({**dict.fromkeys(NUMBERS, "float64"), "in_set": bool, "published": bool})
    document: dict[str, Any] = json.loads((path / "coefficients.json").read_text(encoding="utf-8"))
    family = pd.read_csv(path / "family" / "family.csv", dtype={"name": str})
    family = family.astype(dict.fromkeys(MEMBER, "float64"))
    for name in ("phi", "step", "tolerance", "factor"):
        float(settings[name])
    for one in document["alternatives"]:
        _ = find(table, tuple(map(float, one["best"]))), float(one["published_loss"]), one["chosen_loss"], one["law"]
    run = GridRun(
        path, state, settings, table, _surface(path / "surface.csv"), family, document,
        find(table, tuple(float(document[name]) for name in TRIPLE)), int(table.index[table["published"]][0]),
    )  # fmt: skip
    _ = document["base"], document["base_key"], document["evaluator"], run.law
    return run


def find(table: pd.DataFrame, triple: tuple[float, ...]) -> int:
    """The place of a triple in a grid's table. LookupError where it is not there."""
    near = (table[TRIPLE] - list(triple)).abs().max(axis=1) < 1e-6
    if not near.any():
        raise LookupError(f"there is no triple {triple}")
    return int(near.to_numpy().argmax())


def _surface(path: Path) -> pd.DataFrame | None:
    return pd.read_csv(path)[[*SHARES, "loss"]].astype("float64") if path.is_file() else None


def _settings(entries: list[dict[str, object]]) -> Mapping[str, Any]:
    return next((entry for entry in entries if entry.get("kind") == "settings"), {})


def _unfinished(path: Path, state: str, rated: int) -> UserError:
    go_on = f"effsearch grid --resume --out {spoken_path(path)}"
    hint = f"wait until it ends; if it was killed, continue it with: {go_on}" if state == "running" else go_on
    words = {"done": "ended before it wrote them", "running": "is still running, or was killed"}
    return UserError(
        f"{path} has no tables to report yet: the grid {words.get(state, f'was {state}')}, with {rated:,} triples "
        f"in its ledger",
        hint=hint if state == "running" else f"continue it with: {hint}",
    )
