"""A family next to the official one: a row a member, a panel a quantity, found and official joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from . import svg
from .svg import Scale
from .text import clipped

WIDTH, ROW, TOP, GAP, FIRST = 1040.0, 30.0, 68.0, 34.0, 52.0
SQUARE = "M-7.5-7.5H7.5V7.5H-7.5Z"  # around a dot, where both are equal
TICKS = 52.0  # pixels between two at least


@dataclass(frozen=True)
class Panel:
    """A quantity of each member: values of the found and the official networks (None where there is none)."""

    title: str
    found: tuple[float, ...]
    official: tuple[float | None, ...]
    word: Callable[[float], str]
    log: bool = True


@dataclass(frozen=True)
class FamilyView:
    """names: the members, from the smallest. found, official: what the two dots are."""

    names: tuple[str, ...]
    panels: tuple[Panel, ...]
    found: str
    official: str
    title: str
    description: str


def draw(view: FamilyView) -> Markup:
    wide = (WIDTH - FIRST - GAP * (len(view.panels) - 1)) / len(view.panels)
    bottom = TOP + ROW * len(view.names)
    parts = [_key(view)]
    for number, name in enumerate(view.names):
        parts.append(svg.text(0, TOP + ROW * (number + 0.5) + 4, clipped(name, 7), "strong"))
    for number, panel in enumerate(view.panels):
        parts.append(_panel(panel, FIRST + number * (wide + GAP), wide, bottom))
    return svg.figure(WIDTH, bottom + 30, "family-figure", view.title, view.description, parts)


def _panel(panel: Panel, left: float, wide: float, bottom: float) -> Markup:
    values = [one for one in (*panel.found, *panel.official) if one is not None]
    scale = Scale(*svg.padded(values, 0.06, log=panel.log), left, left + wide, log=panel.log)
    parts = [svg.text(left, TOP - 12, panel.title, "strong")]
    ticks = svg.log_ticks(scale, TICKS) if panel.log else svg.linear_ticks(scale.low, scale.high, int(wide / TICKS))[0]
    for value in ticks:
        x = scale(value)
        parts.append(svg.path(((x, TOP), (x, bottom)), "grid"))
        words = panel.word(value)
        half = svg.width(words, 12.5) / 2
        parts.append(svg.text(min(max(x, left + half), left + wide - half), bottom + 18, words, "tick", "middle"))
    for number, (found, official) in enumerate(zip(panel.found, panel.official, strict=True)):
        y = TOP + ROW * (number + 0.5)
        if official is not None:
            parts.append(svg.path(((scale(found), y), (scale(official), y)), "join"))
            parts.append(_official(scale(official), y))
        parts.append(svg.tag("circle", cx=scale(found), cy=y, r=5.5, class_="dot found"))
    return svg.tag("g", *parts)


def _key(view: FamilyView) -> Markup:
    parts = [svg.tag("circle", cx=6, cy=12, r=5.5, class_="dot found"), svg.text(18, 16.5, clipped(view.found, 70))]
    if any(one is not None for panel in view.panels for one in panel.official):
        x = 48 + svg.width(clipped(view.found, 70), 13)
        parts += [_official(x, 12), svg.text(x + 12, 16.5, view.official)]
    return svg.tag("g", *parts)


def _official(x: float, y: float) -> Markup:
    return svg.tag("path", d=SQUARE, transform=f"translate({x:.1f} {y:.1f})", class_="official")
