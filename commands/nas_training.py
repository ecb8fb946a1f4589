"""What a search on the user's images needs: the evaluator that trains, and a space of networks that suit them."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from ..records.errors import UserError
from ..search_spaces import loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..search_spaces.fit_flops import fit_images
from ..search_spaces.quantity import format_count
from ..search_spaces.space import SearchSpace
from ..search_spaces.user_file import is_reference
from .data_options import open_data

if TYPE_CHECKING:
    import pandas as pd

    from ..evaluators.training import TrainingEvaluator
    from ..training import Recipe
    from .nas_options import NasOptions


def prepare_training(
    options: NasOptions, target: float, threads: int
) -> tuple[TrainingEvaluator, SearchSpace, Architecture]:
    """Evaluator, space, and the baseline: the network of `--around` suited to the images, at the target FLOPs.

    The space `mnasnet` surrounds the baseline, so that both have equal strides and resolution.
    """
    from ..evaluators.training import TrainingEvaluator
    from ..training.trainer import check_fits

    if options.data is None or options.space is None or options.around is None:
        raise ValueError("the options are not settled")
    if options.space != "mnasnet" and not is_reference(options.space):
        raise UserError(
            f"--space is {shown(options.space)}; a search on images takes mnasnet or file.py:name",
            hint="mnasnet-b0 is for ImageNet at 224 pixels and 1000 classes",
        )
    space = None if options.space == "mnasnet" else loading.load_space(options.space)
    around = loading.load_network(options.around)
    dataset = open_data(options.data)
    evaluator = TrainingEvaluator(
        options.data,
        epochs=options.epochs,
        images=options.images,
        recipe=options.recipe or "proxy",
        threads=threads,
        data_name=options.data_name,
    )
    pixels = _resolution(options, evaluator.recipe, space)
    baseline = fit_images(
        around, target, resolution=min(around.resolution, dataset.size) if pixels is None else pixels,
        input_channels=dataset.channels, classes=len(dataset.classes),
        name=f"{around.name} at {format_count(target)}",
    )  # fmt: skip
    if space is None:
        return evaluator, loading.load_space("mnasnet", reference=baseline), baseline
    check_fits(space.decode(space.point([0] * len(space.dimensions))), dataset)
    return evaluator, space, baseline


def _resolution(options: NasOptions, recipe: Recipe, space: SearchSpace | None) -> int | None:
    """Pixels that all networks have; None where nobody says. UserError where two say differently."""
    wanted = {"--resolution": options.resolution, f"the recipe {recipe.name}": recipe.resolution}
    if space is not None:
        wanted[f"the space {space.name}"] = space.decode(space.point([0] * len(space.dimensions))).resolution
    said = {name: pixels for name, pixels in wanted.items() if pixels is not None}
    if len(set(said.values())) > 1:
        words = ", ".join(f"{name} {pixels}" for name, pixels in said.items())
        raise UserError(f"the networks cannot have several resolutions: {words}", hint="leave --resolution out")
    return next(iter(said.values()), None)


def warn_of_chance(evaluator: TrainingEvaluator, trials: pd.DataFrame) -> None:
    """Where even the best network is within two standard deviations of always naming the most frequent class."""
    labels = evaluator.dataset.validation.labels
    counts: dict[int, int] = Counter(labels.tolist())
    chance = 100 * max(counts.values()) / len(labels)
    known = trials[trials["state"] == "complete"]
    if len(known) and bool((known["accuracy"] - 2 * known["accuracy_std"].fillna(0.0) <= chance).all()):
        print(
            f"note: no network is clearly above chance ({chance:.1f} % for the most frequent class): give more "
            "--epochs or --images, or another recipe",
            file=sys.stderr,
        )
