"""How fast a network trains here, by a few steps."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import torch

from ..search_spaces.architecture import Architecture
from .datasets.dataset import Dataset
from .devices import choose_device
from .recipe import Recipe
from .trainer import Trainer

STEPS, WARM_UP = 5, 2


def training_speed(
    architecture: Architecture, dataset: Dataset, recipe: Recipe, *, device: str | None = None, steps: int = STEPS
) -> float:
    """Images a second, augmentation included, over `steps` steps after WARM_UP others. Nothing is kept."""
    where = choose_device(device)
    with torch.random.fork_rng():
        indices = np.arange(len(dataset.train), dtype=np.int64)
        enough = recipe.batch * (steps + WARM_UP)
        if len(indices) < enough:
            indices = np.resize(indices, enough)
        trainer = Trainer(architecture, dataset, recipe, seed=0, device=where, indices=indices)
        started = 0.0
        for step in trainer.run_epoch():
            if where.type == "cuda":
                torch.cuda.synchronize(where)
            if step == WARM_UP:
                started = perf_counter()
            if step == WARM_UP + steps:
                break
        return steps * trainer.batch / (perf_counter() - started)
