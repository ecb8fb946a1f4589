"""How far alpha, beta and gamma reach among the triples that cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from . import svg
from .front_figure import SHAPES
from .svg import Scale

WIDTH, ROW, TOP = 480.0, 66.0, 8.0


@dataclass(frozen=True)
class Extent:
    """A coefficient: its range in the confidence set and in the whole grid, the chosen and the published value."""

    name: str
    inside: tuple[float, float]
    whole: tuple[float, float]
    chosen: float
    published: float


def span(ends: tuple[float, float]) -> str:
    """ "1.15 to 1.4", or "1.1" where that is all."""
    low, high = (f"{end:.4g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def draw(extents: tuple[Extent, ...]) -> Markup:
    """Thick: the set. Thin: the grid. A diamond is the chosen value, a star the published one below it."""
    scale = Scale(*svg.padded([end for one in extents for end in one.whole], 0.03), 10, WIDTH - 10)
    bottom = TOP + ROW * len(extents)
    parts = []
    ticks, decimals = svg.linear_ticks(scale.low, scale.high, 7)
    for value in ticks:
        parts.append(svg.path(((scale(value), TOP), (scale(value), bottom)), "grid"))
        parts.append(svg.text(scale(value), bottom + 18, f"{value:.{max(1, decimals)}f}", "tick", "middle"))
    for number, one in enumerate(extents):
        parts.append(_row(scale, one, TOP + ROW * number))
    said = "; ".join(f"{one.name} {span(one.inside)}, chosen {one.chosen:.4g}" for one in extents)
    return svg.figure(WIDTH, bottom + 26, "extents", f"How sure: {said}", "Thick: the set. Thin: the grid.", parts)


def _row(scale: Scale, one: Extent, top: float) -> Markup:
    y, name = top + 36, svg.tag("tspan", one.name, class_="strong")
    reach = [
        svg.path(tuple((scale(end), y) for end in ends), style)
        for ends, style in ((one.whole, "thin"), (one.inside, "thick round"))
    ]
    return svg.tag(
        "g", svg.tag("g", *reach, class_="set-color"),
        _shape("budget", scale(one.chosen), y), _shape("reference", scale(one.published), y + 17),
        svg.text(10, top + 18, name, "interval"),
        svg.text(WIDTH - 10, top + 18, span(one.inside), "interval", "end"),
    )  # fmt: skip


def _shape(style: str, x: float, y: float) -> Markup:
    drawn = svg.tag("path", d=SHAPES[style], transform=f"translate({x:.1f} {y:.1f})", class_="shape")
    return svg.tag("g", drawn, class_=f"mark {style}")
