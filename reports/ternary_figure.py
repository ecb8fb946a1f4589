"""The constraint triangle: what of the FLOPs goes into depth, width and resolution, and what it costs in accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from . import callouts, svg
from .callouts import Callout
from .contours import crossed, position, regions
from .front_figure import SHAPES
from .placement import Box

WIDTH, HEIGHT = 1040.0, 682.0
LEFT, RIGHT, TOP = 165.0, 795.0, 56.0
BOTTOM = TOP + (RIGHT - LEFT) * math.sqrt(0.75)
CIRCLE = "M-6 0A6 6 0 1 0 6 0A6 6 0 1 0-6 0Z"
LARGE, SMALL, RING, GAP, EDGE = "set-dot", "grid-dot", "set-ring", "set-gap", "ring"  # styles of dots
FEW = 400  # triples; more are drawn as smaller dots
COLUMN, ASIDE, NEAR = 838.0, 84.0, 30.0  # pixels: labels' left edge, distance of those on the left, what is near

Shares = tuple[float, float, float]  # of depth, width, resolution; they add up to 1


@dataclass(frozen=True)
class TernaryMark:
    """A triple that is named. style: a key of SHAPES, or a colour class. lines: of its label, the first in bold."""

    style: str
    lines: tuple[str, ...]
    shares: Shares


@dataclass(frozen=True)
class TernaryView:
    """What is drawn.

    corners: three lines each for depth, width, resolution. ticks: a coefficient's name and (share, words).
    surface: lattice point -> loss; (i, j) are the steps of depth and width of `parts`. Empty for evaluators.
    points: (shares, loss, whether in the confidence set); levels: limits of loss between the colours, rising.
    key: words for the colours, one more than levels; empty where colours say nothing.
    """

    corners: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    ticks: tuple[tuple[tuple[float, str], ...], ...]
    surface: dict[tuple[int, int], float]
    parts: int
    points: tuple[tuple[Shares, float, bool], ...]
    levels: tuple[float, ...]
    key: tuple[str, ...]
    key_title: str
    marks: tuple[TernaryMark, ...]
    title: str
    description: str


def draw(view: TernaryView, over: Sequence[Markup] = (), legend: Sequence[tuple[Markup, str]] | None = None) -> Markup:
    """over: drawn upon the surface, below names and marks. legend: instead of the dots' rows of the key; (a sample that
    is drawn around 0, 0; its words)."""
    frame = (spot((1, 0, 0)), spot((0, 1, 0)), spot((0, 0, 1)))
    border = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in frame) + "Z"
    parts = [svg.tag("path", d=border, class_="level-0" if view.surface else "level-none")]
    parts += [_region(view, level, number) for number, level in enumerate(view.levels, 1) if view.surface]
    lines, names = _grid_lines(view)
    parts += [lines, svg.tag("path", d=border, class_="border")]
    parts += [*_dots(view), *over]
    parts += [_level_names(view), _corners(view), _key(view, legend), _labels(view), names]
    parts += [_mark(mark) for mark in reversed(view.marks)]
    return svg.figure(WIDTH, HEIGHT, "triangle", view.title, view.description, parts)


def spot(shares: Shares) -> tuple[float, float]:
    """Pixels of a place in the triangle. Depth is the corner above, width on the left, resolution on the right."""
    depth, _, resolution = shares
    x = LEFT + (RIGHT - LEFT) * (resolution + depth / 2)
    return x, BOTTOM - (BOTTOM - TOP) * depth


def _lattice(view: TernaryView, point: tuple[float, float]) -> tuple[float, float]:
    depth, width = point[0] / view.parts, point[1] / view.parts
    return spot((depth, width, 1 - depth - width))


def _region(view: TernaryView, level: float, number: int) -> Markup:
    drawn = []
    for loop in regions(view.surface, level):
        places = (_lattice(view, position(key, view.surface, level)) for key in loop)
        drawn.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) + "Z")
    return svg.tag("path", d="".join(drawn), class_=f"level-{number}") if drawn else Markup("")


def _grid_lines(view: TernaryView) -> tuple[Markup, Markup]:
    """A line for each tick of each coefficient, and its words: alpha on the right edge, beta left, gamma below."""
    beside = ((8, 4, "start"), (-8, 4, "end"), (0, 20, "middle"))
    parts, names = [], []
    for dimension, (ticks, (dx, dy, anchor)) in enumerate(zip(view.ticks, beside, strict=True)):
        for share, words in ticks:
            ends = []
            for other in ((dimension + 1) % 3, (dimension + 2) % 3):
                shares = [0.0, 0.0, 0.0]
                shares[dimension], shares[other] = share, 1 - share
                ends.append(spot((shares[0], shares[1], shares[2])))
            parts.append(svg.path(ends, "lattice"))
            names.append(svg.text(ends[1][0] + dx, ends[1][1] + dy, words, "tick halo", anchor))
    return svg.tag("g", *parts), svg.tag("g", *names)


def _dots(view: TernaryView) -> list[Markup]:
    """But those that have a mark. Without a surface, the colours of the levels are the dots'."""
    few = " few" if len(view.points) < FEW else ""
    marked = {spot(mark.shares) for mark in view.marks}
    places = [(spot(shares), loss, inside) for shares, loss, inside in view.points if spot(shares) not in marked]
    chosen, plain = ([at for at, _, inside in places if inside == which] for which in (True, False))
    if view.surface:
        return [svg.dots(plain, SMALL + few), svg.dots(chosen, LARGE + few)]
    parts = [svg.dots(chosen, RING + few), svg.dots(chosen, GAP + few), svg.dots(plain, EDGE + few)]
    for number in reversed(range(len(view.levels) + 1)):
        same = [at for at, loss, _ in places if level_of(loss, view.levels) == number]
        parts.append(svg.dots(same, f"loss-dot dot-{number}{few}"))
    return parts


def level_of(loss: float, levels: tuple[float, ...]) -> int:
    return sum(loss >= level for level in levels)


def level_places(view: TernaryView) -> list[tuple[float, float, int, str]]:
    """x, y, number and words of each level's name: at its line, below the best point, unless another stands there."""
    if not view.surface:
        return []
    best = _lattice(view, min(view.surface, key=lambda one: (view.surface[one], one)))
    found, boxes = [], list[Box]()
    for number, level in enumerate(view.levels, 1):
        keys = [key for loop in regions(view.surface, level) for key in loop if crossed(key)]
        places = [_lattice(view, position(key, view.surface, level)) for key in keys]
        below = [(x, y) for x, y in places if best[1] < y < BOTTOM - 14]
        if not below:
            continue
        x, y = min(below, key=lambda at: (abs(at[0] - best[0]) / (at[1] - best[1] + 1), at))
        box = Box.around(x, y, svg.width(f"{level:g}", 12) / 2)
        if all(box.overlap(other) == 0 for other in boxes):
            found.append((x, y, number, f"{level:g}"))
            boxes.append(box)
    return found


def _level_names(view: TernaryView) -> Markup:
    return svg.tag("g", *(
        svg.text(x, y + 4, words, f"contour-name on-level-{number}", "middle")
        for x, y, number, words in level_places(view)
    )) if view.surface else Markup("")  # fmt: skip


def _corners(view: TernaryView) -> Markup:
    places = ((LEFT + RIGHT) / 2 + 40, TOP - 34), (LEFT - 60, BOTTOM + 30), (RIGHT - 60, BOTTOM + 30)
    parts = []
    for (x, y), lines in zip(places, view.corners, strict=True):
        for number, line in enumerate(lines):
            parts.append(svg.text(x, y + 17.0 * number, line, "strong" if number == 0 else "dim"))
    return svg.tag("g", *parts)


def _key(view: TernaryView, legend: Sequence[tuple[Markup, str]] | None) -> Markup:
    parts = [svg.text(0, 22, view.key_title, "strong")] if view.key else []
    style = "level" if view.surface else "dot"
    for number, words in enumerate(view.key):
        y = 36.0 + 22 * number
        parts.append(svg.tag("rect", x=0, y=y, width=22, height=14, rx=3, class_=f"{style}-{number}"))
        parts.append(svg.text(30, y + 12, words))
    y = 56.0 + 22 * len(view.key)
    for number, (sample, words) in enumerate(legend or ()):
        parts.append(svg.tag("g", sample, transform=f"translate(11 {y + 22 * number:.0f})"))
        parts.append(svg.text(30, y + 5 + 22 * number, words))
    if legend is not None:
        return svg.tag("g", *parts)
    few = " few" if len(view.points) < FEW else ""
    rows = (
        ((LARGE,) if view.surface else (RING, GAP), "in the confidence set"),
        ((SMALL,) if view.surface else (EDGE,), "other triples of the grid"),
    )
    for number, (styles, words) in enumerate(rows):
        parts += [svg.dots([(11, y + 22 * number)], style + few) for style in styles]
        parts.append(svg.text(30, y + 5 + 22 * number, words))
    return svg.tag("g", *parts)


def _mark(mark: TernaryMark) -> Markup:
    x, y = spot(mark.shares)
    shape = svg.tag("path", d=SHAPES.get(mark.style, CIRCLE), transform=f"translate({x:.1f} {y:.1f})", class_="shape")
    return svg.tag("g", shape, class_=f"mark {mark.style}")


def _labels(view: TernaryView) -> Markup:
    """Beside the triangle, so that they cover none of it; on the left for what lies near its left edge."""
    columns: dict[bool, list[Callout]] = {False: [], True: []}
    for mark in view.marks:
        x, y = spot(mark.shares)
        left = spot((mark.shares[0], 1 - mark.shares[0], 0))[0]
        before = x - left < NEAR
        edge = left - ASIDE if before else COLUMN
        columns[before].append(Callout(x, y, edge, before, mark.lines, mark.style))
    return svg.tag("g", *(callouts.draw(column, TOP, BOTTOM) for column in columns.values()))
