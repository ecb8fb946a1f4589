"""A training's progress on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

from typing import Protocol

from .progress import Meter, duration
from .training_words import nats

SECONDS_BETWEEN_LINES = 20.0


class Moment(Protocol):
    """The numbers that are shown; `training.result.Moment` has them."""

    @property
    def step(self) -> int: ...
    @property
    def total_steps(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def train_loss(self) -> float | None: ...
    @property
    def images_per_second(self) -> float: ...
    @property
    def best(self) -> float | None: ...
    @property
    def left(self) -> float: ...


class TrainingDisplay(Meter):
    """Call it with each Moment."""

    def __init__(self) -> None:
        super().__init__(SECONDS_BETWEEN_LINES)

    def __call__(self, moment: Moment) -> None:
        self.show(moment.step, moment.total_steps, training_numbers(moment))


def training_numbers(moment: Moment) -> str:
    """ "epoch 2/3, loss 0.812, best 85.10 %, 540 images/s, 35 s to go"."""
    parts = [f"epoch {moment.epoch}/{moment.epochs}"]
    parts += [f"loss {nats(moment.train_loss, 3)}"] if moment.train_loss is not None else []
    parts += [f"best {moment.best:.2f} %"] if moment.best is not None else []
    return ", ".join([*parts, f"{moment.images_per_second:,.0f} images/s", f"{duration(moment.left)} to go"])
