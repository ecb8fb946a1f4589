"""Times as people write them: 2h, 90m, 30s, 1h30m; and latencies: 12ms."""

from __future__ import annotations

import math
import re

from ..search_spaces.checks import InvalidValue, shown

SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
AMOUNT = r"((?:[0-9]+\.?[0-9]*|\.[0-9]+)%s\s*)?"
WRITTEN = re.compile(r"\s*" + "".join(AMOUNT % unit for unit in SECONDS), re.IGNORECASE | re.ASCII)
LONGEST = 3650 * SECONDS["d"]
MILLISECONDS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
LATENCY = re.compile(r"\s*((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*(us|ms|s)\s*", re.IGNORECASE | re.ASCII)


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


def parse_latency(text: str, name: str = "a latency") -> float:
    """ "12ms" -> 12.0 milliseconds; "0.012s" and "800us" too. InvalidValue for anything else, for 0, and for more than
    an hour."""
    match = LATENCY.fullmatch(text)
    milliseconds = float(match[1]) * MILLISECONDS[match[2].lower()] if match else 0.0
    if not (math.isfinite(milliseconds) and 0 < milliseconds <= 1000 * SECONDS["h"]):
        raise InvalidValue(f"{name} is {shown(text)}; it must be a time with its unit", hint="write 12ms or 0.012s")
    return milliseconds
