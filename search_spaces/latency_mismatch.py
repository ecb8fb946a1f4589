"""A latency table that is of other networks than those it is asked for: in what they differ, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .architecture import Architecture
from .checks import InvalidValue
from .latency_table import LatencyTable

PIXELS = re.compile(r"stem .* ([0-9]+)px .*")
CLASSES = re.compile(r"(?:head|classifier) .* classes([0-9]+)")

Sizes = tuple[tuple[int, ...], tuple[int, ...]]  # pixels of the images, and numbers of classes, each in order


def table_sizes(table: LatencyTable) -> Sizes:
    """By the stems and heads that it holds."""
    return _numbers(PIXELS, table.entries), _numbers(CLASSES, table.entries)


def mismatch(table: LatencyTable, where: str, networks: Iterable[Architecture], what: str) -> InvalidValue | None:
    """None where the table has all their pixels and classes, or where it does not show its own. where: the table's file
    or space; what: they are."""
    several = list(networks)
    pixels, classes = table_sizes(table)
    wanted = tuple(sorted({one.resolution for one in several})), tuple(sorted({one.classes for one in several}))
    if not (pixels and classes) or (set(wanted[0]) <= set(pixels) and set(wanted[1]) <= set(classes)):
        return None
    return InvalidValue(
        f"the latency table {where} is of other networks: they have {_words((pixels, classes))}, and {what} "
        f"{_words(wanted)}",
        hint=_hint(pixels, classes == wanted[1]),
    )


def _hint(pixels: tuple[int, ...], same_classes: bool) -> str:
    """Of `latency check`."""
    if same_classes and len(pixels) == 1:
        return f"give --resolution {pixels[0]}, or the --data DIR --target-flops 3M that the table was built with"
    return "repeat the --data DIR --target-flops 3M (and --space, --around, --resolution) that the table was built with"


def _numbers(pattern: re.Pattern[str], texts: Iterable[str]) -> tuple[int, ...]:
    found = (pattern.fullmatch(text) for text in texts)
    return tuple(sorted({int(one[1]) for one in found if one}))


def _words(sizes: Sizes) -> str:
    """ "32 px and 10 classes"."""
    pixels, classes = ("/".join(f"{one:,}" for one in each[:4]) or "no" for each in sizes)
    return f"{pixels} px and {classes} classes"
