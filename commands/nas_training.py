"""What a search on the user's images needs: the evaluator that trains, and a space of networks that suit them."""

from __future__ import annotations

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
    from ..evaluators.training import TrainingEvaluator
    from .nas_options import NasOptions


def prepare_training(
    options: NasOptions, target: float, threads: int
) -> tuple[TrainingEvaluator, SearchSpace, Architecture]:
    """Evaluator, space, and the baseline: the network of `--around` suited to the images, at the target FLOPs.

    The space `mnasnet` surrounds the baseline, so that both have equal strides and resolution.
    """
    from ..evaluators.training import TrainingEvaluator

    if options.data is None or options.space is None or options.around is None:
        raise ValueError("the options are not settled")
    if options.space != "mnasnet" and not is_reference(options.space):
        raise UserError(
            f"--space is {shown(options.space)}; a search on images takes mnasnet or file.py:name",
            hint="mnasnet-b0 is for ImageNet at 224 pixels and 1000 classes",
        )
    dataset = open_data(options.data)
    evaluator = TrainingEvaluator(
        options.data,
        epochs=options.epochs,
        images=options.images,
        recipe=options.recipe or "proxy",
        threads=threads,
    )
    around = loading.load_network(options.around)
    baseline = fit_images(
        around, target, resolution=options.resolution or min(around.resolution, dataset.size),
        input_channels=dataset.channels, classes=len(dataset.classes),
        name=f"{around.name} at {format_count(target)}",
    )  # fmt: skip
    if options.space == "mnasnet":
        return evaluator, loading.load_space("mnasnet", reference=baseline), baseline
    return evaluator, loading.load_space(options.space), baseline
