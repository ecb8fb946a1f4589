"""Work on Ray Tune: the items are one dimension, a few of them a trial, the actors are reused.

Tune's own restore would repeat trials that had finished; what is finished is in our ledger, and only the rest is handed
to Tune.
"""

from __future__ import annotations

import logging
import math
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ray import tune

from ..records.errors import UserError
from ..search_spaces.checks import InvalidValue
from ..workers.attempt import raised
from ..workers.ray import cluster, living_nodes
from ..workers.room import gpu_share, in_words, room
from .where import Where

TRIALS_AT_MOST = 48  # a trial costs some hundredths of a second whatever it does
TRIES = 3

Entry = dict[str, Any]
OnEntry = Callable[[Entry], None]


class Work(Protocol):
    """Survives pickling, since it goes to other processes. Items are tuples of numbers and text."""

    def entries(self, items: Sequence[Any]) -> list[Entry]:
        """A ledger's entry for each item. What it raises is tried again elsewhere; UserError and InvalidValue are not:
        they end the run."""

    def failed(self, item: Any, reason: str) -> Entry:
        """The entry of an item that raised every time."""


def run(
    work: Work,
    items: Sequence[Any],
    on_entry: OnEntry,
    where: Where,
    *,
    together: bool = True,
) -> None:
    """Do every item; `on_entry` is called in this process, in any order.

    Parameters
    ----------
    together
        several items a trial, where there are many.

    Raises
    ------
    KeyboardInterrupt
        where the trials were stopped before the end (Tune takes Ctrl-C for itself, saves and returns).
    UserError
        where the work is unusable, or no node has room for a trial.
    """
    collect = _Collect(work, on_entry)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a traceback for each try; the ledger holds the reason
    with joined(where), tempfile.TemporaryDirectory(prefix="effsearch-tune-") as storage:
        trial = tune.with_resources(tune.with_parameters(WorkTrial, work=work), _of_a_trial(where))
        tuner = tune.Tuner(
            trial,
            param_space={"chunk": tune.grid_search(split(items) if together else [[item] for item in items])},
            tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=where.workers),
            run_config=tune.RunConfig(
                storage_path=storage,
                verbose=0,
                callbacks=[collect],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=TRIES - 1),
            ),
        )
        tuner.fit()
    if collect.problem:
        raise UserError(collect.problem, collect.hint)
    if collect.count < len(items):
        raise KeyboardInterrupt


def joined(where: Where) -> AbstractContextManager[None]:
    """A cluster with room for so many workers; inside, another one is the same."""
    return cluster(where.ray_address, None if where.workers is None else max(1, math.ceil(where.workers * where.cpus)))


def split(items: Sequence[Any]) -> list[list[Any]]:
    """Into at most TRIALS_AT_MOST parts of nearly equal length."""
    size = max(1, -(-len(items) // TRIALS_AT_MOST))
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _of_a_trial(where: Where) -> dict[str, float]:
    nodes = living_nodes()
    gpus = gpu_share(nodes, where.workers) if where.gpus is None else where.gpus
    needed = {"num_cpus": where.cpus, "num_gpus": gpus}
    if room(nodes, needed) == 0:
        raise UserError(
            f"no node has room for one trial: {in_words(needed)}",
            hint="ask for less a trial, or for a cluster with such a node",
        )
    return {"cpu": where.cpus, "gpu": gpus} if gpus else {"cpu": where.cpus}


class WorkError(RuntimeError):
    """What the work raised, in one line."""


class WorkTrial(tune.Trainable):
    """One trial is one step: do the items of its chunk."""

    def setup(self, config: dict[str, Any], work: Work | None = None) -> None:
        self.work = work
        self.chunk = config["chunk"]

    def step(self) -> dict[str, Any]:
        if self.work is None:
            raise RuntimeError("the trial was given no work")
        try:
            entries = self.work.entries([tuple(item) for item in self.chunk])
        except (UserError, InvalidValue) as error:  # another try would meet it again
            return {"problem": str(error), "hint": error.hint, "done": True}
        except Exception as error:
            raise WorkError(raised(error, 0.0).reason) from None  # the driver may not know its class
        return {"entries": entries, "done": True}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.chunk = new_config["chunk"]
        return True


class _Collect(tune.Callback):
    """Hands every entry to the driver's ledger as it comes."""

    def __init__(self, work: Work, on_entry: OnEntry) -> None:
        self.work = work
        self.on_entry = on_entry
        self.count = 0
        self.problem: str | None = None
        self.hint: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {}  # Tune writes its callbacks beside its own state; the ledger is no part of that

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **_: Any) -> None:  # noqa: ARG002
        if self.problem is None and result.get("problem"):
            self.problem, self.hint = result["problem"], result.get("hint")
        for entry in result.get("entries", ()):
            self._take(entry)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **_: Any) -> None:  # noqa: ARG002
        """After its last try."""
        reason = _reason(trial.error_file)
        for item in trial.config["chunk"]:
            self._take(self.work.failed(tuple(item), reason))

    def _take(self, entry: Entry) -> None:
        self.count += 1
        self.on_entry(entry)


def _reason(log: str | None) -> str:
    """In one line, of the file that Tune writes all tries of a trial into."""
    path = Path(log or "")
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    said = re.findall(rf"{WorkError.__name__}: (.+)", text)
    if not said and text and "died" not in text:  # before the work began: it could not be unpickled, say
        said = [line.strip()[:200] for line in text.splitlines() if line.strip()][-1:]
    return f"{said[-1] if said else 'the worker process died'}, {TRIES} times"
