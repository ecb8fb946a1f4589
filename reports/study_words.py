"""A study's result in words that the numbers bear out: what is recommended, what may be the best, how sure it is."""

from __future__ import annotations

from ..search_spaces.quantity import format_count
from .extent_figure import span
from .measure import proper_name
from .study_files import SHARES, TRIPLE
from .study_result import Known, StudyResult, Triple
from .study_run import StudyRun
from .text import clipped
from .verdict import Verdict

DIMENSIONS = {"alpha": "depth", "beta": "width", "gamma": "resolution"}
PAPER = "1.2, 1.1, 1.15"
NOTHING = 1e-6  # of a share


def triple(found: Triple) -> str:
    """ "1.335, 1.224, 1"."""
    return ", ".join(f"{one:.4g}" for one in found)


def points(value: float) -> str:
    """ "0.05 point"."""
    if 0 < value < 0.005:
        return "less than 0.01 point"
    return f"{value:.2f} point{'s' if value >= 1 else ''}"


def chance(near: float) -> str:
    """ "78 %"; never certain, since it is counted in 2000 draws."""
    if near < 0.01:
        return "under 1 %"
    return "over 99 %" if near > 0.99 else f"{100 * near:.0f} %"


def named(count: int, noun: str) -> str:
    """ "3 trainings"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def axis(found: StudyResult) -> str:
    return "error, %" if found.response == "error" else "loss, nats"


def amount(found: StudyResult, value: float) -> str:
    """A response: "8.12 %" or "0.2920"."""
    return f"{value:.2f} %" if found.response == "error" else f"{value:.4f}"


def difference(found: StudyResult, value: float) -> str:
    """ "0.10 point", or "0.0037 nats (0.10 point of error)"."""
    if found.response == "error":
        return points(value)
    return f"{value:.2g} nats ({points(value / found.per_point)} of error)"


def spread(run: StudyRun) -> tuple[float, float]:
    """The surface's lowest and highest value."""
    return float(run.surface["fitted"].min()), float(run.surface["fitted"].max())


def base_name(run: StudyRun) -> str:
    return clipped(proper_name(run.result.base), 60)


def verdict(run: StudyRun) -> Verdict:
    details = (_against_best(run), _reach(run), *_known(run), _prior(run), _built(run))
    return Verdict(_headline(run), tuple(one for one in details if one))


def _headline(run: StudyRun) -> str:
    found = run.result
    names = ", ".join(f"{name} {value:.4g}" for name, value in zip(TRIPLE, found.recommended, strict=True))
    by = f"For {base_name(run)}, {named(found.trainings, 'training')}"
    at_most = f"loses at most {points(found.loss_at_most)} (95 %)"
    if found.flat:
        return (
            f"{by} tell nothing apart: every way to divide the growth may be the best. The lowest place of the fit, "
            f"{names}, {at_most}."
        )
    return f"{by} recommend {names}. It {at_most} against the best; {_size(run)}."


def _size(run: StudyRun) -> str:
    if len(run.inside) == 1:
        return "nothing else may be that best"
    return f"{share_words(run.result.share_in_set)} of all ways to divide the growth may be that best"


def share_words(share: float) -> str:
    """ "13 %"."""
    if 0 < share < 0.01:
        return "less than 1 %"
    return "more than 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"


def _against_best(run: StudyRun) -> str:
    found = run.result
    if found.flat:
        return (
            "More seeds, or longer trainings that scatter less, are needed before a choice here is more than a guess; "
            "where all are alike, the choice costs little."
        )
    among = f"Among those that may be the best (95 % confidence), {_listed(run)}."
    if found.best == found.recommended:
        return f"It is the lowest place of the fit itself. {among if len(run.inside) > 1 else ''}".rstrip()
    return (
        f"The lowest place of the fit is {triple(found.best)}. {among} The recommended one is, of those that are "
        "about as likely to be near the best, the one with the fewest activations: all cost the same FLOPs, and "
        "activations decide memory and time."
    )


def _prior(run: StudyRun) -> str:
    """What the same trainings say without the prior, where the page has it."""
    found = run.result
    wanted = (found.response, found.form, "none")
    other = [one for one in found.readings if (one.response, one.form, one.prior) == wanted]
    if found.prior != "law" or not other or found.flat:
        return ""
    return (
        "A weak prior from published results of EfficientNet-B0 helps the fit; without it the best is "
        f"{triple(other[0].best)}, and the recommended one loses {points(other[0].chosen_loss)}."
    )


def _listed(run: StudyRun) -> str:
    free = [name for name in TRIPLE if name not in run.result.fixed]
    reach = [f"{name} is {span((float(run.inside[name].min()), float(run.inside[name].max())))}" for name in free]
    return f"{', '.join(reach[:-1])} and {reach[-1]}"


def _reach(run: StudyRun) -> str:
    """Which dimensions the set leaves out, or may."""
    if run.result.flat:
        return ""
    free = [place for place, name in enumerate(TRIPLE) if name not in run.result.fixed]
    inside, dimensions = run.inside[SHARES], tuple(DIMENSIONS.values())
    never = [place for place in free if inside[SHARES[place]].max() < NOTHING]
    maybe = [place for place in free if place not in never and inside[SHARES[place]].min() < NOTHING]
    always = [place for place in free if place not in never and place not in maybe]
    ones = " and ".join(f"{TRIPLE[place]} = 1" for place in never)
    if never and len(never) == len(free) - 1:
        (only,) = always
        rest = "All" if not run.result.fixed else "All that is left"
        return f"{rest} into {dimensions[only]}: {ones} here. Nothing that may be the best grows anything else."
    if never:
        return f"{ones} here: nothing that may be the best grows {_either(dimensions, never)}."
    if not maybe:
        return f"All that may be the best grow {_and(dimensions, always)}: none is best left as it is."
    words = "" if not always else f"All that may be the best grow {_and(dimensions, always)}; "
    left = f"whether {_and(dimensions, maybe)} should grow at all is not told"
    corners = [place for place in free if run.surface[SHARES[place]].max() - inside[SHARES[place]].max() < NOTHING]
    corner = f", and all into {dimensions[corners[0]]} may be the best" if len(corners) == 1 else ""
    return f"{words}{left if words else left[0].upper() + left[1:]}{corner}."


def _and(names: tuple[str, ...], places: list[int]) -> str:
    words = [names[place] for place in places]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _either(names: tuple[str, ...], places: list[int]) -> str:
    return " or ".join(names[place] for place in places)


def _known(run: StudyRun) -> list[str]:
    found = run.result
    if found.published is None or found.equal_shares is None:
        fixed = ", ".join(f"{name} = {value:g}" for name, value in found.fixed.items())
        return [f"With {fixed} fixed, nothing is said of other values, nor of the published {PAPER}."] if fixed else []
    whole = f"{triple(found.published.triple)} at exactly {found.growth:.4g} times the FLOPs"
    return [
        _one(f"The published {PAPER} ({whole})", found.published),
        _one(f"Equal shares, {triple(found.equal_shares.triple)},", found.equal_shares),
    ]


def _one(name: str, known: Known) -> str:
    may = "may be the best" if known.in_set else "is not among those that may be the best"
    return (
        f"{name} {may}: it loses {points(known.loss)} (at most {points(known.loss_at_most)}) and is within 0.1 point "
        f"of the best with probability {chance(known.near)}."
    )


def _built(run: StudyRun) -> str:
    rows = run.family[(run.family["phi"] - run.result.phi).abs() < 1e-9]
    if not len(rows):
        return ""
    row = rows.iloc[0]
    return (
        f"At phi = {run.result.phi:g} the recommended one builds {int(row['blocks'])} layers at "
        f"{int(row['resolution'])} px: {format_count(row['params'], 3)} parameters, "
        f"{format_count(row['mult_adds'], 3)} FLOPs, {row['flops_ratio']:.2f} times the base's."
    )
