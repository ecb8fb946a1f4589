"""The training loop itself: data, augmentation, recipe, optimiser, EMA, checkpoints. Works without Ray and Optuna.

`load_dataset` maps images, `load_recipe` reads a recipe, `train` trains a network.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .datasets import Dataset, load_dataset
    from .loop import train
    from .recipe import Recipe
    from .recipe import load as load_recipe
    from .result import TrainingResult
    from .scores import Scores
    from .trainer import Diverged

_HOMES = {
    "Dataset": (".datasets", "Dataset"),
    "Diverged": (".trainer", "Diverged"),
    "Recipe": (".recipe", "Recipe"),
    "Scores": (".scores", "Scores"),
    "TrainingResult": (".result", "TrainingResult"),
    "load_dataset": (".datasets", "load_dataset"),
    "load_recipe": (".recipe", "load"),
    "train": (".loop", "train"),
}
__all__ = ["Dataset", "Diverged", "Recipe", "Scores", "TrainingResult", "load_dataset", "load_recipe", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module, __name__), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
