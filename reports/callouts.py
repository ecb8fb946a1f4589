"""Labels in a column beside a figure, each with a line to what it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from . import svg

LINE, GAP = 16.0, 14.0  # pixels from one line to the next, and between labels at least
REACH = 8.0  # of a mark


@dataclass(frozen=True)
class Callout:
    """What stands at x, y. edge: of its label, the left one; the right one where `before` is true (it stands left)."""

    x: float
    y: float
    edge: float
    before: bool
    lines: tuple[str, ...]
    style: str


def draw(callouts: Iterable[Callout], top: float, bottom: float) -> Markup:
    """The labels of one column, in the order of the heights of what they name, between top and bottom."""
    ordered = sorted(callouts, key=lambda one: (one.y, one.x, one.lines))
    heights = [len(one.lines) * LINE for one in ordered]
    tops = spread([one.y - height / 2 for one, height in zip(ordered, heights, strict=True)], heights, top, bottom)
    return svg.tag("g", *map(_label, ordered, tops))


def spread(wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float) -> list[float]:
    """Tops of labels in this order, near where they are wanted and none over another; more than fit rise over top."""
    tops: list[float] = []
    free = top
    for place, height in zip(wanted, heights, strict=True):
        tops.append(max(place, free))
        free = tops[-1] + height + GAP
    limit = bottom
    for number in reversed(range(len(tops))):
        tops[number] = min(tops[number], limit - heights[number])
        limit = tops[number] - GAP
    return tops


def _label(one: Callout, top: float) -> Markup:
    side = -1 if one.before else 1
    middle = min(max(one.y, top + 6), top + LINE * len(one.lines) - 4)
    parts = [svg.path(((one.x + side * REACH, one.y), (one.edge - side * 5, middle)), "leader")]
    for number, line in enumerate(one.lines):
        style, anchor = "" if number else "strong", "end" if one.before else "start"
        parts.append(svg.text(one.edge, top + 12 + LINE * number, line, style, anchor))
    return svg.tag("g", *parts, class_=f"label {one.style}")
