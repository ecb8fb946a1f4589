"""`train`: from a network, a data set and a recipe to a trained network and its scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import integer
from .batches import subset
from .datasets.dataset import Dataset
from .devices import choose_device
from .initial_weights import InitialWeights
from .interruption import Interruption, Stopped, deferred
from .model_card import write_results
from .recipe import Recipe
from .result import Epoch, Moment, TrainingResult
from .run_files import RunFiles
from .team import Team, team
from .trainer import Trainer

CHECKPOINT_SECONDS = 300.0  # an epoch may take hours, a checkpoint takes seconds


def train(
    architecture: Architecture,
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int = 0,
    device: str | None = None,
    images: int | None = None,
    resolution: int | None = None,
    weights: Path | str | None = None,
    run_dir: Path | str | None = None,
    resume: bool = False,
    config: dict[str, Any] | None = None,
    test: bool = False,
    score_every: int | None = None,
    on_step: Callable[[Moment], None] | None = None,
) -> TrainingResult:
    """Train, or go on with a training that was stopped.

    Parameters
    ----------
    device
        "cpu", "cuda", "cuda:1"; the first GPU, else the CPU, where None. Under torchrun every process takes its own.
    images
        train on so many of the training images, the classes in their shares; all where None.
    resolution
        pixels to train and score at; the recipe's, else the architecture's, where None.
    weights
        a file to begin with instead of fresh weights, see `models.load_weights`; its last layer is taken too where it
        has as many classes. The recipe's norm_eps must be that of the weights. A resumed training needs the same file.
    run_dir
        where checkpoints, logs, weights and metrics go (`run_files`). Nothing is written where None.
    config
        what config.yaml of the run directory holds; the settings of the training where None.
    test
        score the test part too, once, at the end, where the data set has one.
    score_every
        epochs between two scorings of the validation images; None scores at the end alone.

    Raises
    ------
    Diverged
        the loss is no longer finite.
    UserError, InvalidValue
        a network that does not fit the data, settings that cannot work, a run directory that cannot be used.
    """
    integer("seed", seed, 0, 2**63)
    for name, value in (("images", images), ("resolution", resolution), ("score_every", score_every)):
        if value is not None:
            integer(name, value, 1, 2**31)
    with team(device) as members, torch.random.fork_rng():
        trainer = Trainer(
            architecture, dataset, recipe, seed=seed, device=_device(device, members),
            indices=subset(dataset.train.labels, images), resolution=resolution, team=members,
            weights=None if weights is None else InitialWeights.of(weights),
        )  # fmt: skip
        own_dir = run_dir if members.leads else None
        with RunFiles.open(own_dir, trainer.settings, config, resume=resume and members.leads) as files:
            epochs = files.restore(trainer)
            with deferred(patient=members.size > 1) as interruption:
                try:
                    while trainer.step < trainer.total_steps:
                        _epoch(trainer, epochs, files, interruption, score_every, on_step)
                except Stopped:
                    files.keep(trainer, epochs)
                    raise
            result = _result(trainer, epochs, files, test)
            if result.run_dir:
                write_results(result, trainer)
            return result


def _device(name: str | None, members: Team) -> torch.device:
    if members.size > 1 and torch.cuda.is_available() and name != "cpu":
        return torch.device("cuda", members.local_rank)
    return choose_device(name)


def _epoch(
    trainer: Trainer,
    epochs: list[Epoch],
    files: RunFiles,
    interruption: Interruption,
    score_every: int | None,
    on_step: Callable[[Moment], None] | None,
) -> None:
    """Train the rest of an epoch, score it where it is its turn, and append it."""
    first, started = trainer.step, perf_counter()
    kept = started
    best = max((epoch.accuracy for epoch in epochs if epoch.accuracy is not None), default=None)
    number = trainer.epoch + 1
    for step in trainer.run_epoch():
        now = perf_counter()
        if on_step:
            on_step(_moment(trainer, number, best, (step - first) * trainer.batch / (now - started)))
        ends = step % trainer.steps_per_epoch == 0  # the end of an epoch is recorded first
        if ends or (trainer.team.size > 1 and not trainer.has_looked):  # several processes stop and save together
            continue
        if trainer.team.any(now - kept > CHECKPOINT_SECONDS, trainer.device):
            files.keep(trainer, epochs)
            kept = perf_counter()
        _check(interruption, trainer)
    if trainer.device.type == "cuda":
        torch.cuda.synchronize(trainer.device)
    seconds = perf_counter() - started
    wanted = score_every is not None and (number % score_every == 0 or trainer.step == trainer.total_steps)
    scores = trainer.score() if wanted else None
    epochs.append(
        Epoch(
            epoch=number,
            step=trainer.step,
            learning_rate=trainer.learning_rate(trainer.step - 1),
            train_loss=trainer.course.loss / trainer.course.images,
            accuracy=scores.accuracy if scores else None,
            loss=scores.loss if scores else None,
            seconds=seconds,
            images_per_second=(trainer.step - first) * trainer.batch / seconds,
        )
    )
    files.end_epoch(trainer, epochs, best=scores is not None and (best is None or scores.accuracy > best))
    _check(interruption, trainer)


def _check(interruption: Interruption, trainer: Trainer) -> None:
    interruption.asked = trainer.team.any(interruption.asked, trainer.device)
    interruption.check()


def _moment(trainer: Trainer, epoch: int, best: float | None, rate: float) -> Moment:
    course = trainer.course
    return Moment(
        step=trainer.step,
        total_steps=trainer.total_steps,
        epoch=epoch,
        epochs=trainer.recipe.epochs,
        train_loss=course.loss / course.images if course.images else None,
        images_per_second=rate,
        best=best,
        left=(trainer.total_steps - trainer.step) * trainer.batch / rate,
    )


def _result(trainer: Trainer, epochs: list[Epoch], files: RunFiles, test: bool) -> TrainingResult:
    scored = [epoch for epoch in epochs if epoch.accuracy is not None]
    kept = len(epochs)
    has_best: bool = trainer.team.share(bool(scored) and files.best_weights(trainer.averaged))
    if has_best:
        trainer.team.align(trainer.averaged.state_dict().values())
        kept = max(scored, key=lambda epoch: (epoch.accuracy or 0.0, -epoch.epoch)).epoch
    scores = {"validation": trainer.score()}
    if test and trainer.dataset.test is not None:
        scores["test"] = trainer.score("test")
    return TrainingResult(
        module=trainer.averaged.eval(),
        scores=scores,
        epochs=tuple(epochs),
        kept_epoch=kept,
        images=len(trainer.indices),
        resolution=trainer.resolution,
        images_per_second=median(epoch.images_per_second for epoch in epochs),
        seconds=files.seconds,
        run_dir=files.path,
        notice=files.notice,
    )
