"""What the numbers of a grid mean and do not mean, by what rated it. The figures are those of docs/scaling.md."""

from __future__ import annotations

from .grid_laws import LAWS
from .grid_run import SHARES, GridRun
from .meaning import FLOPS
from .text import clipped

LAW = (
    "A law, no trainings",
    "{formula}, in percent, fitted on {rows} published results of {family}. It leaves {residual:g} point of them "
    "over{left_out}. Nothing was trained for this page.",
)
LEFT_OUT = ", and misses a result that it was not given by {leave_one_out:g}"
FAMILY = (
    "What it cannot show",
    "With the published results of the EfficientNet family the published coefficients are as good as any. That another "
    "base wants the same is not shown.",
)
CORNERS = (
    "What it shows",
    "By this law, growing one dimension alone loses {low:.2f} to {high:.2f} point; but {near:.0f} % of all ways to "
    "divide the FLOPs are within 0.1 point of the best.",
)
LAW_STD = (
    "±",
    "One standard deviation of the law's refits. It is an error that neighbouring triples share: two triples can "
    "differ clearly although their intervals overlap, so the confidence set looks at every refit by itself.",
)
LOSS = (
    "Loss",
    "Error above the best triple's, in percentage points. 0.05 point is half the last digit that the accuracies "
    "were published with; nothing finer can be measured, and trainings scatter by 0.1 to 0.3 point.",
)
DIRECTION = (
    "phi*",
    "Triples near {factor:g} spend differently, and the largest would win. So each is a direction: it is scored at the "
    "exponent phi* where alpha · beta² · gamma² is exactly {growth:.4g}.",
)
BUILT = (
    "What is built",
    "Layers are rounded up, widths go in steps of 8, sizes in steps of 8 px. That decides more than the last digit of "
    "a coefficient: the columns under “builds” are the network at the plain phi, and several triples share one.",
)
NETWORKS = (
    "One network each",
    "Every triple was rated on one network built for {growth:.4g} times the base's FLOPs, within about 3 % where that "
    "can be had: layers by largest remainder over the stages, then the size that comes nearest. The "
    "columns under “builds” are another network, that of effsearch family, at the plain phi.",
)
SCORE = (
    "A score, no accuracy",
    "It adds up layers, expansions, SE and kernels with fixed weights; 100 minus it is called error here and is none. "
    "Doubling width or resolution counts like four times the layers, by assumption. Use it to try the command.",
)
OWN = (
    "The errors",
    "100 minus the accuracy that {evaluator} gave. What they are worth depends on its data, its training length and "
    "its seeds.",
)
NO_STD = (
    "No ±",
    "The evaluator gave no standard deviation, so every rating counts as exact. Rate a few triples again with other "
    "seeds before you believe their order.",
)
LUCK = (
    "The best of many",
    "Of {count:,} ratings the lowest error is partly the luckiest. Trainings need repeats before 0.1 point counts.",
)
ROUNDED_FAMILY = (
    "The family",
    "alpha^phi, beta^phi, gamma^phi from the base. Nothing says that one triple is best at every size: it was searched "
    "at phi = {phi:g}.",
)


def meaning(run: GridRun) -> tuple[tuple[str, str], ...]:
    """(about what, statement) in the order of the page."""
    growth = float(run.settings["factor"]) ** float(run.settings["phi"])
    known = {
        "growth": growth, "factor": float(run.settings["factor"]), "phi": float(run.settings["phi"]),
        "count": len(run.rated), "evaluator": clipped(str(run.document["evaluator"])),
    }  # fmt: skip
    chosen = _by_law(run) if run.law is not None else _by_evaluator(run)
    about = [*chosen, LOSS, DIRECTION, BUILT if run.law is not None else NETWORKS, ROUNDED_FAMILY]
    return (*((title, statement.format(**known)) for title, statement in about), FLOPS)


def _by_law(run: GridRun) -> list[tuple[str, str]]:
    law, statements = LAWS.get(run.law or ""), list[tuple[str, str]]()
    if law is not None:
        left_out = "" if law.leave_one_out is None else LEFT_OUT.format(**law._asdict())
        statements.append((LAW[0], LAW[1].format(**law._asdict(), left_out=left_out)))
    if run.surface is not None:
        corners = run.surface["loss"][(run.surface[SHARES] > 1 - 1e-6).any(axis=1)]
        near = 100 * float((run.surface["loss"] <= 0.1).mean())
        statements.append((CORNERS[0], CORNERS[1].format(low=corners.min(), high=corners.max(), near=near)))
    return [*statements, *([FAMILY] if law is not None and law.family == "EfficientNet" else []), LAW_STD]


def _by_evaluator(run: GridRun) -> list[tuple[str, str]]:
    if run.is_score:
        return [SCORE]
    return [OWN, *([] if run.rated["error_std"].notna().any() else [NO_STD]), LUCK]
