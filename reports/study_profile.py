"""The fitted response along the edges of the triangle, with the trainings, on one axis: effect against noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from . import svg
from .front_figure import CIRCLE, SHAPES
from .svg import Scale

WIDTH, TOP, BOTTOM, FOOT = 1040.0, 78.0, 346.0, 64.0
LEFT, GAP, ASIDE = 58.0, 34.0, 152.0  # of the first panel, between two, for the noise
INSET = 14.0  # of a panel's ends
BELOW, SHORTEST = 8.0, 10.0  # what may be the best: below the axis, and how long at least


@dataclass(frozen=True)
class Trained:
    """A network near the edge. x: 0 where all goes into the first dimension, 1 into the second. title: when it is
    pointed at."""

    x: float
    mean: float
    singles: tuple[float, ...]
    title: str


@dataclass(frozen=True)
class Panel:
    """An edge. ends: two lines each, left and right. line: (x, fitted, low, high), x rising. inside: the x that may be
    the best, and how far apart two neighbours are. marks: (style, x, fitted)."""

    title: str
    ends: tuple[tuple[str, str], tuple[str, str]]
    line: tuple[tuple[float, float, float, float], ...]
    inside: tuple[float, ...]
    step: float
    trained: tuple[Trained, ...]
    marks: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True)
class ProfileView:
    """axis: of the response. sigma: of one training. runs: of most networks. names: of the marks, style -> word."""

    panels: tuple[Panel, ...]
    axis: str
    sigma: float
    runs: int
    names: tuple[tuple[str, str], ...]
    title: str
    description: str


def draw(view: ProfileView) -> Markup:
    values = [one for panel in view.panels for _, *three in panel.line for one in three]
    values += [one for panel in view.panels for dot in panel.trained for one in (dot.mean, *dot.singles)]
    y = Scale(*svg.padded(values, 0.06), BOTTOM, TOP)
    wide = (WIDTH - LEFT - ASIDE - GAP * (len(view.panels) - 1)) / len(view.panels)
    ticks, decimals = svg.linear_ticks(y.low, y.high, 6)
    parts = [_key(view), svg.text(0, TOP - 14, view.axis, "axis-title")]
    parts += [svg.text(LEFT - 8, y(tick) + 4, f"{tick:.{decimals}f}", "tick", "end") for tick in ticks]
    for number, panel in enumerate(view.panels):
        parts.append(_panel(panel, y, ticks, LEFT + number * (wide + GAP), wide))
    parts.append(_noise(view, y))
    return svg.figure(WIDTH, BOTTOM + FOOT, "profiles", view.title, view.description, parts)


def _panel(panel: Panel, y: Scale, ticks: Sequence[float], left: float, wide: float) -> Markup:
    x = Scale(0, 1, left + INSET, left + wide - INSET)
    parts = [svg.path(((left, y(tick)), (left + wide, y(tick))), "grid") for tick in ticks]
    middle = svg.text(left + wide / 2, TOP - 14, panel.title, "strong", "middle")
    band = [(x(at), y(low)) for at, _, low, _ in panel.line] + [(x(at), y(high)) for at, _, _, high in panel.line[::-1]]
    parts += [middle, svg.path(band, "band"), svg.path(((left, BOTTOM), (left + wide, BOTTOM)), "axis")]
    parts += [_reach(x, low, high) for low, high in joined(panel.inside, panel.step)]
    parts.append(svg.path([(x(at), y(fitted)) for at, fitted, _, _ in panel.line], "front"))
    for dot in panel.trained:
        parts += [svg.tag("circle", cx=x(dot.x), cy=y(one), r=2.8, class_="single") for one in dot.singles]
    for dot in panel.trained:
        circle = svg.tag("circle", cx=x(dot.x), cy=y(dot.mean), r=5.0, class_="mean")
        parts.append(svg.tag("g", svg.tag("title", dot.title), circle))
    parts += [_mark(style, x(at), y(fitted)) for style, at, fitted in panel.marks]
    for (first, second), at, anchor in zip(panel.ends, (left, left + wide), ("start", "end"), strict=True):
        parts.append(svg.text(at, BOTTOM + 32, first, "strong", anchor))
        parts.append(svg.text(at, BOTTOM + 49, second, "tick", anchor))
    return svg.tag("g", *parts)


def joined(inside: Sequence[float], step: float) -> list[tuple[float, float]]:
    """Rising places of a lattice as stretches, half a step around each, within 0 and 1."""
    found: list[tuple[float, float]] = []
    for one in inside:
        low, high = max(0.0, one - step / 2), min(1.0, one + step / 2)
        if found and low - found[-1][1] < step / 4:
            low = found.pop()[0]
        found.append((low, high))
    return found


def _reach(x: Scale, low: float, high: float) -> Markup:
    """What may be the best, below the axis."""
    more = max(0.0, SHORTEST - (x(high) - x(low))) / 2
    return svg.path(((x(low) - more, BOTTOM + BELOW), (x(high) + more, BOTTOM + BELOW)), "reach")


def _noise(view: ProfileView, y: Scale) -> Markup:
    """One standard deviation up and down: of a training, and of the mean of a network's."""
    middle = (TOP + BOTTOM) / 2
    pixels = abs(y(view.sigma) - y(0.0))
    parts = [svg.text(WIDTH - ASIDE + 75, TOP - 14, "noise, ±", "strong", "middle")]
    rows = [("one run", pixels)]
    if view.runs > 1:
        rows.append((f"mean of {view.runs}", pixels / view.runs**0.5))
    for number, (words, reach) in enumerate(rows):
        x = WIDTH - ASIDE + 42 + 66.0 * number
        top, bottom = middle - reach, middle + reach
        parts.append(svg.path(((x, top), (x, bottom)), "whisker"))
        parts += [svg.path(((x - 6, end), (x + 6, end)), "whisker") for end in (top, bottom)]
        parts.append(svg.text(x, BOTTOM + 32, words, "tick", "middle"))
    return svg.tag("g", *parts)


def _key(view: ProfileView) -> Markup:
    """The samples in a row, and after them the marks'."""
    samples = [
        (svg.tag("g", svg.path(((-11, -6), (11, -6), (11, 6), (-11, 6)), "band"),
                 svg.path(((-11, 0), (11, 0)), "front")), "fitted, 95 % band"),
        (svg.tag("circle", cx=0.0, cy=0.0, r=5.0, class_="mean"), "a network's mean"),
        (svg.tag("circle", cx=0.0, cy=0.0, r=2.8, class_="single"), "one training"),
        (svg.path(((-10, 0), (10, 0)), "reach"), "may be the best"),
        *((_mark(style, 0, 0), word) for style, word in view.names),
    ]  # fmt: skip
    parts, x = [], 12.0
    for sample, words in samples:
        parts.append(svg.tag("g", sample, transform=f"translate({x:.0f} 18)"))
        parts.append(svg.text(x + 18, 22.5, words))
        x += 48 + svg.width(words, 12.5)
    return svg.tag("g", *parts)


def _mark(style: str, x: float, y: float) -> Markup:
    shape = svg.tag("path", d=SHAPES.get(style, CIRCLE), transform=f"translate({x:.1f} {y:.1f})", class_="shape")
    return svg.tag("g", shape, class_=f"mark {style}")
