"""Curves for TensorBoard, where one of its writers is installed; nothing elsewhere."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from .result import Epoch

WRITERS = ("tensorboardX", "torch.utils.tensorboard")  # ray[tune] brings the first


class Curves:
    """One scalar a column of an epoch, over the steps."""

    def __init__(self, folder: Path | None) -> None:
        self._writer = _writer(folder) if folder else None

    def add(self, epoch: Epoch) -> None:
        if self._writer is None:
            return
        values = {"train/loss": epoch.train_loss, "train/learning_rate": epoch.learning_rate,
                  "train/images_per_second": epoch.images_per_second, "validation/accuracy": epoch.accuracy,
                  "validation/loss": epoch.loss}  # fmt: skip
        for name, value in values.items():
            if value is not None:
                self._writer.add_scalar(name, value, epoch.step)
        self._writer.flush()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


def _writer(folder: Path) -> Any:
    for module in WRITERS:
        try:
            return importlib.import_module(module).SummaryWriter(str(folder))
        except ImportError:
            continue
    return None
