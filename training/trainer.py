"""One network in training: its weights, optimiser and averages, and the step that changes them.

Everything random in step n is a function of (seed, n), and the order of an epoch's images of (seed, epoch). So a
training that goes on from a checkpoint is the training that was never stopped: on the CPU to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..models.network import build
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.small_images import last_map
from .augment import Augment, Prepare
from .batches import Indices, batches, epoch_order
from .datasets.dataset import Dataset
from .devices import precision
from .ema import Ema
from .initial_weights import InitialWeights
from .loss import classification_loss
from .optimiser import build_optimiser
from .recipe import Recipe
from .schedule import learning_rate
from .scores import Scores, score
from .team import Team

LOOK = 50  # steps between two looks at the loss: every look waits for the device


class Diverged(Exception):  # noqa: N818
    """The loss is no longer a finite number; the message says where."""


@dataclass
class Course:
    """Where an epoch stands: its images so far, and the sum of their training losses."""

    loss: float = 0.0
    images: int = 0


class Trainer:
    """A network on its device with all that its training changes.

    Attributes
    ----------
    step
        optimiser steps done; steps_per_epoch and total_steps say how many there are.
    module, ema
        the network that is trained, and the average of its weights (None where the recipe has none).
    began_with
        what of `weights` was taken, in words; None where they were fresh.
    """

    def __init__(
        self,
        architecture: Architecture,
        dataset: Dataset,
        recipe: Recipe,
        *,
        seed: int,
        device: torch.device,
        indices: Indices,
        resolution: int | None = None,
        team: Team = Team(),  # noqa: B008
        weights: InitialWeights | None = None,
    ) -> None:
        check_fits(architecture, dataset)
        self.architecture, self.dataset, self.recipe = architecture, dataset, recipe
        self.seed, self.device, self.indices, self.team = seed, device, indices, team
        self.resolution = resolution or recipe.resolution or architecture.resolution
        self.batch = min(recipe.batch, len(indices)) // team.size * team.size
        if self.batch == 0:
            raise UserError(f"{team.size} processes cannot share a batch of {min(recipe.batch, len(indices))} images")
        self._check_parts()
        self.steps_per_epoch = len(indices) // self.batch
        self.total_steps = recipe.epochs * self.steps_per_epoch
        self.step = 0
        self.course = Course()
        self._unseen: list[Tensor] = []
        torch.manual_seed(_seed(seed, 0, 0))
        network = build(
            architecture, dropout=recipe.dropout, drop_path=recipe.drop_path, norm_eps=recipe.norm_eps,
            norm_momentum=recipe.norm_momentum,
        )  # fmt: skip
        self.weights, self.began_with = weights, str(weights.load(network)) if weights else None
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.module: nn.Module = network.to(device)
        self.module.to(memory_format=layout)  # type: ignore[call-overload]  # torch's types leave it out
        self.optimiser = build_optimiser(self.module, recipe, batch=self.batch)
        self.ema = Ema(self.module, recipe.ema) if recipe.ema else None
        self.augment = Augment(
            recipe, mean=dataset.mean, std=dataset.std, channels=dataset.channels, resolution=self.resolution,
            classes=len(dataset.classes),
        ).to(device)  # fmt: skip
        self.prepare = Prepare(mean=dataset.mean, std=dataset.std, resolution=self.resolution).to(device)
        self.layout = layout
        self.forward: nn.Module = self.module
        if team.size > 1:
            self.forward = DistributedDataParallel(self.module, [team.local_rank] if device.type == "cuda" else None)
        if recipe.compile:
            self.forward = torch.compile(self.forward)  # type: ignore[assignment]

    def _check_parts(self) -> None:
        """UserError where a batch normalisation would see a single value, of which there is no variance."""
        images = self.batch // self.team.size
        alone = images // min(self.recipe.accumulate, images) == 1
        if alone and last_map(replace(self.architecture, resolution=self.resolution)) == 1:
            raise UserError(
                f"one image at a time cannot be normalised: at {self.resolution} pixels the last maps of "
                f"{self.architecture.name} are 1 pixel wide",
                hint="give a larger batch (less accumulate), more images, or a higher resolution",
            )

    @property
    def averaged(self) -> nn.Module:
        """The weights that are scored and kept: the averages where the recipe has them."""
        return self.ema.module if self.ema else self.module

    @property
    def settings(self) -> dict[str, Any]:
        """What makes the training what it is: a checkpoint of others does not fit."""
        return {
            "network": self.architecture.name,
            "network_fingerprint": self.architecture.key,
            "recipe": self.recipe.name,
            "recipe_fingerprint": self.recipe.fingerprint,
            "data": self.dataset.name,
            "data_fingerprint": self.dataset.fingerprint,
            "seed": self.seed,
            "images": len(self.indices),
            "resolution": self.resolution,
            "processes": self.team.size,
            **({"weights_file_fingerprint": self.weights.fingerprint} if self.weights else {}),
        }

    @property
    def epoch(self) -> int:
        """Of the next step, from 0."""
        return self.step // self.steps_per_epoch

    @property
    def has_looked(self) -> bool:
        """Whether every step's loss is in `course`. True after the same steps in every process of a team."""
        return not self._unseen

    def learning_rate(self, step: int) -> float:
        """Of the optimiser step `step`, from 0: the schedule's, scaled to the images that a step really has."""
        rate = learning_rate(self.recipe, step, self.steps_per_epoch, self.total_steps)
        return rate * (self.batch / self.recipe.batch)

    def run_epoch(self) -> Iterator[int]:
        """The steps that are left of the current epoch, one each time it is asked; yields the steps done so far.

        Diverged where the loss is not finite, noticed within LOOK steps.
        """
        if self.step % self.steps_per_epoch == 0:
            self.course = Course()
        order = epoch_order(self.indices, self.seed, self.epoch)
        first = self.step % self.steps_per_epoch
        size = self.batch // self.team.size
        starts = [n * self.batch + self.team.rank * size for n in range(first, self.steps_per_epoch)]
        groups = [order[start : start + size] for start in starts]
        self.forward.train()
        for images, labels in batches(self.dataset.train, groups, self.device):
            self._unseen.append(self._step(images, labels))
            self.step += 1
            if len(self._unseen) == LOOK or self.step % self.steps_per_epoch == 0:
                self._look()
            yield self.step

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        """One change of the weights; the mean loss over its images, still on the device."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate(self.step)
        torch.manual_seed(_seed(self.seed, self.step + 1, self.team.rank))
        images, targets = self.augment(images, labels)
        images = images.contiguous(memory_format=self.layout)
        parts = min(self.recipe.accumulate, len(images))
        total = torch.zeros((), device=self.device)
        self.optimiser.zero_grad(set_to_none=True)
        pieces = zip(images.tensor_split(parts), targets.tensor_split(parts), strict=True)
        for part, (some, wanted) in enumerate(pieces, 1):
            alone = isinstance(self.forward, DistributedDataParallel) and part < parts
            with self.forward.no_sync() if alone else nullcontext():  # type: ignore[operator]
                with precision(self.recipe.precision, self.device):
                    logits = self.forward(some)
                loss = classification_loss(logits.float(), wanted, self.recipe.label_smoothing)
                weighted = loss * (len(some) / len(images))
                weighted.backward()  # type: ignore[no-untyped-call]
            total += weighted.detach()
        if self.recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.recipe.clip_norm)
        self.optimiser.step()
        if self.ema:
            self.ema.update(self.module, self.step)
        return total

    def _look(self) -> None:
        """Add the losses of the steps that nobody looked at to the epoch's."""
        if not self._unseen:
            return
        losses = (self.team.total(torch.stack(self._unseen)) / self.team.size).tolist()
        first, self._unseen = self.step - len(losses), []
        for place, loss in enumerate(losses, 1):
            if not math.isfinite(loss):
                raise Diverged(f"the loss is {loss:g} at step {first + place} of {self.total_steps}")
            self.course.loss += loss * self.batch
            self.course.images += self.batch

    def score(self, part: str = "validation") -> Scores:
        """Of the averaged weights, on `dataset.validation` or `.test`. Diverged where their loss is not finite."""
        self.team.align(self.averaged.buffers())  # every process normalised other images
        scores = score(
            self.averaged, getattr(self.dataset, part), self.prepare, classes=len(self.dataset.classes),
            device=self.device, kind=self.recipe.precision, team=self.team,
        )  # fmt: skip
        if not math.isfinite(scores.loss):
            raise Diverged(f"the {part} loss is {scores.loss:g} after step {self.step} of {self.total_steps}")
        return scores

    def state(self) -> dict[str, Any]:
        """Tensors and plain values: everything that later steps depend on."""
        self._look()
        return {
            "step": self.step,
            "loss": self.course.loss,
            "images": self.course.images,
            "module": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "ema": self.ema.state_dict() if self.ema else None,
        }

    def load(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.ema:
            self.ema.load_state_dict(state["ema"])
        self.step = int(state["step"])
        self.course = Course(float(state["loss"]), int(state["images"]))
        self._unseen = []


def check_fits(architecture: Architecture, dataset: Dataset) -> None:
    """UserError where the network takes other channels or gives other classes than the data set has."""
    wanted = (dataset.channels, len(dataset.classes))
    if (architecture.input_channels, architecture.classes) != wanted:
        raise UserError(
            f"{architecture.name} takes {architecture.input_channels} channels and gives {architecture.classes} "
            f"classes; {dataset.name} has {wanted[0]} and {wanted[1]}",
            hint="search_spaces.adapt(network, resolution=, input_channels=, classes=) makes one that fits",
        )


def _seed(seed: int, step: int, rank: int) -> int:
    """63 bits, unlike for every (seed, step, rank); step 0 is the initial weights."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> np.uint64(1))
