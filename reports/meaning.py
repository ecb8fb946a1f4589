"""What the numbers of a report mean and do not mean, by the evaluator that they are from."""

from __future__ import annotations

from ..search_spaces.quantity import format_count
from .cost_axis import units
from .latency_words import table_statements
from .measure import Measure
from .run import Run

# Each statement: what it is about, then one or two sentences. The figures are those of docs/surrogate.md.
FLOPS = (
    "FLOPs",
    "Multiply-adds of one image through convolutions and fully connected layers, as in the EfficientNet paper. Batch "
    "normalisation, activation functions and pooling are not counted. They are no latency: that depends on the device.",
)
PREDICTED = (
    (
        "Predicted, not trained",
        "The accuracies come from a regression fitted on 4,100 networks of this space that Accel-NASBench trained on "
        "ImageNet. Nothing was trained for this page, neither the networks found nor the reference.",
    ),
    (
        "±",
        "One standard deviation of the predictor, over all networks like this one. A training of yours scatters by "
        "about 0.31 point more, and another recipe moves all networks together. In tests the interval held 73 % of "
        "the networks left out; less (60 %) below 200M FLOPs and for networks with many SE stages.",
    ),
    (
        "A difference",
        "Its standard deviation takes the two errors as independent; below two of them it is not proven.",
    ),
)
FIFTY = (
    "50 epochs",
    "The predictor rests on trainings of 16 epochs, corrected to 50 with 78 networks that had both. EfficientNet-B0 "
    "published 77.1 % after 350 epochs with another recipe: compare with the reference on this page, not with papers.",
)
SIXTEEN = (
    "16 epochs",
    "A short proxy training: it under-rates depth and over-rates 5x5 kernels, so its order is not that of long "
    "trainings. --epochs 50 corrects for that.",
)
CAPACITY = (
    (
        "A score, no accuracy",
        "It adds up layers, expansions, SE and kernels with fixed weights. It looks like a percentage and is none; "
        "never report it as an accuracy.",
    ),
    (
        "What it can do",
        "It ranks trained networks with a Kendall tau of 0.79 (0.70 between 350 and 400M FLOPs), with weights that "
        "were chosen with these rankings in view. Good to begin with where nothing better is at hand.",
    ),
)
TRAINING = (
    (
        "Short trainings",
        "Every network was trained from fresh weights on the same images, and scored on validation images that no "
        "training saw: “{fidelity}”. A longer training ends higher, and may order networks that are close otherwise.",
    ),
    (
        "±",
        "Of a single result: one standard deviation by the number of validation images, and by the seed where the "
        "evaluator was told that. All networks are scored on the same images, so the order is surer than that.",
    ),
)
CONFIRMED = (
    "The 95 % interval",
    "Of the mean difference to the baseline with the same seeds, by Student's t: it takes the differences as normal, "
    "and with few seeds it is wide. It is never narrower than 1.96 standard deviations of the evaluations' own error "
    "(of a training: by the number of validation images). It is of each comparison alone, and not widened "
    "for choosing the best of {count}.",
)
OWN = (
    "The accuracies",
    "Come from an evaluator that is no part of effsearch, {evaluator}; it calls them “{fidelity}”. What they are worth "
    "depends on its data, its training length and its seeds.",
)
NO_STD = (
    "No ±",
    "The evaluator gave no standard deviation. Rate the first few networks again with other seeds before you "
    "believe their order.",
)


def meaning(run: Run, words: Measure) -> tuple[tuple[str, str], ...]:
    """(about what, statement) in the order of the page."""
    complete = run.trials[run.trials["state"] == "complete"]
    statements: list[tuple[str, str]] = []
    if words.kind == "surrogate":
        statements += [*PREDICTED, SIXTEEN if "16-epoch" in run.fidelity else FIFTY]
    elif words.kind == "capacity":
        statements += CAPACITY
    elif words.kind == "training":
        statements += [(about, statement.format(fidelity=run.fidelity)) for about, statement in TRAINING]
    elif len(complete):
        about, statement = OWN
        fidelity = run.fidelity or "(not said)"
        statements.append((about, statement.format(evaluator=run.settings["evaluator"], fidelity=fidelity)))
        statements += [] if complete["accuracy_std"].notna().any() else [NO_STD]
    if run.confirmation and run.confirmation.baseline and len(run.confirmation.seeds) > 1:
        about, statement = CONFIRMED
        statements.append((about, statement.format(count=len(run.confirmation.candidates))))
    if len(complete) > 1:
        statements.append((
            "The best of many",
            f"Of {len(complete):,} ratings the highest is partly the luckiest; its true value is likely lower.",
        ))  # fmt: skip
    return (*statements, *table_statements(run), FLOPS, _reward(run))


def _reward(run: Run) -> tuple[str, str]:
    reward = run.settings["reward"]
    name = {"mult_adds": "FLOPs"}.get(reward["cost"], str(reward["cost"]))
    unit = units(run.settings).get(str(reward["cost"]))
    formula = f"accuracy * ({name} / {format_count(float(reward['target']))}{f' {unit}' if unit else ''})^w"
    under, over = float(reward["under"]), float(reward["over"])
    exponent = f"w = {under:g}" if under == over else f"w = {under:g} below the target and {over:g} above"
    soft = " It pays for saving on both sides of the target, so its pick may be far below." if under else ""
    return "Reward", f"{formula} with {exponent}.{soft}"
