"""A search's report as plain values, computed from its run; nas_page draws them."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import ledger
from ..records.manifest import Manifest
from . import confirm_figure, confirm_verdict, nas_figures, provenance
from .candidates import Candidates, candidates
from .certainty_figure import Interval
from .confirm_figure import Lines
from .confirm_view import Confirmed
from .cost_axis import FLOPS, CostAxis
from .course_figure import Course
from .front_view import FrontView
from .meaning import meaning
from .measure import Measure, limits, measure
from .next_steps import Step, next_steps, spoken_path
from .provenance import Failures, Rows
from .published import Quoted
from .run import Rated, Run
from .stage_table import StageRow, stage_rows
from .strip_figure import Strip
from .verdict import Verdict, main_reference

ONGOING = {
    "running": "The manifest says that this search is still running (or was killed).",
    "interrupted": "This search was interrupted.",
    "failed": "This search ended with an error.",
}


@dataclass(frozen=True)
class NasView:
    """Everything on the page. front, stages, courses and intervals may be empty or None where a run has none."""

    name: str
    state: str
    notices: tuple[str, ...]
    words: Measure
    verdict: Verdict
    steps: tuple[Step, ...]
    best: Rated | None
    reference: Rated | None
    intervals: tuple[Interval, ...]
    front: FrontView | None
    zoom: FrontView | None
    front_notes: tuple[str, ...]
    strips: tuple[Strip, ...]
    stages: tuple[StageRow, ...]
    courses: tuple[Course, ...]
    candidates: Candidates
    meaning: tuple[tuple[str, str], ...]
    failures: tuple[Failures, ...]
    tried: int
    budgets: str
    manifest: Rows
    settings: Rows
    files: Rows
    path: str
    quoted: tuple[Quoted, ...]
    confirmation: Confirmed | None = None
    confirmed: Lines | None = None
    cost: CostAxis = FLOPS


def nas_view(run: Run) -> NasView:
    """UserError where the run has no manifest that can be read."""
    manifest = Manifest.load(run.path / "manifest.json")
    words, reference, best = measure(run), main_reference(run), run.selected.get("budget")
    whole = nas_figures.front_view(run, words)
    zoom = nas_figures.zoom_view(whole, best, reference)
    return NasView(
        name=run.path.name,
        state=run.state,
        notices=_notices(run),
        words=words,
        verdict=confirm_verdict.said(run),
        steps=next_steps(run, provenance.config(run)),
        best=best,
        reference=reference,
        intervals=() if run.confirmation else nas_figures.intervals(best, reference, words),
        front=nas_figures.without_numbers(whole, zoom) if whole else None,
        zoom=zoom,
        front_notes=_front_notes(run),
        strips=nas_figures.strips([("budget", "found", best)] if best else [], reference, words, run.axis),
        stages=_stages(best, reference),
        courses=nas_figures.courses(run, reference, words),
        candidates=candidates(run),
        meaning=meaning(run, words),
        failures=provenance.failures(run),
        tried=len(run.trials),
        budgets=limits(run),
        manifest=provenance.manifest_rows(manifest),
        settings=provenance.settings_rows(run),
        files=provenance.files(run),
        path=spoken_path(run.path),
        quoted=whole.quoted if whole else (),
        confirmation=run.confirmation,
        confirmed=confirm_figure.lines(run.confirmation, words) if run.confirmation else None,
        cost=run.axis,
    )


def _notices(run: Run) -> tuple[str, ...]:
    """What a reader must know before anything else: a search that did not end, tables that are behind the ledger."""
    lines = []
    asked = provenance.config(run).get("trials")
    if run.state != "done":
        of = f" of {asked:,}" if isinstance(asked, int) and asked > len(run.trials) else ""
        lines.append(f"{ONGOING[run.state]} This page shows {len(run.trials):,}{of} networks.")
    entries = ledger.read(run.path / "ledger.jsonl")
    known = sum(entry.get("kind") == "trial" for entry in entries)
    confirmed = sum(entry.get("kind") == "confirmation" for entry in entries)
    if confirmed and run.confirmation is None:
        lines.append(
            f"The best networks were to be evaluated again with fresh seeds; {confirmed:,} of these evaluations are in "
            f"the ledger, and this page does not have them: finish the run."
        )
    if known > len(run.trials):
        lines.append(
            f"The ledger has {known - len(run.trials):,} results that the tables, and so this page, do not have yet: "
            f"they are written when the search ends or is interrupted."
        )
    return tuple(lines)


def _front_notes(run: Run) -> tuple[str, ...]:
    objectives, axis = sorted(run.settings["objectives"]), run.axis
    notes = []
    if run.confirmation and run.confirmation.chosen:
        notes.append("The network found and the baseline are drawn at the means of their fresh seeds, dots are single.")
    if set(objectives) != {"accuracy", axis.column}:
        of = ", ".join(objectives)
        notes.append(f"Blue dots: the Pareto front, which is that of {of} and no line in this plane.")
    return tuple(notes)


def _stages(best: Rated | None, reference: Rated | None) -> tuple[StageRow, ...]:
    if best is None or best.architecture is None:
        return ()
    return stage_rows(best.architecture, reference.architecture if reference else None)
