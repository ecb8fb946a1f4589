"""A study's report as plain values, computed from its run; study_page draws them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..records.manifest import Manifest
from . import grid_figures, provenance, study_figures
from .extent_figure import Extent, span
from .family_figure import FamilyView
from .grid_view import Tile
from .next_steps import Step, spoken_path
from .provenance import STUDY_FILES, Failures, Rows
from .study_files import TRIPLE
from .study_meaning import Statements, meaning, noise, readings_agree
from .study_profile import ProfileView
from .study_result import Reading
from .study_rows import FamilyRow, NetworkRow, failure_rows, family_rows, network_rows, reading_rows
from .study_run import StudyRun
from .study_steps import next_steps
from .study_triangle import StudyTriangle
from .study_words import DIMENSIONS, base_name, difference, named, points, share_words, triple, verdict
from .text import clipped
from .verdict import Verdict

HOUR, MINUTE = 3600.0, 60.0


@dataclass(frozen=True)
class StudyView:
    """Everything on the page. triangle: None and extents: empty where a dimension is fixed. failures: with the first
    training of each reason. tried: trainings, failed ones too."""

    name: str
    state: str
    notices: tuple[str, ...]
    verdict: Verdict
    tiles: tuple[Tile, ...]
    steps: tuple[Step, ...]
    extents: tuple[Extent, ...]
    triangle: StudyTriangle | None
    profiles: ProfileView
    networks: tuple[NetworkRow, ...]
    noise: Statements
    readings: tuple[Reading, ...]
    agree: str
    warning: str
    family: FamilyView
    members: tuple[FamilyRow, ...]
    meaning: Statements
    failures: tuple[tuple[Failures, str], ...]
    tried: int
    response: str
    growth: float
    phi: float
    fixed: str
    manifest: Rows
    settings: Rows
    files: Rows
    path: str


def study_view(run: StudyRun) -> StudyView:
    """UserError where the run has no manifest that can be read."""
    found, rows, members = run.result, network_rows(run), family_rows(run)
    settings = {**run.settings, "base": f"{base_name(run)}, key {found.base_key}"}
    return StudyView(
        name=run.path.name,
        state=run.state,
        notices=_notices(run),
        verdict=verdict(run),
        tiles=_tiles(run, rows),
        steps=next_steps(run, provenance.config(run)),
        extents=study_figures.extents(run),
        triangle=study_figures.triangle(run, rows),
        profiles=study_figures.profiles(run, rows),
        networks=rows,
        noise=noise(run, rows),
        readings=reading_rows(run),
        agree=readings_agree(run),
        warning=_sentence(found.warning) if found.warning else "",
        family=_family(run, members),
        members=members,
        meaning=meaning(run),
        failures=failure_rows(run),
        tried=len(run.trainings),
        response=found.response,
        growth=found.growth,
        phi=found.phi,
        fixed=", ".join(f"{name} = {value:g}" for name, value in found.fixed.items()),
        manifest=provenance.manifest_rows(Manifest.load(run.path / "manifest.json")),
        settings=provenance.settings_rows(replace(run, settings=settings)),
        files=provenance.files(run, STUDY_FILES),
        path=spoken_path(run.path),
    )


def _notices(run: StudyRun) -> tuple[str, ...]:
    lines = []
    if run.state != "done":
        lines.append(
            f"The manifest says that this study is {run.state}: the tables, and so this page, are of its last whole "
            "end."
        )
    if run.result.same_network:
        pairs = [f"{one} is {other}" for one, other in run.result.same_network.items()]
        lines.append(
            clipped(
                f"Built in whole layers, channels and pixels, some planned networks are one: {', '.join(pairs)}.", 300
            )
        )
    return tuple(lines)


def _family(run: StudyRun, members: tuple[FamilyRow, ...]) -> FamilyView:
    found = tuple(one.member for one in members)
    view = grid_figures.family(found, triple(run.result.recommended), base_name(run))
    return view if any(one.official for one in found) else replace(view, title="The family")


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _tiles(run: StudyRun, rows: tuple[NetworkRow, ...]) -> tuple[Tile, ...]:
    found, tiles = run.result, []
    for name, value in zip(TRIPLE, found.recommended, strict=True):
        reach = span((float(run.inside[name].min()), float(run.inside[name].max())))
        small = "fixed" if name in found.fixed else f"may be {reach}"
        tiles.append(Tile(name, DIMENSIONS[name], f"{value:.4g}", small))
    tiles.append(Tile("may be the best", "95 %", share_words(found.share_in_set), "of all ways to divide the growth"))
    tiles.append(Tile("loses at most", "95 %", points(found.loss_at_most), "the recommended one"))
    tiles.append(
        Tile("one training scatters by", "", difference(found, found.sigma).partition(" (")[0], "standard deviation")
    )
    failed = len(run.trainings) - len(run.complete)
    small = f"{named(len(rows), 'network')}, {named(found.seeds, 'seed')}{f'; {failed:,} failed' if failed else ''}"
    tiles.append(Tile("trainings", "", f"{len(run.complete):,}", small))
    seconds = float(run.trainings["seconds"].sum())
    tiles.append(Tile("training time", "", duration(seconds), "of all, one after the other"))
    return tuple(tiles)


def duration(seconds: float) -> str:
    """ "52 min"."""
    if seconds >= 48 * HOUR:
        return f"{seconds / 24 / HOUR:,.1f} days"
    if seconds >= 2 * HOUR:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / MINUTE:.0f} min" if seconds >= 2 * MINUTE else f"{seconds:.0f} s"
