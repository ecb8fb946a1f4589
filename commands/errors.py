"""Exceptions as lines for stderr and an exit code."""

from __future__ import annotations

from ..records.errors import UserError
from ..search_spaces.checks import InvalidValue
from .interrupted import Interrupted


def describe(error: BaseException) -> tuple[list[str], int]:
    """What a user is told. Exceptions that are nobody's mistake but ours are raised again, for their traceback."""
    if isinstance(error, UserError):
        return error.lines(), error.exit_code
    if isinstance(error, InvalidValue):
        return UserError(str(error), error.hint).lines(), 2
    if isinstance(error, Interrupted):
        return [str(error)], 130
    if isinstance(error, KeyboardInterrupt):
        return ["interrupted"], 130
    if isinstance(error, OSError):
        where = f" {error.filename}" if error.filename else ""
        return UserError(
            f"cannot use{where}: {error.strerror or error}", "check the path and the space left"
        ).lines(), 2
    raise error
