"""Checks of single values: an InvalidValue with the name, the value and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InvalidValue(ValueError):  # noqa: N818  (it says what is wrong; "error" adds nothing)
    """A value from a user or a file that cannot be used: one line, and a `hint` on what to do (or None)."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def integer(name: str, value: object, low: int, high: int = 1_000_000) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidValue(f"{name} is {shown(value)}; it must be a whole number from {low} to {high}")


def odd(name: str, value: object, high: int = 31) -> None:
    integer(name, value, 1, high)
    if isinstance(value, int) and value % 2 == 0:
        raise InvalidValue(f"{name} is {value}; it must be odd, 1 to {high}")


def number(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidValue(f"{name} is {shown(value)}; it must be a number from {low:g} to {high:g}")


def text(name: str, value: object, longest: int = 200) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InvalidValue(f"{name} is {shown(value)}; it must be text of 1 to {longest} characters")


def instance(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    if not isinstance(value, kind):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise InvalidValue(f"{name} is {shown(value)}; it must be a {wanted}")


def choice(name: str, value: object, allowed: Iterable[object]) -> None:
    options = list(allowed)
    if not any(value == option and isinstance(value, bool) == isinstance(option, bool) for option in options):
        raise InvalidValue(f"{name} is {shown(value)}; allowed: {', '.join(map(str, options))}")


def shown(value: object) -> str:
    """A value for a message: one line, not endless."""
    try:
        written = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number with too many digits to show"
    return written if len(written) <= 80 else written[:77] + "..."


def nearest(name: str, known: Iterable[str]) -> str | None:
    """A hint for a mistyped name: the known one that is closest, if any is close."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else None
