"""Accuracy against a cost, drawn: what was tried, the front, what was picked, what it is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from markupsafe import Markup

from ..search_spaces.quantity import format_count
from . import svg
from .front_view import Front, FrontView, Mark
from .placement import Box, Placed, Wanted, place
from .published import Quoted
from .svg import Frame, Scale

WIDTH, HEIGHT, FOOT = 1040.0, 600.0, 54.0
LEFT, RIGHT, TOP = 54.0, 1028.0, 34.0
HEADROOM = 0.08  # above the best, in parts of the range: labels stand there
NOTE = "○ quoted from papers: longer trainings, other recipes"
SHAPES = {
    "budget": "M0-8L8 0L0 8L-8 0Z",
    "reward": "M-6.5-6.5H6.5V6.5H-6.5Z",
    "knee": "M0-8L8 6.5H-8Z",
    "reference": "M0-9.5L2.4-3.2L9-2.9L3.8 1.2L5.6 7.7L0 4L-5.6 7.7L-3.8 1.2L-9-2.9L-2.4-3.2Z",
}
CIRCLE = "M-6 0A6 6 0 1 0 6 0A6 6 0 1 0-6 0Z"
FEW = 300  # networks; fewer are drawn as larger dots
LINE = 16  # pixels from one line of a label to the next


def draw(view: FrontView, name: str = "front", height: float = HEIGHT) -> Markup:
    """name: an id that no other figure of the page has."""
    bottom = height - FOOT
    low, high = svg.padded(view.accuracies(), 0.05)
    frame = Frame(
        Scale(*svg.padded(view.costs(), 0.03, log=True), LEFT, RIGHT, log=True),
        Scale(low, high + (high - low) * HEADROOM, bottom, TOP),
    )
    ticks = svg.log_ticks(frame.x, 46)
    parts = [svg.axes(frame, ticks, lambda value: format_count(value, 3), view.cost.of_one, view.axis)]
    for usable, style in ((False, "cloud over"), (True, "cloud")):
        size = " few" if len(view.cloud) < FEW else ""
        parts.append(svg.dots((_at(frame, c, a) for c, a, within in view.cloud if within == usable), style + size))
    parts += [_target(frame, value, view.cost.short(value)) for value in sorted(set(view.targets))]
    parts += [_front(frame, front) for front in view.fronts if front.costs]
    parts += [svg.tag("circle", cx=x, cy=y, r=5, class_="quoted") for x, y in _places(frame, view.quoted)]
    parts += [_mark(frame, mark) for mark in reversed(view.marks)]
    parts.append(_labels(frame, view))
    if view.quoted:
        parts.append(svg.text(LEFT + 8, TOP + 8, NOTE, "quoted-label"))
    return svg.figure(WIDTH, height, name, view.title, view.description, parts)


def _at(frame: Frame, cost: float, accuracy: float) -> tuple[float, float]:
    return frame.x(cost), frame.y(accuracy)


def _places(frame: Frame, quoted: Iterable[Quoted]) -> list[tuple[float, float]]:
    return [_at(frame, one.mult_adds, one.top1) for one in quoted]


def _target(frame: Frame, value: float, amount: str) -> Markup:
    x, words = frame.x(value), f"target {amount}"
    line = svg.path(((x, frame.y.start), (x, frame.y.end)), "target")
    left = x + 6 + svg.width(words, 13) < RIGHT
    return line + svg.text(
        x + (6 if left else -6), frame.y.start - 10, words, "target-label", "start" if left else "end"
    )


def _front(frame: Frame, front: Front) -> Markup:
    points = [_at(frame, cost, accuracy) for cost, accuracy in zip(front.costs, front.accuracies, strict=True)]
    line = svg.steps(points, points[-1][0], f"front {front.style}") if front.stairs else Markup("")
    return line + svg.dots(points, f"front-dots {front.style}")


def _mark(frame: Frame, mark: Mark) -> Markup:
    x, y = _at(frame, mark.cost, mark.accuracy)
    parts = []
    if mark.std:
        low, high = frame.y(mark.accuracy - mark.std), frame.y(mark.accuracy + mark.std)
        parts.append(svg.tag("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}m-4 0h8M{x - 4:.1f} {low:.1f}h8", class_="error"))
    shape = SHAPES.get(mark.style, CIRCLE)
    parts.append(svg.tag("path", d=shape, transform=f"translate({x:.1f} {y:.1f})", class_="shape"))
    return svg.tag("g", *parts, class_=f"mark {mark.style}")


def _labels(frame: Frame, view: FrontView) -> Markup:
    """Of the marks, the fronts and the quoted networks, in this order of precedence."""
    wanted = [_wanted(frame, mark.cost, mark.accuracy, mark.lines, 13, 7) for mark in view.marks]
    named = [front for front in view.fronts if front.label and front.costs]
    for front in named:
        middle = len(front.costs) // 3
        wanted.append(_wanted(frame, front.costs[middle], front.accuracies[middle], (front.label,), 13, 2))
    wanted += [_wanted(frame, one.mult_adds, one.top1, (one.name,), 12, 4) for one in view.quoted]
    places = place(
        wanted,
        inside=Box(LEFT + 2, TOP, RIGHT, frame.y.start - 26),
        taken=_taken(frame, view),
        dots=_cells(frame, view),
    )
    styles = [f"label {mark.style}" for mark in view.marks] + [f"label {front.style}" for front in named]
    texts = [mark.lines for mark in view.marks] + [(front.label,) for front in named]
    styles += ["quoted-label"] * len(view.quoted)
    texts += [(one.name,) for one in view.quoted]
    return svg.tag("g", *map(_label, wanted, places, styles, texts))


def _wanted(frame: Frame, cost: float, accuracy: float, lines: tuple[str, ...], size: float, clear: float) -> Wanted:
    x, y = _at(frame, cost, accuracy)
    return Wanted(x, y, max(svg.width(line, size) for line in lines), LINE * len(lines), clear)


def _label(wanted: Wanted, placed: Placed, style: str, lines: tuple[str, ...]) -> Markup:
    box, parts = placed.box, []
    if placed.led:
        x = min(max(wanted.x, box.left), box.right)
        y = min(max(wanted.y, box.top), box.bottom)
        parts.append(svg.path(((wanted.x, wanted.y), (x, y)), "leader"))
    if box.right <= wanted.x + 1:
        anchor, x = "end", box.right
    else:
        centred = box.left < wanted.x - 1
        anchor, x = ("middle", (box.left + box.right) / 2) if centred else ("start", box.left)
    for number, line in enumerate(lines):
        weight = "strong" if number == 0 and len(lines) > 1 else ""
        parts.append(svg.text(x, box.top + 12.0 + LINE * number, line, weight, anchor))
    return svg.tag("g", *parts, class_=style)


def _taken(frame: Frame, view: FrontView) -> list[Box]:
    """What labels should not cover: marks with their error bars, quoted circles, fronts, target lines, the note."""
    boxes = [Box.around(*_at(frame, mark.cost, mark.accuracy), 9) for mark in view.marks]
    for mark in view.marks:
        x, std = frame.x(mark.cost), mark.std or 0.0
        boxes.append(Box(x - 4, frame.y(mark.accuracy + std), x + 4, frame.y(mark.accuracy - std)))
    boxes += [Box.around(x, y, 6) for x, y in _places(frame, view.quoted)]
    for front in view.fronts:
        points = [_at(frame, c, a) for c, a in zip(front.costs, front.accuracies, strict=True)]
        boxes += [Box.around(x, y, 3) for x, y in points]
        if front.stairs:
            boxes += [Box(x, y - 2, after, y + 2) for (x, y), (after, _) in pairwise(points)]
    boxes += [Box(frame.x(value) - 2, TOP, frame.x(value) + 2, frame.y.start) for value in view.targets]
    if view.quoted:
        boxes.append(Box(LEFT, TOP - 6, LEFT + 12 + svg.width(NOTE, 12), TOP + 14))
    return boxes


def _cells(frame: Frame, view: FrontView) -> set[tuple[float, float]]:
    """The cloud on a coarse raster, enough to see where it is dense."""
    places = (_at(frame, cost, accuracy) for cost, accuracy, _ in view.cloud)
    return {(round(x / 6) * 6.0, round(y / 6) * 6.0) for x, y in places}
