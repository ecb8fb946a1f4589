"""What the page of a whole recipe says beside its figures: what is missing, and what an accuracy may be trusted for."""

from __future__ import annotations

import shlex

from .next_steps import spoken_path
from .whole_run import STEPS, WholeRun

ONGOING = {
    "running": "The recipe is still running, or was killed.",
    "interrupted": "The recipe was interrupted.",
    "failed": "The recipe failed.",
}
UNTOUCHED = "Every choice was made on validation images; the test images had no part."
FOUND = "Found "  # how the sentence of a search begins
TOP1 = " validation top-1, "  # in a fidelity, between the data and the training


def ongoing(run: WholeRun) -> tuple[str, ...]:
    """What is still to do, and how to go on."""
    if run.state not in ONGOING:
        return ()
    missing = ", ".join(step for step in STEPS if step not in run.done) or "nothing but this page"
    go_on = shlex.join(["effsearch", "run", "--resume", "--out", spoken_path(run.path)])
    word = "If it was killed, continue with" if run.state == "running" else "Continue with"
    return (f"{ONGOING[run.state]} Still to do: {missing}. {word}: {go_on}",)


def untouched(run: WholeRun) -> tuple[str, ...]:
    """That the test images had no part, where there are some."""
    return (UNTOUCHED,) if run.training and run.training.metrics["part"] == "test" else ()


def optimistic(run: WholeRun) -> tuple[str, ...]:
    """Without test images everything was decided on those that the headline is of."""
    if run.training is None or run.training.metrics["part"] == "test":
        return ()
    confirmed = run.search is not None and run.search.confirmation is not None
    rests = ["the choice of the network", *(["its confirmation"] if confirmed else [])]
    rests += ["the choice of the epoch"] if run.training.metrics["chosen_on_these_images"] else []
    words = f"{', '.join(rests[:-1])} and {rests[-1]} rest" if len(rests) > 1 else f"{rests[0]} rests"
    return (
        f"The accuracy is optimistic: there are no test images, and {words} on these very validation images. It does "
        f"not say how good the network is on new images.",
    )


def in_the_search(said: str, fidelity: str) -> str:
    """The search's own sentence, with what its accuracies are of, since they are others than the headline's."""
    _, known, how = fidelity.rpartition(TOP1)
    epochs, *rest = how.split(", ")
    how = f"trainings of {epochs}" + "".join(f" {'at' if part.endswith('px') else 'on'} {part}" for part in rest)
    how = how if known else "short trainings"
    found = said.removeprefix(FOUND)
    return f"In the search, by {how}, {'the network found is ' if found != said else ''}{found}"
