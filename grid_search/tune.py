"""The grid on Ray Tune: the feasible triples are one dimension, a few of them a trial, the actors are reused.

Tune's own restore would repeat trials that had finished; what is finished is in our ledger, and only the rest is handed
to Tune.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from ray import tune

from ..records.errors import UserError
from ..search_spaces.checks import InvalidValue
from ..workers.ray import cluster
from .points import PointEvaluator, PointResult, Triple

TRIALS_AT_MOST = 48  # a trial costs some hundredths of a second whatever it does

OnResult = Callable[[PointResult], None]


def run(
    points: PointEvaluator,
    triples: Sequence[Triple],
    on_result: OnResult,
    *,
    address: str | None = None,
    workers: int | None = None,
) -> None:
    """Rate every triple; `on_result` is called in this process, in any order.

    KeyboardInterrupt where the trials were stopped before the end (Tune takes Ctrl-C for itself, saves and returns).
    UserError where a network or the evaluator is unusable.
    """
    collect = _Collect(on_result)
    with cluster(address, workers), tempfile.TemporaryDirectory(prefix="effsearch-tune-") as storage:
        tuner = tune.Tuner(
            tune.with_parameters(PointTrial, points=points),
            param_space={"chunk": tune.grid_search(split(triples))},
            tune_config=tune.TuneConfig(reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=storage,
                verbose=0,
                callbacks=[collect],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=2),
            ),
        )
        results = tuner.fit()
    if collect.problem:
        raise UserError(collect.problem, collect.hint)
    for error in results.errors:
        raise RuntimeError(f"a trial failed: {error}")
    if collect.count < len(triples):
        raise KeyboardInterrupt


def split(triples: Sequence[Triple]) -> list[list[Triple]]:
    """Into at most TRIALS_AT_MOST parts of nearly equal length."""
    size = max(1, -(-len(triples) // TRIALS_AT_MOST))
    return [list(triples[start : start + size]) for start in range(0, len(triples), size)]


class PointTrial(tune.Trainable):
    """One trial is one step: rate the triples of its chunk."""

    def setup(self, config: dict[str, Any], points: PointEvaluator | None = None) -> None:
        self.points = points
        self.chunk = config["chunk"]

    def step(self) -> dict[str, Any]:
        if self.points is None:
            raise RuntimeError("the trial was given nothing to rate with")
        try:
            entries = [result.to_entry() for result in self.points.rate([tuple(triple) for triple in self.chunk])]
        except (UserError, InvalidValue) as error:  # another try would meet it again
            return {"problem": str(error), "hint": error.hint, "done": True}
        return {"entries": entries, "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.chunk = new_config["chunk"]
        return True


class _Collect(tune.Callback):
    """Hands every result to the driver's ledger as it comes."""

    def __init__(self, on_result: OnResult) -> None:
        self.on_result = on_result
        self.count = 0
        self.problem: str | None = None
        self.hint: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune writes its callbacks beside its own state; the ledger is no part of that

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        if self.problem is None and result.get("problem"):
            self.problem, self.hint = result["problem"], result.get("hint")
        for entry in result.get("entries", ()):
            self.count += 1
            self.on_result(PointResult.from_entry(entry))
