"""Progress on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

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


class ProgressDisplay:
    """A context manager; call it with each State."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.bar = (
            Progress(
                TextColumn("{task.completed:>5,.0f}/{task.total:,.0f}"), BarColumn(bar_width=24),
                TextColumn("{task.fields[numbers]}"), console=console, transient=True,
            )
            if console.is_terminal
            else None
        )  # fmt: skip
        self.task = self.bar.add_task("", total=None, visible=False, numbers="") if self.bar else None
        self.next_line = monotonic()

    def __call__(self, state: State) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, completed=state.done, total=state.total, visible=True, numbers=numbers(state))
        elif monotonic() >= self.next_line or state.done >= state.total:
            print(f"{state.done:,}/{state.total:,}  {numbers(state)}", file=sys.stderr, flush=True)
            self.next_line = monotonic() + SECONDS_BETWEEN_LINES

    def __enter__(self) -> ProgressDisplay:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()


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
    return ", ".join([*parts, f"{duration(state.left)} to go"])


def duration(seconds: float) -> str:
    """ "1 h 05 min", "2 min 10 s", "8 s"."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
