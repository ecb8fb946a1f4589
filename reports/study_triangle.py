"""A study in the triangle: the fitted surface, what may be the best, the networks where they were built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from . import contours, svg, ternary_figure
from .contours import Key, Point, Vertex
from .front_figure import SHAPES
from .placement import Box, Wanted, place
from .ternary_figure import Shares, TernaryView, spot

DOT, FONT, LINE = 4.5, 12.0, 14.0
SHAPE = 9.0  # half of a mark
MOST = 40  # networks that are labelled
HALF, PASSES = 0.5, 2


@dataclass(frozen=True)
class Dot:
    """A network. words: beside it; title: when it is pointed at."""

    shares: Shares
    words: str
    title: str


@dataclass(frozen=True)
class StudyTriangle:
    """ternary: surface, colours, marks, no points. region: the places of its lattice that may be the best."""

    ternary: TernaryView
    region: frozenset[tuple[int, int]]
    networks: tuple[Dot, ...]
    legend: tuple[str, str]


def draw(view: StudyTriangle) -> Markup:
    over = [*_region(view), *(_dot(one) for one in view.networks), _labels(view)]
    circle = svg.tag("circle", cx=0.0, cy=0.0, r=DOT, class_="network")
    ring = svg.tag("path", d="M-9-6H9V6H-9Z", class_="region")
    sample = svg.tag("g", ring, svg.dots([(-4, 0), (4, 0)], "region-dot"))
    return ternary_figure.draw(view.ternary, over, tuple(zip((sample, circle), view.legend, strict=True)))


def _region(view: StudyTriangle) -> list[Markup]:
    """An outline half a step of the lattice around its places, and a dot at each of them."""
    parts = view.ternary.parts
    values = {key: float(key in view.region) for key in view.ternary.surface}

    def at(point: tuple[float, float]) -> tuple[float, float]:
        depth, width = point[0] / parts, point[1] / parts
        return spot((depth, width, 1 - depth - width))

    loops = [_smooth(loop, values, parts, at) for loop in contours.regions(values, HALF)]
    written = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in loop) + "Z" for loop in loops)
    return [
        svg.tag("path", d=written, class_="region-halo"), svg.tag("path", d=written, class_="region"),
        svg.dots([at(key) for key in sorted(view.region)], "region-dot"),
    ]  # fmt: skip


def _smooth(loop: list[Key], values: dict[Vertex, float], parts: int, at: Callable[[Point], Point]) -> list[Point]:
    """A border without the lattice's teeth; on the triangle's own border it stays there."""
    places = [at(contours.position(key, values, HALF)) for key in loop]
    for _ in range(PASSES):
        before, after = places[-1:] + places[:-1], places[1:] + places[:1]
        places = [
            ((a[0] + 2 * b[0] + c[0]) / 4, (a[1] + 2 * b[1] + c[1]) / 4) if _inner(key, parts) else b
            for key, a, b, c in zip(loop, before, places, after, strict=True)
        ]
    return places


def _inner(key: Key, parts: int) -> bool:
    """Whether a point of a border is not on the triangle's."""
    (i, j), (k, m) = key
    return contours.crossed(key) and i + k > 0 and j + m > 0 and i + j + k + m < 2 * parts


def _dot(one: Dot) -> Markup:
    x, y = spot(one.shares)
    return svg.tag("g", svg.tag("title", one.title), svg.tag("circle", cx=x, cy=y, r=DOT, class_="network"))


def _labels(view: StudyTriangle) -> Markup:
    """Beside the dots, on no mark and no other dot."""
    if len(view.networks) > MOST:
        return Markup("")
    places = [spot(one.shares) for one in view.networks]
    taken = [Box.around(x, y, DOT) for x, y in places]
    taken += [Box.around(*spot(mark.shares), SHAPE) for mark in view.ternary.marks if mark.style in SHAPES]
    wanted = [
        Wanted(x, y, svg.width(one.words, FONT), LINE, DOT) for (x, y), one in zip(places, view.networks, strict=True)
    ]
    levels = ternary_figure.level_places(view.ternary)
    taken += [Box.around(x, y, svg.width(words, FONT) / 2) for x, y, _, words in levels]
    inside = Box(ternary_figure.LEFT - 40, ternary_figure.TOP - 30, ternary_figure.RIGHT + 40, ternary_figure.BOTTOM)
    parts = []
    for one, placed, (x, y) in zip(view.networks, place(wanted, inside=inside, taken=taken), places, strict=True):
        box = placed.box
        if placed.led:
            parts.append(svg.path(((x, y), ((box.left + box.right) / 2, (box.top + box.bottom) / 2)), "network-line"))
        parts.append(svg.text((box.left + box.right) / 2, box.bottom - 3, one.words, "network-name", "middle"))
    return svg.tag("g", *parts)
