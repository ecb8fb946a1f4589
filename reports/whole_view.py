"""What the page of a whole recipe shows: the network found and how sure that is, then a part for each step."""

from __future__ import annotations

from dataclasses import dataclass

from ..records.manifest import Manifest
from ..search_spaces.quantity import format_count
from . import confirm_figure, provenance, whole_words
from .confirm_figure import Lines
from .confirm_verdict import said
from .confirm_view import Confirmed
from .grid_run import TRIPLE
from .grid_verdict import verdict as grid_said
from .grid_view import Tile
from .measure import Measure, measure
from .provenance import Rows
from .training_run import TrainingRun
from .training_view import TrainingView, headline, other_pixels, training_view
from .training_words import failures
from .verdict import Verdict
from .whole_run import STEPS, WholeRun

WHAT = {
    "nas": "the search, and its best networks trained again with fresh seeds",
    "grid": "alpha, beta, gamma by the scaling law",
    "family": "the network found, scaled: one YAML file each",
    "train": "the network found, trained to the end",
}
UNEVEN = 1.3  # times what phi means: then the page says why
PAGES = {
    "nas": "nas/report.html",
    "grid": "grid/report.html",
    "family": "family/family.csv",
    "train": "train/report.html",
}
CARD = "train/README.md"  # where the training has no page
FILES = {
    "nas/selected/budget.yaml": "the network found",
    "train/weights.safetensors": "its weights",
    "train/metrics.json": "its figures",
    CARD: "its model card",
    "grid/coefficients.json": "the coefficients and what is as good",
    "family/family.csv": "the family as a table",
    "nas/trials.csv": "every network of the search",
    "nas/confirm.csv": "the confirmation",
    "ledger.jsonl": "which steps are done",
    "config.yaml": "every option",
}


@dataclass(frozen=True)
class StepRow:
    """page: a relative address, "" where there is none yet."""

    name: str
    what: str
    result: str
    page: str


@dataclass(frozen=True)
class MemberRow:
    """A network of the family; ratio: of its FLOPs to those of the network found, which phi means to be 2^phi."""

    name: str
    phi: float
    layers: int
    resolution: int
    params: float
    mult_adds: float
    ratio: float


@dataclass(frozen=True)
class WholeView:
    name: str
    state: str
    notices: tuple[str, ...]
    headline: str
    details: tuple[str, ...]
    tiles: tuple[Tile, ...]
    steps: tuple[StepRow, ...]
    words: Measure | None
    confirmation: Confirmed | None
    confirmed: Lines | None
    scaling: Verdict | None
    members: tuple[MemberRow, ...]
    uneven: bool
    training: TrainingView | None
    manifest: Rows
    settings: Rows
    files: Rows
    path: str


def whole_view(run: WholeRun) -> WholeView:
    search, confirmation = run.search, run.search.confirmation if run.search else None
    found = said(search) if search else None
    words = measure(search) if search else None
    first = found.headline if found else "Nothing was evaluated yet."
    lines = [*(found.details if found else ())]
    if run.training:
        before = (whole_words.in_the_search(first, search.fidelity),) if search else ()
        lines = [*whole_words.untouched(run), *other_pixels(run.training), *before, *lines]
        first = f"After the full training ({_epochs(run.training)}), {headline(run.training)}"
    members = _members(run)
    failed = failures(run.training) if run.training else ()
    notices = (*whole_words.ongoing(run), *whole_words.optimistic(run), *failed)
    return WholeView(
        name=run.path.name,
        state=run.state,
        notices=notices,
        headline=first,
        details=tuple(lines),
        tiles=_tiles(run),
        steps=tuple(_step(run, name) for name in STEPS),
        words=words,
        confirmation=confirmation,
        confirmed=confirm_figure.lines(confirmation, words) if confirmation and words else None,
        scaling=grid_said(run.grid) if run.grid else None,
        members=members,
        uneven=any(not 1 / UNEVEN < row.ratio / 2**row.phi < UNEVEN for row in members),
        training=training_view(run.training) if run.training else None,
        manifest=provenance.manifest_rows(Manifest.load(run.path / "manifest.json")),
        settings=provenance.settings_rows(run),
        files=provenance.files(run, FILES),
        path=str(run.path),
    )


def _epochs(run: TrainingRun) -> str:
    epochs = run.metrics["epochs"]
    return f"{epochs} epoch{'s' * (epochs > 1)}"


def _tiles(run: WholeRun) -> tuple[Tile, ...]:
    tiles = []
    if run.training:
        scores = run.training.metrics["scores"][run.training.metrics["part"]]
        low, high = scores["interval_95"]
        tiles.append(
            Tile(
                "Accuracy",
                f"{run.training.metrics['part']}, full training",
                f"{scores['accuracy']:.2f} %",
                f"{low:.2f} to {high:.2f}",
            )
        )
    best = run.search.selected.get("budget") if run.search else None
    if best:
        tiles.append(
            Tile("FLOPs", "mult-adds", format_count(best.mult_adds), f"{format_count(best.params, 3)} parameters")
        )
    if run.search:
        failed = int((run.search.trials["state"] == "failed").sum())
        tiles.append(
            Tile("Networks tried", "", f"{len(run.search.trials):,}", f"{failed} failed" if failed else "none failed")
        )
    if run.grid:
        triple = ", ".join(f"{float(run.grid.document[name]):g}" for name in TRIPLE)
        count = len(run.grid.inside)
        tiles.append(Tile("alpha, beta, gamma", "", triple, f"one of {count} triples not told apart"))
    return tuple(tiles)


def _step(run: WholeRun, name: str) -> StepRow:
    if name not in run.done:
        return StepRow(name, WHAT[name], "not yet", "")
    result = "done"
    if name == "nas" and run.search:
        result = f"{len(run.search.trials):,} networks, {len(run.search.front)} on the front"
    if name == "grid" and run.grid:
        result = f"{len(run.grid.table):,} triples"
    if name == "family" and run.family is not None:
        result = f"{len(run.family)} networks, {format_count(run.family['mult_adds'].max())} FLOPs at most"
    if name == "train" and run.training:
        result = _epochs(run.training)
    page = PAGES[name]
    return StepRow(name, WHAT[name], result, page if name != "train" or (run.path / page).is_file() else CARD)


def _members(run: WholeRun) -> tuple[MemberRow, ...]:
    if run.family is None:
        return ()
    return tuple(
        MemberRow(
            str(row["name"]), float(row["phi"]), int(row["blocks"]), int(row["resolution"]), float(row["params"]),
            float(row["mult_adds"]), float(row["flops_ratio"]),
        )
        for _, row in run.family.iterrows()
    )  # fmt: skip
