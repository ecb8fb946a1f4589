"""Text from users and files as a page can show it."""

from __future__ import annotations

import re

from ..records.errors import printable

LONGEST_NAME = 80
# Words that are written from right to left, with the spaces between them
LETTERS = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001eeff]+"
RIGHT_TO_LEFT = re.compile(f"({LETTERS}(?: {LETTERS})*)")
ISOLATED = "\u2068\\1\u2069"


def shown(text: str) -> str:
    r"""On one line: a newline becomes \n, a control character \u202e; letters from right to left move no others."""
    return RIGHT_TO_LEFT.sub(ISOLATED, printable(text))


def clipped(text: str, longest: int = LONGEST_NAME) -> str:
    """At most so many characters."""
    whole = printable(text)
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"
