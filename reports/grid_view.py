"""A grid's report as plain values, computed from its run; grid_page draws them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..records.manifest import Manifest
from . import grid_figures, provenance
from .extent_figure import Extent, span
from .family_figure import FamilyView
from .grid_laws import B0, base_name, knows_base, warning
from .grid_meaning import meaning
from .grid_run import TRIPLE, GridRun
from .grid_steps import next_steps
from .grid_tables import Member, OtherLaw, TripleRow, laws_in_words, members, other_laws, triple_rows
from .grid_verdict import DIMENSIONS, verdict, words
from .next_steps import Step, spoken_path
from .provenance import GRID_FILES, Failures, Rows
from .ternary_figure import TernaryView
from .verdict import Verdict

NEAR = 0.1  # percentage points: of the whole triangle, how much is as near to the best


@dataclass(frozen=True)
class Tile:
    """A number at the head of the page."""

    name: str
    note: str
    value: str
    small: str


@dataclass(frozen=True)
class GridView:
    """Everything on the page. near: part of the triangle within NEAR of the best, None without a law.

    is_score: the "errors" are of a score that is no accuracy. failures: with the first triple of each reason.
    """

    name: str
    state: str
    notices: tuple[str, ...]
    verdict: Verdict
    tiles: tuple[Tile, ...]
    steps: tuple[Step, ...]
    extents: tuple[Extent, ...]
    triangle: TernaryView
    near: float | None
    triples: tuple[TripleRow, ...]
    others: tuple[OtherLaw, ...]
    other_words: tuple[str, ...]
    law: str | None
    growth: float
    phi: float
    family: FamilyView
    members: tuple[Member, ...]
    family_notes: tuple[str, ...]
    meaning: tuple[tuple[str, str], ...]
    failures: tuple[tuple[Failures, str], ...]
    tried: int
    is_score: bool
    manifest: Rows
    settings: Rows
    files: Rows
    path: str


def grid_view(run: GridRun) -> GridView:
    """UserError where the run has no manifest that can be read."""
    others, found = other_laws(run), members(run.family)
    settings = {**run.settings, "base": f"{base_name(run)}, key {run.document['base_key']}"}
    return GridView(
        name=run.path.name,
        state=run.state,
        notices=_notices(run),
        verdict=verdict(run),
        tiles=_tiles(run),
        steps=next_steps(run, provenance.config(run)),
        extents=grid_figures.extents(run),
        triangle=grid_figures.triangle(run, others),
        near=float((run.surface["loss"] <= NEAR).mean()) if run.law and run.surface is not None else None,
        triples=triple_rows(run),
        others=others,
        other_words=laws_in_words(run, others),
        law=run.law,
        growth=float(run.settings["factor"]) ** float(run.settings["phi"]),
        phi=float(run.settings["phi"]),
        family=grid_figures.family(found, words(run.triple(run.chosen)), base_name(run)),
        members=found,
        family_notes=_family_notes(run),
        meaning=meaning(run),
        failures=_failures(run),
        tried=len(run.table),
        is_score=run.is_score,
        manifest=provenance.manifest_rows(Manifest.load(run.path / "manifest.json")),
        settings=provenance.settings_rows(replace(run, settings=settings)),
        files=provenance.files(run, GRID_FILES),
        path=spoken_path(run.path),
    )


def _notices(run: GridRun) -> tuple[str, ...]:
    lines = [] if run.state == "done" else [
        f"The manifest says that this grid is {run.state}: the tables, and so this page, are of its last whole end."
    ]  # fmt: skip
    foreign = warning(run)
    return (*lines, *([foreign] if foreign else []))


def _tiles(run: GridRun) -> tuple[Tile, ...]:
    tiles = []
    for name, value in zip(TRIPLE, run.triple(run.chosen), strict=True):
        reach = span((float(run.inside[name].min()), float(run.inside[name].max())))
        tiles.append(Tile(name, DIMENSIONS[name], f"{value:.6g}", f"set: {reach}"))
    count = Tile("cannot be told apart", "", f"{len(run.inside):,}", f"of {len(run.rated):,} triples")
    return (*tiles, count)


def _family_notes(run: GridRun) -> tuple[str, ...]:
    """Why B2 is phi = 1, and that the official table leaves alpha^phi."""
    lines = ["found / official: of the FLOPs."]
    if not knows_base(run, B0):
        lines.append(
            f"The official networks grow from EfficientNet-B0, not from {base_name(run)}: read them as a scale."
        )
    if run.settings["factor"] == 2:
        lines += [
            "Why is b2, not b1, phi = 1? The official B1 has width 1.0, depth 1.1 and 240 px; B2 has width 1.1, depth "
            "1.2 and 260 px, and 1.2, 1.1, 1.15 at phi = 1 is B2. B1 is about half a step.",
            "Does the official family follow alpha^phi? Not from B4 on: 1.2^phi at B4 to B7 is 1.89, 2.49, 2.99, 3.58; "
            "its depths are 1.8, 2.2, 2.6, 3.1, so 5 % less at B4 and 13.5 % less at B7.",
        ]
    return tuple(lines)


def _failures(run: GridRun) -> tuple[tuple[Failures, str], ...]:
    failed = run.table[run.table["error"].isna()]
    reasons = (reason or "no reason given" for reason in failed["failure"])
    return tuple(
        (one, words(run.triple(one.first)))
        for one in provenance.by_reason(zip(reasons, map(int, failed.index), strict=True))
    )
