"""The figures of a study as values: the triangle, the profiles along its edges, how far the coefficients reach."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import pandas as pd

from .extent_figure import Extent
from .grid_figures import levels_up_to
from .study_files import SHARES, TRIPLE
from .study_profile import Panel, ProfileView, Trained
from .study_result import Triple
from .study_rows import NetworkRow, place_of
from .study_run import StudyRun
from .study_triangle import Dot, StudyTriangle
from .study_words import DIMENSIONS, amount, axis, chance, named, points, spread, triple
from .ternary_figure import TernaryMark, TernaryView

TICKS = (0.25, 0.5, 0.75)
ON_EDGE, NEAR_EDGE = 1e-6, 0.1  # share of the third dimension
POWERS = (1.0, 0.5, 0.5)  # of a share of the growth, to be depth, width and resolution


def extents(run: StudyRun) -> tuple[Extent, ...]:
    """Empty where a dimension is fixed: the profile shows all there is."""
    known = run.result.published
    if known is None or run.result.fixed:
        return ()
    return tuple(
        Extent(
            f"{name}, {DIMENSIONS[name]}", (float(run.inside[name].min()), float(run.inside[name].max())),
            (float(run.surface[name].min()), float(run.surface[name].max())), run.result.recommended[place],
            known.triple[place],
        )
        for place, name in enumerate(TRIPLE)
    )  # fmt: skip


def triangle(run: StudyRun, rows: tuple[NetworkRow, ...]) -> StudyTriangle | None:
    """None where a dimension is fixed."""
    if run.result.fixed:
        return None
    losses = _by_steps(run, "loss")
    levels = levels_up_to(max(losses.values()))
    inside = _by_steps(run, "in_set")
    growth, phi = run.result.growth, run.result.phi
    ticks = tuple(
        tuple((share, f"{name} {growth ** (share * power / phi):.3g}") for share in TICKS)
        for name, power in zip(TRIPLE, POWERS, strict=True)
    )
    view = TernaryView(
        corners=_corners(growth, phi), ticks=ticks, surface=losses, parts=run.parts, points=(), levels=levels,
        key=_key(levels), key_title="Points of error lost", marks=_marks(run),
        title="The fitted surface: points lost by what of the growth goes into depth, width and resolution",
        description=f"Recommended {triple(run.result.recommended)}; {len(run.inside):,} of {len(run.surface):,} "
        f"places may be the best",
    )  # fmt: skip
    region = frozenset(key for key, member in inside.items() if member)
    return StudyTriangle(view, region, _dots(run, rows), ("may be the best (95 %)", "a trained network, mean error"
                         if run.result.response == "error" else "a trained network, mean loss"))  # fmt: skip


def _by_steps(run: StudyRun, column: str) -> dict[tuple[int, int], float]:
    depth, width = ((run.surface[name] * run.parts).round().astype(int) for name in SHARES[:2])
    return dict(zip(zip(depth, width, strict=True), run.surface[column].astype(float), strict=True))


def _key(levels: tuple[float, ...]) -> tuple[str, ...]:
    if not levels:
        return ("all alike",)
    between = [f"{low:g} to {high:g}" for low, high in pairwise(levels)]
    return (f"less than {levels[0]:g}", *between, f"{levels[-1]:g} and more")


def _corners(growth: float, phi: float) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    whole, root = growth ** (1 / phi), growth ** (0.5 / phi)
    times, side = f"{growth:.3g}", f"{growth**0.5:.3g}"
    return (
        ("All into depth", f"alpha {whole:.3g}, beta 1, gamma 1: {times} times the layers"),
        ("All into width", f"alpha 1, beta {root:.3g}, gamma 1:", f"{side} times the channels"),
        ("All into resolution", f"alpha 1, beta 1, gamma {root:.3g}:", f"{side} times the side of the image"),
    )


def _dots(run: StudyRun, rows: tuple[NetworkRow, ...]) -> tuple[Dot, ...]:
    usual = max((row.runs for row in rows), default=0)
    found = []
    for row in rows:
        if row.shares is None:
            continue
        words = "failed" if row.mean is None else amount(run.result, row.mean)
        fewer = f" ({row.runs})" if 0 < row.runs < usual else ""
        found.append(Dot(row.shares, words + fewer, f"{row.name}: {words}, {named(row.runs, 'training')}"))
    return tuple(found)


def _marks(run: StudyRun) -> tuple[TernaryMark, ...]:
    """The recommended one, the best where it is another, the published one, equal shares."""
    found = run.result
    alike = found.best == found.recommended
    at_most = f"loses at most {points(found.loss_at_most)}"
    lines = ("recommended, best" if alike else "recommended", triple(found.recommended), at_most)
    marks = [TernaryMark("budget", lines, _shares(run, found.recommended))]
    if not alike:
        marks.append(TernaryMark("knee", ("best", triple(found.best)), _shares(run, found.best)))
    for style, name, known in (
        ("reference", "published", found.published),
        ("reward", "equal shares", found.equal_shares),
    ):
        if known is not None:
            place = "in the 95 % set" if known.in_set else "not in the 95 % set"
            marks.append(TernaryMark(
                style, (name, triple(known.triple), f"loses {points(known.loss)}",
                        f"within 0.1 point: {chance(known.near)}", place), known.shares,
            ))  # fmt: skip
    return tuple(marks)


def _shares(run: StudyRun, found: Triple) -> Triple:
    depth, width, resolution = (float(run.surface[name].iloc[place_of(run, found)]) for name in SHARES)
    return depth, width, resolution


def profiles(run: StudyRun, rows: tuple[NetworkRow, ...]) -> ProfileView:
    free = [place for place, name in enumerate(TRIPLE) if name not in run.result.fixed]
    pairs = [(0, 1), (1, 2), (2, 0)] if len(free) == 3 else [(free[0], free[1])]
    panels = tuple(_panel(run, rows, first, second) for first, second in pairs)
    usual = max((row.runs for row in rows), default=1)
    low, high = spread(run)
    shown = {style for panel in panels for style, _, _ in panel.marks}
    alike = run.result.best == run.result.recommended
    words = (
        ("budget", "recommended, best" if alike else "recommended"), ("knee", "best"), ("reference", "published"),
        ("reward", "equal shares"),
    )  # fmt: skip
    return ProfileView(
        panels, axis(run.result), run.result.sigma, max(1, usual),
        tuple((style, word) for style, word in words if style in shown),
        "The fit along the edges" if len(panels) > 1 else "The fit along the line",
        f"Fitted from {amount(run.result, low)} to {amount(run.result, high)}; a training scatters by "
        f"{amount(run.result, run.result.sigma)}",
    )  # fmt: skip


def _panel(run: StudyRun, rows: tuple[NetworkRow, ...], first: int, second: int) -> Panel:
    """Along the edge where the third dimension gets nothing, or its fixed share."""
    third = 3 - first - second
    names = tuple(DIMENSIONS.values())
    edge = run.surface if run.result.fixed else run.surface[run.surface[SHARES[third]] < ON_EDGE]
    edge = edge.sort_values(SHARES[second], kind="stable")
    left = float(edge[SHARES[second]].max())
    at = edge[SHARES[second]] / left
    line = tuple(zip(at, edge["fitted"], edge["low"], edge["high"], strict=True))
    inside = tuple(float(one) for one in at[edge["in_set"]])
    ends = tuple(
        (f"all into {names[into]}", f"{TRIPLE[into]} {float(edge[TRIPLE[into]].iloc[row]):.4g}")
        for into, row in ((first, 0), (second, -1))
    )
    return Panel(
        f"{names[first]} to {names[second]}", (ends[0], ends[1]), line, inside, 1 / run.parts,
        tuple(_trained(run, rows, first, second)), tuple(_on(run, edge, at)),
    )  # fmt: skip


def _trained(run: StudyRun, rows: tuple[NetworkRow, ...], first: int, second: int) -> list[Trained]:
    third, found = 3 - first - second, []
    for row in rows:
        if row.shares is None or row.mean is None:
            continue
        along = row.shares[first] + row.shares[second]
        if along > 0 and (run.result.fixed or row.shares[third] <= NEAR_EDGE):
            mean = fmean(row.singles) if row.singles else row.mean
            title = f"{row.name}: {amount(run.result, mean)}, {named(row.runs, 'training')}"
            found.append(Trained(row.shares[second] / along, mean, row.singles, title))
    return found


def _on(run: StudyRun, edge: pd.DataFrame, at: pd.Series[float]) -> list[tuple[str, float, float]]:
    """The marks of the recommended and the best triple, where they lie on this edge."""
    found = []
    marks = [("knee", run.result.best), ("budget", run.result.recommended)]
    for style, one in marks if run.result.best != run.result.recommended else marks[1:]:
        row = run.surface.index[place_of(run, one)]
        if row in edge.index:
            found.append((style, float(at[row]), float(edge["fitted"][row])))
    return found
