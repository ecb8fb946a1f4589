"""Progress on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from math import isfinite
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

if TYPE_CHECKING:
    from typing_extensions import Self

SECONDS_BETWEEN_LINES = 5.0


class State(Protocol):
    """The numbers that are shown; `nas.Progress` has them."""

    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def best(self) -> float | None: ...
    @property
    def front(self) -> int: ...
    @property
    def hypervolume(self) -> float: ...
    @property
    def left(self) -> float: ...


class Meter:
    """A context manager: a bar on stderr where that is a terminal, else a line every `seconds` and at the end."""

    def __init__(self, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        console = Console(stderr=True)
        columns = (BarColumn(bar_width=24), TextColumn("{task.fields[words]}"))
        self.bar = Progress(*columns, console=console, transient=True) if console.is_terminal else None
        self.task = self.bar.add_task("", total=None, visible=False, words="") if self.bar else None
        self.seconds = seconds
        self.next_line = monotonic()

    def show(self, done: int, total: int, words: str) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=done, total=total, visible=True, words=words)
        elif monotonic() >= self.next_line or done >= total:
            print(words, file=sys.stderr, flush=True)
            self.next_line = monotonic() + self.seconds

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()


class ProgressDisplay(Meter):
    """Of a search; call it with each State."""

    def __call__(self, state: State) -> None:
        self.show(state.done, state.total, f"{state.done:,}/{state.total:,}  {numbers(state)}")


class CountDisplay:
    """Call it with (done, all): a line on stderr every few seconds and at the end."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.next_line = monotonic() + SECONDS_BETWEEN_LINES

    def __call__(self, done: int, total: int) -> None:
        if monotonic() >= self.next_line or done >= total:
            print(f"{done:,}/{total:,} {self.what}", file=sys.stderr, flush=True)
            self.next_line = monotonic() + SECONDS_BETWEEN_LINES


def numbers(state: State) -> str:
    best = "none within the budget" if state.best is None else f"best {state.best:.2f} %"
    parts = [best, f"front {state.front}", f"hypervolume {state.hypervolume:.4f}"]
    parts += [f"{state.failed} failed"] if state.failed else []
    return ", ".join([*parts, *([f"{duration(state.left)} to go"] if isfinite(state.left) else [])])


def duration(seconds: float) -> str:
    """ "1 h 05 min", "2 min 10 s", "8 s"."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
