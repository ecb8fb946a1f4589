"""What a study's noise, its other readings and its numbers mean; how far it holds is from docs/scaling-studies.md."""

from __future__ import annotations

from .study_result import Reading, StudyResult
from .study_rows import NetworkRow, reading_rows
from .study_run import StudyRun
from .study_words import amount, difference, named, points, spread, triple
from .text import clipped

CLOSE = 0.1  # points; the readings agree within it
POOLED, UNUSUAL = 0.25, 0.05  # p of the lack of fit
BOTH_WAYS = 1.96 * 2**0.5
MOST_SEEDS = 8
SIMULATED = {  # form, prior -> how often, percent, the set held the best: mean, least; least with truths not looked at
    ("additive", "law"): (98.4, 92.5, 1.2),
    ("quadratic", "law"): (96.4, 71.0, 30.0),
    ("quadratic", "none"): (91.6, 44.0, 30.0),
}

Statements = tuple[tuple[str, str], ...]


def noise(run: StudyRun, rows: tuple[NetworkRow, ...]) -> Statements:
    """(about what, statement): sigma, the effect, the seeds, the lack of fit."""
    return (_sigma(run.result, rows), _effect(run), _seeds(run), _lack_of_fit(run.result))


def _sigma(found: StudyResult, rows: tuple[NetworkRow, ...]) -> tuple[str, str]:
    usual = max((row.runs for row in rows), default=1)
    scatter = difference(found, found.sigma)
    said = f"The same network trained again with other seeds scatters by a standard deviation of {scatter}."
    if usual > 1:
        apart = difference(found, BOTH_WAYS * found.sigma / usual**0.5)
        said += (
            f" The mean of {usual} is known to {difference(found, found.sigma / usual**0.5)}, so two networks that are "
            f"equally good differ by up to {apart} by chance (95 %)."
        )
    return "One training", said


def _effect(run: StudyRun) -> tuple[str, str]:
    found, (low, high) = run.result, spread(run)
    times = (high - low) / found.sigma if found.sigma else 0.0
    ends = f"{amount(found, low)} to {amount(found, high)}"
    said = f"From the best to the worst way to divide the growth, the fit runs from {ends}: "
    said += difference(found, high - low)
    said += f", {times:.1f} times the scatter of one training." if times else "."
    return "The whole effect", said


def _seeds(run: StudyRun) -> tuple[str, str]:
    found, effects = run.result, run.result.seed_effects
    if len(effects) < 2 or not any(effects.values()):
        return "Seeds", "There is nothing to tell a seed's effect from: it is taken for none."
    unit, digits = ("", 2) if found.response == "error" else (" nats", 4)
    some = list(effects.items())[:MOST_SEEDS]
    listed = ", ".join(f"seed {seed} {round(value, digits) + 0.0:+.{digits}f}{unit}" for seed, value in some)
    more = f", and {len(effects) - MOST_SEEDS} more" if len(effects) > MOST_SEEDS else ""
    whole = len(run.complete) == len(run.networks) * len(effects)
    cancels = "Every seed trained every network, so this cancels in comparisons" if whole else "The fit allows for it"
    return (
        "Seeds",
        f"What a seed adds to all networks alike: {listed}{more}. {cancels}; it is taken off the trainings above.",
    )


def _lack_of_fit(found: StudyResult) -> tuple[str, str]:
    title, check = "Does the surface fit?", found.check
    if check is None:
        return (
            title,
            "That cannot be checked: networks with two seeds at least are needed, and more networks than terms.",
        )
    figures = f"F = {check.f:.2f}, p = {check.p:.2g}"
    if check.p >= POOLED:
        return title, f"Nothing speaks against it: the networks lie about it no further than seeds explain ({figures})."
    own = difference(found, found.own)
    widened = f"they are taken to deviate by {own} by themselves, and all intervals are widened for it"
    if check.p >= UNUSUAL:
        return title, f"The networks lie about it a little further than seeds explain ({figures}); {widened}."
    return (
        title,
        f"Not wholly: the networks lie about it further than seeds explain ({figures}). Some networks are better or "
        f"worse than their depth, width and resolution say, or the form is too stiff; {widened}.",
    )


def readings_agree(run: StudyRun) -> str:
    """Whether the recommended triple is good by all of them."""
    rows = reading_rows(run)[1:]
    if not rows:
        return "The trainings allow no other reading."
    worst = max(rows, key=lambda one: one.chosen_loss)
    whole = named(len(rows), "other reading")
    if round(worst.chosen_loss, 2) <= CLOSE:
        return f"They agree: by {whole}, the recommended triple loses at most {points(worst.chosen_loss)}."
    apart = sum(round(one.chosen_loss, 2) > CLOSE for one in rows)
    return (
        f"They disagree: by {apart} of {whole} the recommended triple loses more than {CLOSE:g} point, up to "
        f"{points(worst.chosen_loss)} ({spoken(worst)}, whose best is {triple(worst.best)}). Where readings disagree, "
        "their assumptions decide and not the trainings; more seeds would tell."
    )


def spoken(one: Reading) -> str:
    prior = "with the law as prior" if one.prior == "law" else "without a prior"
    return f"{one.form}, {prior}, fitted to the {one.response}"


def meaning(run: StudyRun) -> Statements:
    """How to read the page, and what it cannot say."""
    found = run.result
    fidelity = next((one for one in run.complete["fidelity"] if one), "")
    of = f" ({clipped(fidelity, 100)})" if fidelity else ""
    return (
        (
            "A way to divide the growth",
            f"The networks all cost about {found.growth:.4g} times the base's FLOPs. What differs is which share of "
            "that growth went into depth, width and resolution: with shares that add up to 1, depth is "
            "growth^share, width and resolution are growth^(share / 2).",
        ),
        (
            "May be the best",
            "The set holds the truly best way with 95 % confidence, and says where it is, not that all in it are "
            "good. A way is left out only where another beats it by more than the fit's error explains.",
        ),
        (
            "Loses at most",
            "A 95 % bound on what the recommended one loses against the truly best. It is never given below 0.05 "
            "point: no form of surface is better than that.",
        ),
        (
            "Within 0.1 point",
            "The probability is counted over surfaces that the trainings allow. In simulated studies it was on the "
            "cautious side.",
        ),
        *_simulated(found),
        (
            "As built",
            "Layers, channels and pixels are whole numbers, so a network spends its growth a little otherwise than "
            "planned. The fit takes what was built; the last digits of a triple mean nothing.",
        ),
        (
            "What it cannot say",
            f"The trainings are of one base, at {found.growth:.4g} times its FLOPs, by one recipe{of}. Longer "
            "trainings, other images or another base may want another triple; the larger members of the family are "
            "that triple carried on, and were not trained.",
        ),
        *_prior(found),
    )  # fmt: skip


def _simulated(found: StudyResult) -> Statements:
    known = SIMULATED.get((found.form, found.prior))
    if known is None:
        return ()
    return ((
        "How far to trust the set",
        f"With this form and prior, it held the truly best in {known[0]:g} % of simulated studies, {known[1]:g} % in "
        f"the worst case of those; with truths that the method was not made with, in as little as {known[2]:g} % where "
        "the noise was small. Then the form of the surface errs: read a set of a few percent as “about here”.",
    ),)  # fmt: skip


def _prior(found: StudyResult) -> Statements:
    if found.prior != "law":
        return ()
    return ((
        "The prior",
        "A weak one: each dimension helps about as much as published results of EfficientNet say, give or take all "
        "of it. It decides where the trainings do not; the readings without it are in the table above.",
    ),)  # fmt: skip
