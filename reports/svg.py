"""Small SVG drawings as text: elements with escaped values, scales, ticks, axes. Colours are classes of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from .text import shown

DIGITS = (1, 5, 2, 3, 4, 8, 6, 1.5)  # that a log axis is labelled at, the dearest first
LETTER = 0.58  # width of a letter in parts of the font size, on the wide side


@dataclass(frozen=True)
class Scale:
    """Value -> pixels: low at start, high at end (SVG's y grows downwards, so there start > end)."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log(x) for x in (self.low, self.high, value)) if self.log else self._plain(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def _plain(self, value: float) -> tuple[float, float, float]:
        return self.low, self.high, value

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Frame:
    """A plot's scales; x grows to the right, y upwards."""

    x: Scale
    y: Scale


def padded(values: Iterable[float], share: float, *, log: bool = False) -> tuple[float, float]:
    """The range of values and some more on both sides; a range of nothing or of one value is made drawable."""
    found = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not found:
        return (1e8, 1e9) if log else (0.0, 1.0)
    low, high = min(found), max(found)
    if log:
        factor = (high / low) ** share if high > low * 1.02 else 1.25
        return low / factor, high * factor
    more = (high - low) * share if high > low else max(abs(high) * 0.02, 0.5)
    return low - more, high + more


def linear_ticks(low: float, high: float, count: int) -> tuple[list[float], int]:
    """At most about `count` round values in the range, and the decimals that they need."""
    raw = (high - low) / max(1, count)
    power = math.floor(math.log10(raw))
    steps = [digit * 10.0**power for digit in (10, 5, 2, 1)]
    wide_enough = [step for step in reversed(steps) if step >= raw * 0.999]
    for step in (wide_enough[0], *(step for step in steps if step < wide_enough[0])):
        numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if numbers:  # a step as wide as half the range may miss it; the next finer one does not
            break
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [number * step for number in numbers], decimals


def log_ticks(scale: Scale, gap: float) -> list[float]:
    """Round values at least `gap` pixels apart; powers of ten go first. In a narrow range, those of a linear axis."""
    if scale.high < 4 * scale.low:
        return linear_ticks(scale.low, scale.high, 8)[0]
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    ticks: list[float] = []
    for digit in DIGITS:
        for value in (digit * 10.0**power for power in powers):
            if scale.holds(value) and all(abs(scale(value) - scale(other)) >= gap for other in ticks):
                ticks.append(value)
    return sorted(ticks)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element. class_ is the attribute class, stroke_width is stroke-width; None leaves an attribute out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-") if key != "viewBox" else key}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(child if isinstance(child, Markup) else escape(_value(child)) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S704


def figure(width: float, height: float, name: str, title: str, description: str, parts: Iterable[Markup]) -> Markup:
    """A whole picture. name: an id that no other figure of the page has; title and description for screen readers."""
    return tag(
        "svg", tag("title", title, id=f"{name}-title"), tag("desc", description, id=f"{name}-desc"), *parts,
        viewBox=f"0 0 {_value(width)} {_value(height)}", role="img", class_="wide-figure" if width > 600 else None,
        aria_labelledby=f"{name}-title {name}-desc",
    )  # fmt: skip


def text(x: float, y: float, content: object, style: str = "", anchor: str = "start") -> Markup:
    """anchor: start, middle or end."""
    return tag("text", content, x=x, y=y, class_=style or None, text_anchor=None if anchor == "start" else anchor)


def path(points: Iterable[tuple[float, float]], style: str) -> Markup:
    """A line through points."""
    return tag("path", d="M" + "L".join(f"{_value(x)} {_value(y)}" for x, y in points), class_=style)


def steps(points: Sequence[tuple[float, float]], end: float, style: str) -> Markup:
    """A staircase that holds each point's height until the next one, the last until x = end."""
    parts = [f"M{_value(points[0][0])} {_value(points[0][1])}"]
    parts += [f"H{_value(x)}V{_value(y)}" for x, y in points[1:]]
    return tag("path", d="".join(parts) + (f"H{_value(end)}" if end > points[-1][0] else ""), class_=style)


def dots(points: Iterable[tuple[float, float]], style: str) -> Markup:
    """Round dots (the stroke width is their diameter), one for each pixel that holds any."""
    pixels = sorted({(round(x), round(y)) for x, y in points})
    return tag("path", d="".join(f"M{x} {y}h0" for x, y in pixels), class_=style) if pixels else Markup("")


def axes(frame: Frame, x_ticks: Sequence[float], x_word: Callable[[float], str], x_title: str, y_title: str) -> Markup:
    """Horizontal grid lines, both axes' numbers and titles: the y title on top, the x title below."""
    x, y = frame.x, frame.y
    count = max(3, round(abs(y.end - y.start) / 62))
    y_ticks, decimals = linear_ticks(y.low, y.high, count)
    if len(y_ticks) < 2:  # a single number is no axis
        y_ticks, decimals = linear_ticks(y.low, y.high, 2 * count)
    parts = []
    for value in y_ticks:
        parts.append(tag("path", d=f"M{_value(x.start)} {_value(y(value))}H{_value(x.end)}", class_="grid"))
        parts.append(text(x.start - 8, y(value) + 4, f"{value:.{decimals}f}", "tick", "end"))
    for value in x_ticks:
        parts.append(tag("path", d=f"M{_value(x(value))} {_value(y.start)}v5", class_="axis"))
        last = x(value) > x.end - 12  # there it would be cut off
        parts.append(
            text(x.end + 10 if last else x(value), y.start + 20, x_word(value), "tick", "end" if last else "middle")
        )
    parts.append(tag("path", d=f"M{_value(x.start)} {_value(y.start)}H{_value(x.end)}", class_="axis"))
    parts.append(text(x.end, y.start + 40, x_title, "axis-title", "end"))
    parts.append(text(x.start - 44, y.end - 14, y_title, "axis-title"))
    return tag("g", *parts)


def width(content: str, size: float) -> float:
    """About how many pixels text takes at a font size, rather more than less."""
    return len(content) * size * LETTER


def _value(value: object) -> str:
    """Numbers to a tenth of a pixel; text as it can be shown."""
    return f"{round(value, 1) + 0.0:g}" if isinstance(value, float) else shown(str(value))
