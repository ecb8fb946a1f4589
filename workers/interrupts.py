"""Ctrl-C while Ray waits: a KeyboardInterrupt that rises in one of its callbacks may get lost there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupts:
    """Inside the block, SIGINT and SIGTERM are noted and go on to the handlers that were there; `check` raises the
    KeyboardInterrupt that was noted but did not arrive. Outside of the main thread it does nothing."""

    def __init__(self) -> None:
        self.noted = False
        self.before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def check(self) -> None:
        if self.noted:
            self.noted = False
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if callable(handler):
                    self.before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in self.before.items():
                if signal.getsignal(number) == self._note:
                    signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True
        self.before[number](number, frame)
