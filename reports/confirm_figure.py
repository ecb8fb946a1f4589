"""The confirmed networks as a figure: a dot for each seed, the mean, its 95 % interval; of the differences to the
baseline where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from . import svg
from .confirm_view import Confirmed, Row, interval
from .measure import Measure, proper_name
from .svg import Scale
from .text import clipped

WIDTH, ROW, TOP = 480.0, 54.0, 26.0


@dataclass(frozen=True)
class Line:
    """A network: its values, one a seed, their mean, the interval (None without one), the name and a number."""

    name: str
    amount: str
    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    style: str


@dataclass(frozen=True)
class Lines:
    """zero: what the line at 0 is, "" where there is none."""

    rows: tuple[Line, ...]
    axis: str
    zero: str


def lines(known: Confirmed, words: Measure) -> Lines | None:
    """None where nothing was confirmed."""
    baseline = known.baseline
    if baseline is not None and any(row.difference is not None for row in known.candidates):
        compared = [row for row in known.candidates if row.difference is not None and row.mean is not None]
        differences = [
            tuple(row.accuracies[seed] - baseline.accuracies[seed] for seed in known.seeds
                  if seed in row.accuracies and seed in baseline.accuracies)
            for row in compared
        ]  # fmt: skip
        rows = tuple(
            Line(
                _name(row.name, row.chosen), _difference(row), values, row.difference or 0.0, row.low, row.high,
                "budget" if row.chosen else "",
            )
            for row, values in zip(compared, differences, strict=True)
        )  # fmt: skip
        name = clipped(proper_name(baseline.name), 40)
        return Lines(rows, f"{words.noun} less that of {name}, {words.points(2)}", name)
    rows = tuple(
        Line(
            _name(row.name, row.chosen), f"{row.mean:.2f}{words.unit}", tuple(row.accuracies.values()), row.mean,
            None, None, "budget" if row.chosen else "",
        )
        for row in known.rows
        if row.mean is not None
    )  # fmt: skip
    return Lines(rows, words.axis, "") if rows else None


def draw(shown: Lines) -> Markup:
    """Thick: the 95 % interval of the mean. Small dots: the seeds."""
    ends = [value for row in shown.rows for value in (*row.values, row.low, row.high) if value is not None]
    scale = Scale(*svg.padded([*ends, *([0.0] if shown.zero else [])], 0.06), 10, WIDTH - 10)
    bottom = TOP + ROW * len(shown.rows)
    parts = []
    ticks, decimals = svg.linear_ticks(scale.low, scale.high, 6)
    for value in ticks:
        parts.append(svg.path(((scale(value), TOP), (scale(value), bottom)), "grid"))
        sign = "+" if shown.zero and value > 1e-9 else ""
        parts.append(svg.text(scale(value), bottom + 18, f"{sign}{value:.{decimals}f}", "tick", "middle"))
    if shown.zero:
        x = scale(0.0)
        anchor = "start" if x < WIDTH / 3 else "end" if x > WIDTH * 2 / 3 else "middle"
        parts.append(svg.path(((x, TOP - 6), (x, bottom)), "level"))
        parts.append(svg.text(x, TOP - 12, clipped(shown.zero, 40), "tick", anchor))
    parts += [_row(scale, row, TOP + ROW * number) for number, row in enumerate(shown.rows)]
    parts.append(svg.text(WIDTH - 10, bottom + 38, clipped(shown.axis, 62), "axis-title", "end"))
    title = "Confirmed: " + "; ".join(f"{row.name} {row.amount}" for row in shown.rows)
    words = "Small dots: one seed each. Large dot: their mean. Thick line: its 95 % interval."
    return svg.figure(WIDTH, bottom + 46, "confirmed", title, words, parts)


def _row(scale: Scale, row: Line, top: float) -> Markup:
    y = top + 38
    marks: list[Markup] = []
    if row.low is not None and row.high is not None:
        marks.append(svg.path(((scale(row.low), y), (scale(row.high), y)), "thick"))
    marks += _dots(scale, row.values, y)
    marks.append(svg.tag("circle", cx=scale(row.mean), cy=y, r=6, class_="shape"))
    label = svg.tag("tspan", row.name, class_="strong" if row.style else None)
    return svg.tag(
        "g", *marks, svg.text(10, top + 20, label, "interval halo"),
        svg.text(WIDTH - 10, top + 20, row.amount, "interval halo", "end"), class_=f"mark {row.style or 'candidate'}",
    )  # fmt: skip


def _dots(scale: Scale, values: Sequence[float], y: float) -> list[Markup]:
    return [svg.tag("circle", cx=scale(value), cy=y, r=3.5, class_="seed") for value in values]


def _difference(row: Row) -> str:
    return f"{row.difference:+.2f}" + (f" ({interval(row)})" if interval(row) else "")


def _name(name: str, chosen: bool) -> str:
    return clipped(proper_name(name), 26) + (", found" if chosen else "")
