"""A mistake that the user can mend, told in one line and a hint instead of a traceback."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """A user's mistake, or an input that cannot be used.

    Args:
        message: names the value, what is allowed, and where it stands.
        hint: what to do about it.
        exit_code: what the command line exits with; 2 is "usage or bad input".
    """

    def __init__(self, message: str, hint: str | None = None, exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def lines(self) -> list[str]:
        """`error: ...` and, if there is one, `hint: ...`; each fit for one line of a terminal."""
        lines = [f"error: {printable(self.message)}"]
        if self.hint is not None:
            lines.append(f"hint: {printable(self.hint)}")
        return lines


def printable(text: str) -> str:
    r"""`text` with every character that a terminal would act on escaped (newline becomes \n, ESC \x1b)."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def cannot(action: str, path: Path | str, error: OSError | ValueError, hint: str | None = None) -> UserError:
    """The UserError for an operating system's refusal: `cannot write runs/a: No space left on device`.

    A ValueError is what Python raises for a path no system could hold (a NUL, a lone surrogate).
    """
    reason = error.strerror if isinstance(error, OSError) else None
    return UserError(f"cannot {action} {path}: {reason or error}", hint)
