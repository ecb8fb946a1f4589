"""How good a trained network is on a part of a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .batches import Indices, batches
from .datasets.dataset import Part
from .devices import precision
from .team import Team


@dataclass(frozen=True)
class Scores:
    """confusion: images of class i (row) that were called class j (column), shape (classes, classes).

    accuracy, top5 in percent; loss is the mean negative log-likelihood in nats. top5 is None below six classes.
    """

    confusion: NDArray[np.int64]
    loss: float
    top5: float | None

    @property
    def count(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return 100.0 * float(np.trace(self.confusion)) / self.count

    @property
    def std(self) -> float:
        """One sigma of the accuracy from the number of images alone (binomial), in percentage points."""
        share = (np.trace(self.confusion) + 1) / (self.count + 2)  # never 0, which would claim certainty
        return 100.0 * math.sqrt(share * (1 - share) / self.count)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % in percent, by Wilson's score (JASA 22, 1927): about the images, not about other seeds."""
        n, z = self.count, 1.959964
        share = self.accuracy / 100
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return 100 * (middle - half), 100 * (middle + half)

    @property
    def class_accuracies(self) -> list[float | None]:
        """Percent of each class's images that were recognised; None for a class without images."""
        totals = self.confusion.sum(axis=1)
        return [100.0 * float(self.confusion[i, i]) / int(n) if n else None for i, n in enumerate(totals)]

    def to_mapping(self) -> dict[str, Any]:
        low, high = self.interval
        return {
            "accuracy": self.accuracy, "accuracy_std": self.std, "interval_95": [low, high], "loss": self.loss,
            "top5": self.top5, "images": self.count,
        }  # fmt: skip


def score(
    module: nn.Module,
    part: Part,
    prepare: nn.Module,
    *,
    classes: int,
    indices: Indices | None = None,
    batch: int = 256,
    device: torch.device,
    kind: str = "fp32",
    team: Team = Team(),  # noqa: B008
) -> Scores:
    """Evaluate `module` in evaluation mode (its mode is given back) on the images at `indices`, all where None.

    prepare: uint8 (N, H, W, C) -> what the module takes. kind: a recipe's precision.
    """
    if indices is None:
        indices = np.arange(len(part.labels), dtype=np.int64)
    own = indices[team.rank :: team.size]
    groups = [own[start : start + batch] for start in range(0, len(own), batch)]
    # images seen, summed loss, hits among five: on the device, so that no batch waits for the one before
    sums = torch.zeros(3, device=device, dtype=torch.float64 if device.type != "mps" else torch.float32)
    confusion = torch.zeros(classes * classes, device=device, dtype=torch.int64)
    was_training = module.training
    module.eval()
    with torch.inference_mode():
        for images, labels in batches(part, groups, device):
            with precision(kind, device):
                logits: Tensor = module(prepare(images))
            logits = logits.float()
            sums[0] += len(labels)
            sums[1] += functional.cross_entropy(logits, labels, reduction="sum")
            sums[2] += (logits.topk(min(5, classes), 1).indices == labels[:, None]).any(1).sum()
            confusion += torch.bincount(labels * classes + logits.argmax(1), minlength=classes * classes)
    module.train(was_training)
    seen, loss, hits = (float(value) for value in team.total(sums))
    table = team.total(confusion).cpu().numpy().reshape(classes, classes)
    return Scores(table, loss / seen, 100.0 * hits / seen if classes > 5 else None)
