"""What a training's figures say where it has failed: no better than chance, or outputs that have run away."""

from __future__ import annotations

import math

import numpy as np

from .training_run import TrainingRun

RUN_AWAY = 10  # times the loss of guessing, ln(classes)
LONG = 1000.0  # nats; from here on a loss is written in four significant digits


def nats(loss: float, places: int = 4) -> str:
    """ "0.5123", "3.559e+10"."""
    return f"{loss:.{places}f}" if abs(loss) < LONG else f"{loss:.4g}"


def chance(run: TrainingRun) -> float | None:
    """Percent that naming the most frequent class alone would get, of the images that were scored; None where they are
    all of one class."""
    images = run.confusion.to_numpy(dtype=np.int64).sum(axis=1)
    return 100 * float(images.max()) / float(images.sum()) if np.count_nonzero(images) > 1 else None


def is_chance(run: TrainingRun) -> bool:
    """Whether the accuracy's 95 % interval reaches down to chance."""
    low, _ = run.metrics["scores"][run.metrics["part"]]["interval_95"]
    known = chance(run)
    return known is not None and low <= known


def failures(run: TrainingRun) -> tuple[str, ...]:
    """A sentence or two for each way in which it has failed; none for a training that has worked."""
    return tuple(one for one in (_not_learnt(run), _run_away(run)) if one)


def _not_learnt(run: TrainingRun) -> str:
    if not is_chance(run):
        return ""
    table = run.confusion.to_numpy(dtype=np.int64)
    most, called = int(table.sum(axis=1).argmax()), np.flatnonzero(table.sum(axis=0))
    names = [str(name) for name in run.confusion.columns]
    if len(called) == 1:
        said = f"The network has not learnt to tell the classes apart: it calls every image {names[called[0]]}."
    else:
        said = "The network is not known to have learnt to tell the classes apart."
    low, _ = run.metrics["scores"][run.metrics["part"]]["interval_95"]
    return (
        f"{said} Naming the most frequent class, {names[most]}, for all of them would give {chance(run):.2f} %; the "
        f"interval of its accuracy begins at {low:.2f} %."
    )


def _run_away(run: TrainingRun) -> str:
    loss, guessing = run.metrics["scores"][run.metrics["part"]]["loss"], math.log(len(run.metrics["classes"]))
    if not loss > RUN_AWAY * guessing > 0:
        return ""
    return (
        f"Its outputs have run away: the loss is {nats(loss)} nats, and guessing has {guessing:.2f}. Too few steps for "
        "the statistics of the batch normalisations do this, and so does a learning rate that is too high: give more "
        "epochs or a smaller batch, or a recipe with a lower learning_rate."
    )
