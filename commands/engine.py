"""Where a search evaluates its networks, and for how long. No part of config.yaml: a run may go on elsewhere."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..records.errors import UserError
from ..search_spaces.checks import shown
from .duration import parse_duration

if TYPE_CHECKING:
    from ..workers.local import Executor

NAMES = ("local", "ray")


@dataclass(frozen=True)
class Engine:
    """The options as they were given; None: not given."""

    engine: str | None = None
    workers: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None
    ray_address: str | None = None
    budget: str | None = None

    @property
    def name(self) -> str:
        """ "local" or "ray": what was asked for, else Ray where there is more than one worker, or a cluster."""
        return self.engine or ("ray" if (self.workers or 1) > 1 or self.ray_address else "local")

    @property
    def seconds(self) -> float | None:
        return None if self.budget is None else parse_duration(self.budget, "--budget")

    @property
    def in_words(self) -> str:
        """ "ray, 4 networks at once, for 2h"."""
        together = "one network after the other"
        if self.name != "local":
            together = f"{self.workers} networks at once" if self.workers else "as many networks at once as fit"
        return f"{self.name}, {together}{f', for {self.budget}' if self.budget else ''}"

    def executor(self) -> Executor:
        """UserError or InvalidValue for options that do not go together, or where Ray is missing."""
        if self.name not in NAMES:
            raise UserError(f"--engine is {shown(self.engine)}; allowed: {', '.join(NAMES)}")
        if self.name == "local":
            self._refuse_ray_options()
            from ..workers.local import LocalExecutor

            return LocalExecutor()
        try:
            from ..workers.ray_executor import RayExecutor
        except ModuleNotFoundError as error:
            if error.name != "ray":
                raise
            raise UserError(
                "Ray is not installed, which runs evaluations at once: pip install 'ray[tune]'",
                hint="--engine local evaluates one network after the other",
            ) from error
        cpus = 1.0 if self.cpus_per_trial is None else self.cpus_per_trial
        return RayExecutor(self.ray_address, self.workers, cpus, self.gpus_per_trial)

    def arguments(self) -> list[str]:
        """As they stand on a command line."""
        given = {name: value for name, value in dataclasses.asdict(self).items() if value is not None}
        pairs = ((f"--{name.replace('_', '-')}", _written(value)) for name, value in given.items())
        return [word for pair in pairs for word in pair]

    def _refuse_ray_options(self) -> None:
        for name in ("workers", "cpus_per_trial", "gpus_per_trial", "ray_address"):
            value = getattr(self, name)
            if value is not None and not (name == "workers" and value == 1):
                raise UserError(
                    f"--{name.replace('_', '-')} {_written(value)} is for --engine ray; here one network is evaluated "
                    "after the other",
                    hint="give --engine ray too" if self.engine is None else "leave --engine out",
                )


def _written(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
