"""Ctrl-C between two steps, never inside one: a checkpoint must not hold half of an update."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Asked for, and raised between two steps: what is there then is worth a checkpoint."""


class Interruption:
    """Whether somebody asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Stopped where somebody did."""
        if self.asked:
            raise Stopped


@contextmanager
def deferred(*, patient: bool = False) -> Iterator[Interruption]:
    """Inside, SIGINT and SIGTERM only set `asked`; a second one raises KeyboardInterrupt at once, in the middle of
    anything, unless `patient`. In the main thread alone: elsewhere signals do not arrive."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if interruption.asked and not patient:
            raise KeyboardInterrupt
        interruption.asked = True

    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
