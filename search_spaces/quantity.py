"""Sizes as people write them: 400M, 0.4G, 400e6."""

from __future__ import annotations

import math
import re

from .checks import InvalidValue, shown

FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
WRITTEN = re.compile(
    r"\s*((?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*([kmgbt]?)\s*", re.IGNORECASE | re.ASCII
)


def parse_count(text: str | float, name: str = "a size") -> float:
    """ "400M" -> 4e8. InvalidValue for anything but a positive finite number with at most one of k, M, G, B, T."""
    match = WRITTEN.fullmatch(str(text))
    value = float(match[1].replace("_", "")) * FACTORS[match[2].lower()] if match else math.nan
    if not (math.isfinite(value) and value > 0):
        raise InvalidValue(
            f"{name} is {shown(text)}; it must be a positive number, with k, M, G or T at most",
            hint="write 400M, 0.4G or 400e6",
        )
    return value


def format_count(value: float, digits: int = 4) -> str:
    """385814752 -> "385.8M"."""
    for letter, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor * (1 - 0.5 * 10.0**-digits):  # what rounds up to the next unit
            return f"{value / factor:.{digits}g}{letter}"
    return f"{value:.{digits}g}"
