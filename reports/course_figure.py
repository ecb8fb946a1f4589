"""The course of a search or a training: a value against the networks tried, or the epochs."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ..search_spaces.quantity import format_count
from . import svg
from .svg import Frame, Scale
from .text import clipped

WIDTH, HEIGHT = 500.0, 270.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 488.0, 34.0, 214.0


@dataclass(frozen=True)
class Course:
    """name: an id. points: (networks tried, value) after each batch. level: a value to compare with, and its name.

    steps: what the points are counted in; noun: the same in a sentence."""

    name: str
    title: str
    axis: str
    points: tuple[tuple[int, float], ...]
    level: float | None = None
    level_name: str = ""
    decimals: int = 2
    steps: str = "networks tried"
    noun: str = "networks"


def draw(course: Course) -> Markup:
    """A staircase, and the level as a dashed line where there is one."""
    values = [value for _, value in course.points] + ([] if course.level is None else [course.level])
    last = course.points[-1][0]
    x = Scale(0, last, LEFT, RIGHT)
    frame = Frame(x, Scale(*svg.padded(values, 0.1), BOTTOM, TOP))
    ticks = [tick for tick in svg.linear_ticks(0, last, 6)[0] if tick == round(tick)]
    parts = [svg.axes(frame, ticks, lambda value: format_count(value, 3), course.steps, clipped(course.axis, 56))]
    if course.level is not None:
        y = frame.y(course.level)
        reached = course.points[-1][1] >= course.level  # then it is free below the line on the right, else above it
        parts.append(svg.path(((LEFT, y), (RIGHT, y)), "level"))
        parts.append(svg.text(RIGHT - 2, y + (17 if reached else -7), course.level_name, "level-label", "end"))
    points = _by_pixel([(frame.x(done), frame.y(value)) for done, value in course.points])
    parts.append(svg.steps(points, RIGHT, "front") if len(points) > 1 else Markup(""))
    end = points[-1]
    parts.append(svg.tag("circle", cx=end[0], cy=end[1], r=4.5, class_="end"))
    value = f"{course.points[-1][1]:.{course.decimals}f}"
    over = course.level is None or course.points[-1][1] >= course.level
    parts.append(svg.text(RIGHT - 2, end[1] + (-10 if over else 20), value, "end-label", "end"))
    first, final = course.points[0], course.points[-1]
    words = f"From {first[1]:.{course.decimals}f} after {first[0]:,} {course.noun} to {value} after {final[0]:,}."
    return svg.figure(WIDTH, HEIGHT, course.name, course.title, words, parts)


def _by_pixel(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The last point of each pixel column: a search of 20,000 single batches is no larger than one of 400."""
    return list({round(x): (x, y) for x, y in points}.values())
