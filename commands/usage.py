"""What was typed wrong on the command line, as `error:` and `hint:` lines."""

from __future__ import annotations

import sys
from typing import Any

from ..records.errors import printable


def usage(error: Any) -> tuple[list[str], int]:
    """The lines for a ClickException, and the exit code 2."""
    message = " ".join(error.format_message().split())
    given = _given_for(getattr(error, "param", None))
    if given is not None and given not in message:
        message += f", not {given!r:.60}"
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "effsearch"
    return [f"error: {printable(message)}", f"hint: {command} --help lists what is allowed"], 2


def _given_for(parameter: Any) -> str | None:
    """What stands on the command line for an option whose value was refused."""
    for place, word in enumerate(sys.argv):
        for option in getattr(parameter, "opts", ()):
            if word == option and place + 1 < len(sys.argv):
                return sys.argv[place + 1]
            if word.startswith(f"{option}="):
                return word.partition("=")[2]
    return None
