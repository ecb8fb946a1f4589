"""Timing several things in turn, round after round, so that what slows the machine down slows all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Timing:
    """seconds: one number a round, for each name."""

    seconds: Mapping[str, tuple[float, ...]]

    def median(self, name: str) -> float:
        return median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """Median over the rounds of other's seconds / name's: above 1 where `name` is faster."""
        return median(b / a for a, b in zip(self.seconds[name], self.seconds[other], strict=True))


def paired(steps: Mapping[str, Callable[[], None]], rounds: int, warm_up: int = 2) -> Timing:
    """Each of the steps `rounds` times, in turn; the order is reversed in every other round."""
    for step in steps.values():
        for _ in range(warm_up):
            step()
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds):
        for name in list(steps)[:: 1 if number % 2 == 0 else -1]:
            started = perf_counter()
            steps[name]()
            seconds[name].append(perf_counter() - started)
    return Timing({name: tuple(values) for name, values in seconds.items()})
