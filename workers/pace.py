"""How many networks go into one call of an evaluator's `many`."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

TOGETHER = 0.5  # seconds that one call is to take


@dataclass
class Pace:
    """Learns from each call. One network at first, and where each takes longer than TOGETHER: then no result waits for
    others, and little is lost with a worker."""

    seconds: float = TOGETHER  # of one network

    def size(self, left: int) -> int:
        return max(1, min(left, int(TOGETHER / max(self.seconds, 1e-6))))

    def note(self, count: int, seconds: float) -> None:
        self.seconds = seconds / max(1, count)


def is_over(deadline: float | None) -> bool:
    """Whether the time (of `time.monotonic`) has come; never without one."""
    return deadline is not None and monotonic() >= deadline
