"""Times as people write them: 2h, 90m, 30s, 1h30m."""

from __future__ import annotations

import math
import re

from ..search_spaces.checks import InvalidValue, shown

SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
AMOUNT = r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)%s\s*)?"
WRITTEN = re.compile(r"\s*" + "".join(AMOUNT % unit for unit in SECONDS), re.IGNORECASE | re.ASCII)
LONGEST = 3650 * SECONDS["d"]


def parse_duration(text: str, name: str = "a time") -> float:
    """ "1h30m" -> 5400.0 seconds. Days, hours, minutes and seconds in this order, each at most once, at least one.

    InvalidValue for anything else, for 0, and for more than ten years.
    """
    match = WRITTEN.fullmatch(text)
    seconds = 0.0
    if match:
        for amount, factor in zip(match.groups(), SECONDS.values(), strict=True):
            seconds += float(amount.strip()[:-1]) * factor if amount else 0.0
    if not (math.isfinite(seconds) and 0 < seconds <= LONGEST):
        raise InvalidValue(f"{name} is {shown(text)}; it must be a time with its unit", hint="write 2h, 90m or 1h30m")
    return seconds
