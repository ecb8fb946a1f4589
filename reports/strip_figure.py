"""Networks as strips: a column for each stage, a bar for each layer, so that two can be compared down a column."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from ..search_spaces.architecture import Architecture, Stage, blocks
from ..search_spaces.cost import stage_costs
from . import svg
from .labels import OPERATIONS
from .text import clipped

COLUMN, GAP, BARS, HEADING = 110.0, 8.0, 36.0, 30.0
SMALLEST, WIDE = 12.0, 24.0  # widths in pixels of bars that can hold their kernel as 5 and as 5x5
MOST = 12  # layers that are drawn one by one
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Cell:
    """A stage, the stem or the head. size: of its output maps in pixels (0: after pooling). share: of the FLOPs.

    different: which of kind, layers, kernel, se, channels, size, skip are not the reference's.
    """

    kind: str
    color: str
    kernel: int
    layers: int
    se: bool
    channels: int
    size: int
    skip: str
    share: float
    different: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Strip:
    """A network: name and numbers above its cells. style: the colour class of its name."""

    name: str
    numbers: str
    cells: tuple[Cell, ...]
    style: str = ""


def cells(architecture: Architecture, reference: Architecture | None = None) -> tuple[Cell, ...]:
    """Stem, stages, head; differences are marked against the stage of the same number of the reference."""
    found = _cells(architecture)
    if reference is None:
        return found
    others = _cells(reference)
    inner = [*others[1:-1], *[None] * len(found)][: len(found) - 2]
    known = (others[0], *inner, others[-1])
    return tuple(_against(one, other) for one, other in zip(found, known, strict=True))


def draw(strips: tuple[Strip, ...], title: str) -> Markup:
    columns = max(len(strip.cells) for strip in strips)
    most = min(MOST, max(4, *(cell.layers for strip in strips for cell in strip.cells)))
    skips = any(cell.skip for strip in strips for cell in strip.cells)
    height = HEADING + BARS + (116 if skips else 100)
    parts = []
    for column in range(columns):
        name = "stem" if column == 0 else "head" if column == columns - 1 else f"stage {column}"
        parts.append(svg.text(column * (COLUMN + GAP), 14, name, "tick"))
    for number, strip in enumerate(strips):
        largest = max(cell.share for other in strips for cell in other.cells)
        parts.append(_strip(strip, 30 + number * height, columns, most, skips, largest))
    words = ". ".join(f"{strip.name}: {', '.join(map(_said, strip.cells))}" for strip in strips)
    wide = columns * (COLUMN + GAP) - GAP
    return svg.figure(wide, 24 + len(strips) * height, "strips", title, words, parts)


def _cells(architecture: Architecture) -> tuple[Cell, ...]:
    costs = stage_costs(architecture)
    total = sum(one.mult_adds for one in costs)
    ends = {block.stage: block for block in blocks(architecture)}  # the last block of each stage
    shares = [one.mult_adds / total for one in costs]
    stem, head = ends[0], ends[len(costs) - 1]
    first = Cell("Conv", "plain", stem.kernel, 1, False, stem.output, stem.output_size, "", shares[0])
    last = Cell(
        "Conv, pool" if architecture.head.channels else "pool", "plain", 1, 1, False, head.output, 0, "", shares[-1]
    )
    inner = [
        Cell(
            f"MBConv{stage.expand:g}" if stage.operation == "mbconv" else OPERATIONS[stage.operation], _color(stage),
            stage.kernel, stage.repeats, bool(stage.se_ratio), stage.channels, ends[number].output_size,
            "" if stage.skip == "identity" else stage.skip, shares[number],
        )
        for number, stage in enumerate(architecture.stages, 1)
    ]  # fmt: skip
    return (first, *inner, last)


def _color(stage: Stage) -> str:
    if stage.operation != "mbconv":
        return {"sepconv": "sepconv", "conv": "conv"}.get(stage.operation, "residual")
    return next((f"e{limit}" for limit in (1, 3, 4) if stage.expand <= limit), "e6")


def _against(cell: Cell, other: Cell | None) -> Cell:
    names = ("kind", "kernel", "layers", "se", "channels", "size", "skip")
    different = {name for name in names if other is None or getattr(cell, name) != getattr(other, name)}
    return Cell(**{**vars(cell), "different": frozenset(different)})


def _strip(strip: Strip, top: float, columns: int, most: int, skips: bool, largest: float) -> Markup:
    heading = svg.tag("tspan", clipped(strip.name, 60), class_="strong")
    parts = [
        svg.text(0, top + 14, heading + svg.tag("tspan", strip.numbers, dx=12, class_="dim"), f"label {strip.style}")
    ]
    for number, cell in enumerate(strip.cells):
        column = columns - 1 if number == len(strip.cells) - 1 else number
        parts.append(_cell(cell, column * (COLUMN + GAP), top + HEADING, most, skips, largest))
    return svg.tag("g", *parts)


def _cell(cell: Cell, x: float, y: float, most: int, skips: bool, largest: float) -> Markup:
    """Bars, three or four lines of text, the share of the FLOPs."""
    wide = COLUMN / most
    one_bar = cell.layers > most
    parts = []
    for number in range(1 if one_bar else cell.layers):
        left, size = x + number * wide, COLUMN if one_bar else wide - 2
        parts.append(svg.tag("rect", x=left, y=y, width=size, height=BARS, rx=3, class_=f"bar {cell.color}"))
        if cell.se:
            parts.append(svg.tag("rect", x=left, y=y + BARS - 7, width=size, height=7, rx=3, class_="se"))
        if size >= SMALLEST:
            words = f"{cell.kernel}{TIMES}{cell.kernel}" if size >= WIDE else str(cell.kernel)
            parts.append(svg.text(left + size / 2, y + 19, words, f"kernel on-{cell.color}", "middle"))
    pixels = f"{cell.size} px" if cell.size else ""
    lines = [
        (("kind", cell.kind), ("layers", "" if cell.color == "plain" else f"{TIMES}{cell.layers}")),
        (("kernel", f"k{cell.kernel}"), ("se", "SE" if cell.se else "no SE" if cell.color != "plain" else "")),
        (("channels", f"{cell.channels} ch"), ("size", pixels)),
        *([(("skip", f"skip: {cell.skip}" if cell.skip else ""),)] if skips else []),
    ]
    y += BARS + 17
    for number, line in enumerate(lines):
        spans = [
            svg.tag(
                "tspan", words, dx=None if first == 0 else 6, class_="different" if name in cell.different else None
            )
            for first, (name, words) in enumerate(line)
            if words
        ]
        if spans:
            parts.append(svg.text(x, y + 16.0 * number, Markup("").join(spans), "words"))
    y += 16.0 * len(lines) - 6
    parts.append(svg.tag("rect", x=x, y=y, width=COLUMN - 38, height=4, rx=2, class_="track"))
    parts.append(svg.tag("rect", x=x, y=y, width=(COLUMN - 38) * cell.share / largest, height=4, rx=2, class_="share"))
    parts.append(svg.text(x + COLUMN, y + 6, f"{cell.share:.0%}", "tick", "end"))
    return svg.tag("g", *parts)


def _said(cell: Cell) -> str:
    se = " with SE" if cell.se else ""
    return f"{cell.kind} {cell.layers} x kernel {cell.kernel} {cell.channels} channels{se}"
