"""A grid's result in words that the numbers bear out: what was chosen, how sure that is, how the published one does."""

from __future__ import annotations

from ..search_spaces.quantity import format_count
from .extent_figure import span
from .grid_laws import LAWS, base_name
from .grid_run import TRIPLE, GridRun, Triple
from .text import clipped
from .verdict import Verdict

TIED = 1e-9  # percentage points
DIMENSIONS = {"alpha": "depth", "beta": "width", "gamma": "resolution"}
CALIBRATED = "The law is calibrated on published results of this family; it reproduces, it does not discover."
CALIBRATED_ON = "The law is calibrated on published results of {family}; it reproduces them, it does not discover."


def words(triple: Triple) -> str:
    """ "1.25, 1.1, 1.15"."""
    return ", ".join(f"{one:.6g}" for one in triple)


def rated_by(run: GridRun) -> str:
    if run.law is not None:
        return f"the scaling law “{run.law}”"
    return "the capacity score" if run.is_score else f"the evaluator {clipped(str(run.document['evaluator']))}"


def points(run: GridRun, loss: float) -> str:
    """ "0.008 point"."""
    return f"{loss:.3f} {'score ' if run.is_score else ''}point{'s' if loss >= 1 else ''}"


def published_loss(run: GridRun) -> float | None:
    """None where the published triple could not be rated."""
    loss = float(run.table["loss"].iloc[run.published])
    return loss if loss == loss else None


def verdict(run: GridRun) -> Verdict:
    names = ", ".join(f"{name} {value:.6g}" for name, value in zip(TRIPLE, run.triple(run.chosen), strict=True))
    failed = len(run.table) - len(run.rated)
    at = "" if run.settings["phi"] == 1 else f" at phi = {run.settings['phi']:g}"
    best = (
        f"{names} is the best of {len(run.rated):,} triples{f' ({failed:,} more failed)' if failed else ''} for "
        f"{base_name(run)}{at} by {rated_by(run)}"
    )
    return Verdict(f"{best}, {_set(run)}.", tuple(_details(run)))


def _set(run: GridRun) -> str:
    """ "but 12 of them cannot be told apart, the published 1.2, 1.1, 1.15 (0.008 point worse) among them"."""
    count, loss, name = len(run.inside), published_loss(run), words(run.triple(run.published))
    alone = "and no other is as good" if count <= 1 else f"but {count:,} of them cannot be told apart"
    if count > 1 and count == len(run.rated):
        alone = f"but none of the {count:,} can be told apart from it"
    if run.chosen == run.published:
        return f"{alone}; it is the published triple itself"
    if loss is None:
        return f"{alone}; the published {name} could not be rated"
    worse = points(run, loss) + " worse" if loss > TIED else "rated the same"
    if run.table["in_set"].iloc[run.published]:
        return f"{alone}, the published {name} ({worse}) among them"
    return f"{alone}; the published {name} is {worse} and not among them"


def _details(run: GridRun) -> list[str]:
    return [*_caveats(run), _told_apart(run), *_ties(run), _built(run)]


def _caveats(run: GridRun) -> list[str]:
    if run.law is not None:
        law = LAWS.get(run.law)
        ours = law is None or law.family == "EfficientNet"
        return [CALIBRATED if ours else CALIBRATED_ON.format(family=law.family if law else "")]
    if run.is_score:
        return [
            "A score without training rated the triples. How it weighs depth against width and resolution was assumed, "
            "not fitted on trained networks: these coefficients say nothing about accuracy."
        ]
    return ["Each triple was rated on one network built for the same FLOPs."]


def _told_apart(run: GridRun) -> str:
    reach = [f"{name} is {span(_range(run, name))}" for name in TRIPLE]
    listed = f"{reach[0]}, {reach[1]} and {reach[2]}"
    if run.law is not None:
        rule = "it is within 0.05 point of the best in at least 5 % of the law's refits to disturbed results"
    elif run.rated["error_std"].notna().any():
        rule = "it is within 0.05 point and 1.645 standard deviations of the difference from the best"
    else:
        rule = (
            "it is within 0.05 point of the best; the evaluator gave no standard deviation, so ratings count as exact"
        )
    return f"A triple cannot be told apart if {rule}. Among those, {listed}."


def _range(run: GridRun, name: str) -> tuple[float, float]:
    return float(run.inside[name].min()), float(run.inside[name].max())


def _ties(run: GridRun) -> list[str]:
    tied = int((run.table["loss"] <= TIED).sum())
    return [f"{tied:,} triples share the best rating; the first of them is named."] if tied > 1 else []


def _built(run: GridRun) -> str:
    row = run.table.iloc[run.chosen]
    same = run.table["network"] == row["network"]
    others = int(same.sum()) - 1
    said = f"At phi = {run.settings['phi']:g} it builds {int(row['blocks'])} layers at {int(row['resolution'])} px: "
    said += f"{format_count(row['params'], 3)} parameters, {format_count(row['mult_adds'], 3)} FLOPs, "
    said += f"{row['flops_ratio']:.2f} times the base's"
    if not others:
        return f"{said}."
    published = run.chosen != run.published and bool(same.iloc[run.published])
    which = "the published one" if published and others == 1 else f"{others:,} other{'s' if others > 1 else ''}"
    including = ", the published one among them," if published and others > 1 else ""
    return f"{said}. {which[0].upper()}{which[1:]}{including} build{'s' if others == 1 else ''} the same network."
