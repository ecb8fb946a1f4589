"""The learning rate of every step: a linear warm-up, then a staircase, half a cosine, or nothing."""

from __future__ import annotations

import math

from .recipe import Recipe

LARGEST_WARMUP = 4  # one part in so many of the steps


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int, total_steps: int) -> float:
    """The rate for the optimiser step `step`, counted from 0, at the recipe's batch.

    Warm-up over w steps: step 0 has 1/w of the rate, step w - 1 the whole. A short training warms up for a quarter of
    its steps at most. The cosine runs from the end of the warm-up to `total_steps` (arXiv 1608.03983 without restarts).
    The exponential is a staircase counted from step 0, warm-up included, as in the official EfficientNet code (whose
    warm-up starts at 0 and lags ours by one step).
    """
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total_steps // LARGEST_WARMUP)
    rate = recipe.learning_rate_at()
    if step < warmup:
        return rate * (step + 1) / warmup
    if recipe.schedule == "exponential":
        return rate * recipe.decay_rate ** math.floor(step / (recipe.decay_epochs * steps_per_epoch))
    if recipe.schedule == "cosine":
        progress = min((step - warmup) / max(total_steps - warmup, 1), 1.0)
        cosine = (1 + math.cos(math.pi * progress)) / 2
        return rate * (recipe.final_fraction + (1 - recipe.final_fraction) * cosine)
    return rate
