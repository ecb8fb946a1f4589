"""A training's progress on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .progress import duration

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


class TrainingDisplay:
    """A context manager; call it with each Moment."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (BarColumn(bar_width=24), TextColumn("{task.fields[numbers]}"))
        self.bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None
        self.task = self.bar.add_task("", total=None, visible=False, numbers="") if self.bar else None
        self.next_line = monotonic()

    def __call__(self, moment: Moment) -> None:
        if self.bar is not None and self.task is not None:
            numbers = training_numbers(moment)
            self.bar.update(self.task, completed=moment.step, total=moment.total_steps, visible=True, numbers=numbers)
        elif monotonic() >= self.next_line or moment.step >= moment.total_steps:
            print(training_numbers(moment), file=sys.stderr, flush=True)
            self.next_line = monotonic() + SECONDS_BETWEEN_LINES

    def __enter__(self) -> TrainingDisplay:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()


def training_numbers(moment: Moment) -> str:
    """ "epoch 2/3, loss 0.812, best 85.10 %, 540 images/s, 35 s to go"."""
    parts = [f"epoch {moment.epoch}/{moment.epochs}"]
    parts += [f"loss {moment.train_loss:.3f}"] if moment.train_loss is not None else []
    parts += [f"best {moment.best:.2f} %"] if moment.best is not None else []
    return ", ".join([*parts, f"{moment.images_per_second:,.0f} images/s", f"{duration(moment.left)} to go"])
