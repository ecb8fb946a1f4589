"""A moving average of the weights, which is often better than the last weights of a training."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class Ema:
    """`.module`: a copy in evaluation mode whose weights are averaged over the steps.

    average = decay * average + (1 - decay) * weights, with min(decay, (1 + step) / (10 + step)) as the decay, so that
    a short training forgets its first weights (as TensorFlow's ExponentialMovingAverage with num_updates does).
    Running means and variances of the normalisation are averaged the same way, as in the official EfficientNet code;
    whole numbers, such as the count of batches, are copied.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay}; it must be at least 0 and less than 1")
        self.decay = decay
        self.module = deepcopy(module).eval().requires_grad_(False)

    def decay_at(self, step: int) -> float:
        """The decay used by the update after the optimiser step `step`, counted from 0."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take the weights of `module` after the optimiser step `step` into the average."""
        averages: list[Tensor] = []
        values: list[Tensor] = []
        for average, value in zip(_tensors(self.module), _tensors(module), strict=True):
            if average.is_floating_point():
                averages.append(average)
                values.append(value.detach())
            else:
                average.copy_(value)
        if averages:
            torch._foreach_lerp_(averages, values, 1 - self.decay_at(step))

    def state_dict(self) -> dict[str, Any]:
        return {"decay": self.decay, "module": self.module.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.decay = float(state["decay"])
        self.module.load_state_dict(state["module"])


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
