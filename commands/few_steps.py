"""A note on trainings that are too short to tell networks, or classes, apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..evaluators.training import TrainingEvaluator
    from ..training import Recipe

FEW_STEPS = 100


def warn_of_few_steps(recipe: Recipe, images: int, what: str) -> None:
    """On stderr, where `what` ("the training") has fewer than FEW_STEPS; `images` are those of an epoch."""
    batch = min(recipe.batch, images)
    steps = recipe.epochs * (images // batch)
    if steps < FEW_STEPS:
        plural, passes = "s" * (steps > 1), f"{recipe.epochs} epoch{'s' * (recipe.epochs > 1)}"
        print(
            f"note: {what} has {steps} step{plural} ({passes} of {images:,} images, {batch} a step): below {FEW_STEPS} "
            "the results are mostly chance; give more --epochs or a smaller batch",
            file=sys.stderr,
        )


def warn_of_few_steps_each(evaluator: TrainingEvaluator) -> None:
    """The same of the trainings of a search."""
    images = len(evaluator.dataset.train)
    warn_of_few_steps(evaluator.recipe, min(evaluator.images or images, images), "each training")
