"""The optimiser that a recipe names, for the weights of a network."""

from __future__ import annotations

import torch
from torch import nn

from .recipe import Recipe
from .rmsprop_tf import RMSpropTF

ADAMW_SECOND_BETA = 0.999
_FUSED_ON = ("cpu", "cuda")


def build_optimiser(module: nn.Module, recipe: Recipe, *, batch: int | None = None) -> torch.optim.Optimizer:
    """The recipe's optimiser over all trainable weights, at the rate for `batch` images (None: the recipe's batch).

    Weight decay is for kernels only, not for normalisations, biases and other weights of one dimension. In sgd and
    rmsprop_tf it is added to the gradient, in adamw it is apart from it (arXiv 1711.05101).
    """
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate, momentum = recipe.learning_rate_at(batch), recipe.momentum
    if recipe.optimiser == "rmsprop_tf":
        return RMSpropTF(groups, rate, alpha=recipe.rmsprop_decay, eps=recipe.epsilon, momentum=momentum)
    fused = all(weight.device.type in _FUSED_ON and weight.is_floating_point() for weight in weights)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, rate, momentum=momentum, nesterov=recipe.nesterov, fused=fused or None)
    betas = (momentum, ADAMW_SECOND_BETA)
    return torch.optim.AdamW(groups, rate, betas=betas, eps=recipe.epsilon, fused=fused or None)
