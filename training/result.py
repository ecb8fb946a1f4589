"""What a training says: after an epoch, in between, at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from .scores import Scores


@dataclass(frozen=True)
class Epoch:
    """epoch: from 1; step: optimiser steps done. accuracy (percent) and loss are of the validation images, None where
    they were not scored. seconds and images_per_second are of the training alone, in the process that ended it."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    accuracy: float | None
    loss: float | None
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Moment:
    """Where a training is after a step. best: the highest validation accuracy so far; left: seconds, by the rate so
    far, scoring left out."""

    step: int
    total_steps: int
    epoch: int
    epochs: int
    train_loss: float | None
    images_per_second: float
    best: float | None
    left: float


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    module
        in evaluation mode. The averaged weights where the recipe averages; of the best epoch where epochs were scored
        and a run directory kept them, else of the last.
    scores
        "validation", and "test" where that was asked for -> scores of `module`.
    kept_epoch
        which epoch `module` is of.
    images, resolution
        trained on so many different images at so many pixels. images_per_second: median over the epochs.
    """

    module: nn.Module
    scores: dict[str, Scores]
    epochs: tuple[Epoch, ...]
    kept_epoch: int
    images: int
    resolution: int
    images_per_second: float
    seconds: float
    run_dir: Path | None = None
    notice: str | None = None
