"""A training's run directory as plain values."""

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

EPOCH = ["epoch", "learning_rate", "train_loss", "accuracy", "loss", "images_per_second"]


@dataclass(frozen=True)
class TrainingRun:
    """metrics: metrics.json. epochs: epochs.csv. confusion: true classes (rows) against predicted ones (columns)."""

    path: Path
    state: str
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    epochs: pd.DataFrame
    confusion: pd.DataFrame


def is_training(settings: Mapping[str, Any]) -> bool:
    return "recipe_fingerprint" in settings


def settings_of(path: Path | str) -> Mapping[str, Any]:
    """The first entry of a run's ledger. UserError where there is no run."""
    entries = ledger.read(RunDirectory.open_existing(path).ledger_path)
    return next((entry for entry in entries if entry.get("kind") == "settings"), {})


def load(path: Path | str) -> TrainingRun:
    """UserError where there is no finished training."""
    directory = RunDirectory.open_existing(path)
    state = Manifest.load(directory.manifest_path).state
    if not (directory.path / "metrics.json").is_file():
        raise UserError(
            f"{directory.path} has no figures to report yet: the training has not ended",
            hint=f"continue it with: effsearch train --resume --out {spoken_path(directory.path)}",
        )
    try:
        metrics = json.loads((directory.path / "metrics.json").read_text(encoding="utf-8"))
        epochs = pd.read_csv(directory.path / "epochs.csv").astype(dict.fromkeys(EPOCH, "float64"))
        confusion = pd.read_csv(directory.path / "confusion.csv", dtype={"true": str}, keep_default_na=False)
        confusion = confusion.set_index("true")
        run = TrainingRun(directory.path, state, settings_of(path), metrics, epochs, confusion)
        _ = [run.metrics["scores"][run.metrics["part"]][name] for name in ("accuracy", "interval_95", "images", "loss")]
        _ = [run.metrics[name] for name in ("params", "mult_adds", "images_per_second", "epoch", "epochs", "network")]
        _ = [run.metrics[name] for name in ("chosen_on_these_images", "classes", "data", "device", "images", "recipe")]
        _ = [run.metrics[name] for name in ("resolution", "seed")]
        if run.metrics.get("network_resolution", run.metrics["resolution"]) != run.metrics["resolution"]:
            _ = [run.metrics["network_mult_adds"]]
        if confusion.shape[0] != confusion.shape[1] or not len(epochs):
            raise ValueError(f"confusion.csv has {confusion.shape[0]} rows and {confusion.shape[1]} columns")
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{directory.path} is no whole training: {type(error).__name__}: {error}",
            hint="resume the run to write its files again",
        ) from error
    return run
