"""RMSProp as TensorFlow computes it, which EfficientNet was trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class RMSpropTF(torch.optim.Optimizer):
    """RMSProp with epsilon inside the root, mean squares that start at 1, and the learning rate inside the momentum.

        mean_square = decay * mean_square + (1 - decay) * gradient^2
        moment = momentum * moment + learning_rate * gradient / sqrt(mean_square + epsilon)
        weight = weight - moment

    This is the rule that TensorFlow documents for tf.compat.v1.train.RMSPropOptimizer; torch.optim.RMSprop adds epsilon
    after the root, starts at 0, and multiplies the moment by the learning rate of the moment's use. Weight decay is
    added to the gradient. ValueError: a setting out of range; RuntimeError: a sparse or complex gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.016,
        *,
        alpha: float = 0.9,
        eps: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        for name, value, high in (("alpha", alpha, 1.0), ("momentum", momentum, 1.0)):
            if not 0 <= value < high:
                raise ValueError(f"{name} is {value}; it must be at least 0 and less than {high:g}")
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            if not value >= 0:
                raise ValueError(f"{name} is {value}; it must be at least 0")
        super().__init__(
            params, {"lr": lr, "alpha": alpha, "eps": eps, "momentum": momentum, "weight_decay": weight_decay}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all weights that have a gradient. Gives what `closure` gives, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self._update(weights, group)
        return loss

    def _update(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        gradients, squares, moments = [], [], []
        for weight in weights:
            if weight.grad is None or weight.grad.is_sparse or weight.is_complex():
                raise RuntimeError("RMSpropTF takes dense real gradients only")
            state = self.state[weight]
            if not state:
                state["mean_square"] = torch.ones_like(weight, memory_format=torch.preserve_format)
                state["moment"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
            gradients.append(weight.grad)
            squares.append(state["mean_square"])
            moments.append(state["moment"])
        if group["weight_decay"]:
            gradients = list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))
        torch._foreach_mul_(squares, group["alpha"])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["alpha"])
        roots = torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))
        torch._foreach_mul_(moments, group["momentum"])
        torch._foreach_addcdiv_(moments, gradients, roots, value=group["lr"])
        torch._foreach_sub_(weights, moments)
