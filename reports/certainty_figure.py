"""The found network and its reference as intervals: how far apart, and how sure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from . import svg
from .svg import Scale
from .text import clipped

WIDTH, ROW, TOP = 480.0, 58.0, 8.0


@dataclass(frozen=True)
class Interval:
    """style: budget or reference. std: one standard deviation."""

    style: str
    name: str
    amount: str
    accuracy: float
    std: float


def draw(intervals: tuple[Interval, ...], axis: str) -> Markup:
    """A thick line of one standard deviation to both sides, a thin one of two."""
    ends = [one.accuracy + sign * 2 * one.std for one in intervals for sign in (-1, 1)]
    scale = Scale(*svg.padded(ends, 0.06), 10, WIDTH - 10)
    bottom = TOP + ROW * len(intervals)
    parts = []
    ticks, decimals = svg.linear_ticks(scale.low, scale.high, 6)
    for value in ticks:
        parts.append(svg.path(((scale(value), TOP), (scale(value), bottom)), "grid"))
        parts.append(svg.text(scale(value), bottom + 18, f"{value:.{decimals}f}", "tick", "middle"))
    for number, one in enumerate(intervals):
        parts.append(_row(scale, one, TOP + ROW * number))
    parts.append(svg.text(WIDTH - 10, bottom + 38, clipped(axis, 56), "axis-title", "end"))
    title = "How sure: " + "; ".join(f"{one.name} {one.amount}" for one in intervals)
    words = "Thick: one standard deviation to both sides. Thin: two."
    return svg.figure(WIDTH, bottom + 46, "certainty", title, words, parts)


def _row(scale: Scale, one: Interval, top: float) -> Markup:
    y = top + 38
    lines = [
        svg.path(((scale(one.accuracy - reach * one.std), y), (scale(one.accuracy + reach * one.std), y)), style)
        for reach, style in ((2, "thin"), (1, "thick"))
    ]
    label = svg.tag("tspan", clipped(one.name, 34), class_="strong")
    return svg.tag(
        "g", *lines, svg.tag("circle", cx=scale(one.accuracy), cy=y, r=6, class_="shape"),
        svg.text(10, top + 20, label, "interval"), svg.text(WIDTH - 10, top + 20, one.amount, "interval", "end"),
        class_=f"mark {one.style}",
    )  # fmt: skip
