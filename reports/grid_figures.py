"""The figures of a grid as values: what the triangle, the extents and the family show."""

from __future__ import annotations

from itertools import pairwise
from textwrap import wrap

import numpy as np

from ..search_spaces.quantity import format_count
from .extent_figure import Extent
from .family_figure import FamilyView, Panel
from .grid_run import SHARES, TRIPLE, GridRun, Triple, find
from .grid_tables import Member, OtherLaw
from .grid_verdict import DIMENSIONS, points, published_loss, words
from .ternary_figure import Shares, TernaryMark, TernaryView

LEVELS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # points lost
MOST_LEVELS = 5
LONGEST = 26  # letters of a label's line
TICKS = (0.25, 0.5, 0.75)


def triangle(run: GridRun, others: tuple[OtherLaw, ...]) -> TernaryView:
    rated = run.rated
    surface, parts = _lattice(run)
    worst = max(surface.values()) if surface else float(rated["loss"].max())
    levels = levels_up_to(worst)
    unit = "score points" if run.is_score else "points"
    rows = rated[[*SHARES, "loss", "in_set"]].dropna().itertuples(index=False, name=None)
    factor, growth = float(run.settings["factor"]), float(run.settings["factor"]) ** float(run.settings["phi"])
    return TernaryView(
        corners=_corners(factor, growth),
        ticks=tuple(
            tuple((share, f"{name} {factor ** (share * power):.3g}") for share in TICKS)
            for name, power in zip(TRIPLE, (1.0, 0.5, 0.5), strict=True)
        ),
        surface=surface,
        parts=parts,
        points=tuple(((float(d), float(w), float(r)), float(loss), bool(into)) for d, w, r, loss, into in rows),
        levels=levels,
        key=_key(levels),
        key_title=f"Loss, {unit}",
        marks=_marks(run, others),
        title="The constraint triangle: loss by what of the FLOPs goes into depth, width and resolution",
        description=f"Chosen {words(run.triple(run.chosen))}; {len(run.inside):,} of {len(rated):,} triples in the "
        f"confidence set",
    )


def levels_up_to(worst: float) -> tuple[float, ...]:
    """At most MOST_LEVELS of the levels below the worst loss, the smallest and the largest among them."""
    fitting = [level for level in LEVELS if level < worst]
    if len(fitting) <= MOST_LEVELS:
        return tuple(fitting)
    return tuple(fitting[round(place)] for place in np.linspace(0, len(fitting) - 1, MOST_LEVELS))


def _key(levels: tuple[float, ...]) -> tuple[str, ...]:
    if not levels:
        return ("all alike",)
    between = [f"{low:g} to {high:g}" for low, high in pairwise(levels)]
    return (f"less than {levels[0]:g}", *between, f"{levels[-1]:g} and more")


def _lattice(run: GridRun) -> tuple[dict[tuple[int, int], float], int]:
    """surface.csv by its steps of depth and width, and how many steps the whole is."""
    if run.surface is None or run.law is None:
        return {}, 1
    depths = np.unique(run.surface["share_depth"].round(6))
    parts = max(1, len(depths) - 1)
    rows = run.surface[np.isfinite(run.surface["loss"])].itertuples(index=False, name=None)
    return {(round(depth * parts), round(width * parts)): loss for depth, width, _, loss in rows}, parts


def _corners(factor: float, growth: float) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    root, side = factor**0.5, growth**0.5
    return (
        ("All into depth", f"alpha {factor:.3g}, beta 1, gamma 1: {growth:.3g} times the layers"),
        ("All into width", f"alpha 1, beta {root:.3g}, gamma 1:", f"{side:.3g} times the channels"),
        ("All into resolution", f"alpha 1, beta 1, gamma {root:.3g}:", f"{side:.3g} times the side of the image"),
    )


def _marks(run: GridRun, others: tuple[OtherLaw, ...]) -> tuple[TernaryMark, ...]:
    """The chosen and the published triple, and the best of each other law; a triple has one mark with all its names."""
    chosen, published = run.triple(run.chosen), run.triple(run.published)
    laws: dict[Triple, list[str]] = {}
    for one in others:
        laws.setdefault(run.triple(find(run.table, one.best)), []).append(one.name)
    marks = []
    place = "in the set" if run.table["in_set"].iloc[run.published] else "not in the set"
    for style, role, triple in (("budget", "chosen", chosen), ("reference", "published", published)):
        if style == "reference" and triple == chosen:
            continue
        both = triple == chosen == published
        lines = ["chosen, published", words(triple)] if both else [f"{role}: {words(triple)}"]
        loss = published_loss(run)
        lines += [f"loses {points(run, loss)}", place] if role == "published" and loss is not None else []
        lines += wrap(f"also best by {', '.join(laws.pop(triple))}", LONGEST) if triple in laws else []
        if role == "chosen" or loss is not None:
            marks.append(TernaryMark(style, tuple(lines), _shares(run, triple)))
    for triple, names in laws.items():
        marks.append(
            TernaryMark("knee", (*wrap(f"best by {', '.join(names)}", LONGEST), words(triple)), _shares(run, triple))
        )
    return tuple(marks)


def _shares(run: GridRun, triple: Triple) -> Shares:
    depth, width, resolution = (float(run.table[name].iloc[find(run.table, triple)]) for name in SHARES)
    return depth, width, resolution


def extents(run: GridRun) -> tuple[Extent, ...]:
    chosen, published = run.triple(run.chosen), run.triple(run.published)
    return tuple(
        Extent(
            f"{name}, {DIMENSIONS[name]}",
            (float(run.inside[name].min()), float(run.inside[name].max())),
            (float(run.table[name].min()), float(run.table[name].max())),
            chosen[place], published[place],
        )
        for place, name in enumerate(TRIPLE)
    )  # fmt: skip


def family(found: tuple[Member, ...], label: str, base: str) -> FamilyView:
    def panel(title: str, name: str, *, log: bool = True) -> Panel:
        known = (getattr(one.official, name) if one.official else None for one in found)
        return Panel(title, tuple(float(getattr(one, name)) for one in found), tuple(known), _count, log)

    return FamilyView(
        tuple(one.name for one in found),
        (
            panel("FLOPs", "mult_adds"), panel("parameters", "params"), panel("layers", "layers"),
            panel("resolution, px", "resolution", log=False),
        ),
        f"{base} scaled by {label}",
        "official EfficientNet",
        "The family and the official one",
        "; ".join(f"{one.name}: {_count(one.mult_adds)} FLOPs" for one in found),
    )  # fmt: skip


def _count(value: float) -> str:
    return format_count(value, 3)
