"""The result of a search whose best networks were evaluated again, in words."""

from __future__ import annotations

from .confirm_view import Confirmed, Row, interval, standing
from .cost_axis import CostAxis
from .measure import Measure, measure, network_name, plus_minus, proper_name
from .run import Rated, Run
from .text import clipped
from .verdict import ALIKE, Verdict, costs_against, costs_of, main_reference, verdict


def said(run: Run) -> Verdict:
    """The confirmed figures where the run has them, else what the search alone says."""
    known = run.confirmation
    if known is None:
        return _begun(run, run.unfinished) if run.unfinished else verdict(run)
    best, row, words = run.selected.get("budget"), known.chosen, measure(run)
    if best is None or row is None or row.mean is None:
        before = verdict(run)
        return Verdict(before.headline, (_all_failed(known), *before.details))
    times = f"mean of {_seeds(len(row.accuracies))}"
    of = f" {words.of}" if words.of else ""
    headline = (
        f"Found {network_name(best)}: {plus_minus(row.mean, row.error)}{words.unit}{of}, {times}, at "
        f"{run.axis.amount(best.cost(run.axis))}"
    )
    reference = main_reference(run)
    if row.difference is not None and known.baseline is not None:
        name = proper_name(known.baseline.name)
        headline += f"; {standing(row, name, words.points(row.difference))}"
        headline += f"; {clipped(name)} has the higher mean" if _lower(row) else ""
    headline += f"; {known.unfinished}" if known.unfinished else ""
    details = [*_compared(best, row, reference if known.baseline else None, known, words, run.axis)]
    details += [_how(row, known, words), *_luck(row, known, words), *_failed(known), *_unfinished(known)]
    return Verdict(f"{headline}.", tuple(details))


def _begun(run: Run, begun: Confirmed) -> Verdict:
    """Of a search whose confirmation has no complete seed yet."""
    before = verdict(run, compared=False)
    lines = (*before.details, "Nothing is said about a difference to the baseline yet.", *_unfinished(begun))
    return Verdict(f"{before.headline.removesuffix('.')}; {begun.unfinished}.", lines)


def _lower(row: Row) -> bool:
    """The baseline has the higher mean over the same seeds."""
    return row.difference is not None and row.difference <= -ALIKE


def _unfinished(known: Confirmed) -> list[str]:
    if known.complete:
        return []
    if not known.seeds:
        return ["No seed is complete for all networks; a resumed run goes on with the confirmation."]
    return [
        f"The confirmation is unfinished: {len(known.seeds)} of {_seeds(known.asked)} "
        f"{'is' if len(known.seeds) == 1 else 'are'} complete for all networks, and nothing else is counted; a "
        f"resumed run completes it."
    ]


def _compared(
    best: Rated, row: Row, reference: Rated | None, known: Confirmed, words: Measure, axis: CostAxis
) -> list[str]:
    if known.baseline is None:
        return ["It was not compared with a baseline."]
    name = clipped(proper_name(known.baseline.name))
    if row.difference is None or reference is None:
        return [f"{name} could not be evaluated with these seeds, so nothing is said about a difference to it."]
    lines = [
        f"{name} has {words.amount(reference)} with the same seeds, at {costs_of(reference, axis)}; the network found "
        f"has {costs_against(best, reference, axis)}."
    ]
    if _lower(row):
        lines.append(
            f"{name} has the higher mean; the network found is handed over all the same, since a network of the "
            f"search is what was asked for."
        )
    both = [seed for seed in known.seeds if seed in row.accuracies and seed in known.baseline.accuracies]
    each = ", ".join(f"{row.accuracies[seed] - known.baseline.accuracies[seed]:+.2f}" for seed in both)
    if row.side == "one seed":
        lines.append("One seed gives no interval: the difference may be chance.")
    elif row.low is None:
        lines.append(f"Seed by seed the difference is {each}{_alike(row, known.baseline)}, so there is no interval.")
    else:
        verdicts = {
            "above": "0 is outside, so the difference is more than the seeds' chance",
            "below": "0 is outside: the baseline is the better network",
            "not told apart": "0 is inside, so the two are not told apart",
        }
        width = f"Student's t, {len(both)} pairs"
        if row.floored:
            width = f"as wide as {_own(words)} makes it, which is more than the {len(both)} seeds do"
        steady = "" if row.varies or known.baseline.varies else _alike(row, known.baseline)
        lines.append(
            f"Seed by seed the difference is {each}{steady}; its mean {row.difference:+.2f} has the 95 % interval "
            f"{interval(row)} ({width}). {verdicts.get(row.side, '').capitalize()}."
        )
    return lines


def _alike(row: Row, baseline: Row) -> str:
    """After differences that are equal."""
    return ", equal by chance" if row.varies or baseline.varies else ": these evaluations do not vary with the seed"


def _own(words: Measure) -> str:
    """What gives the evaluations an error of their own."""
    return "the number of validation images" if words.kind == "training" else "the evaluator's own error"


def _error(row: Row, known: Confirmed, words: Measure) -> str:
    """What ± is."""
    if row.error is None:
        return ""
    if len(known.seeds) == 1:
        return f"; ± is one standard deviation by {_own(words)} alone, as one seed says nothing of the seeds"
    return f"; ± is one standard deviation of a mean, by the seeds and by {_own(words)}"


def _how(row: Row, known: Confirmed, words: Measure) -> str:
    networks = f"{len(known.candidates)} candidate{'s' if len(known.candidates) > 1 else ''} of the search"
    beside = f" and {clipped(proper_name(known.baseline.name))}" if known.baseline else ""
    numbers = ", ".join(map(str, known.seeds))
    return (
        f"After the search, {networks}{beside} were evaluated again with the same "
        f"{_seeds(len(known.seeds))} ({numbers}), which the search had not used"
        f"{_error(row, known, words)}."
    )


def _luck(row: Row, known: Confirmed, words: Measure) -> list[str]:
    lines = []
    if row.observed is not None:
        lines.append(f"Its single result in the search was {row.observed:.2f}{words.unit}, and plays no part here.")
    if len(known.candidates) > 1:
        lines.append(
            f"It is the best of {len(known.candidates)} confirmed, which again favours the luckier of them a little."
        )
    return lines


def _failed(known: Confirmed) -> list[str]:
    lines = []
    for row in known.rows:
        missing = len(known.seeds) - len(row.accuracies)
        if missing:
            left = " and is left out" if not row.accuracies and row.role != "baseline" else ""
            name = clipped(proper_name(row.name))
            lines.append(f"{name} failed with {missing} of {_seeds(len(known.seeds))}{left}: {clipped(row.failure)}.")
    return lines


def _all_failed(known: Confirmed) -> str:
    reason = next((row.failure for row in known.candidates if row.failure), "not said")
    return f"None of the {len(known.candidates)} best networks could be confirmed: {clipped(reason)}."


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"
