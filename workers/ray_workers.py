"""Worker processes on a Ray cluster: each unpickles the evaluator once and then rates one call after the other."""

from __future__ import annotations

import pickle
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import ray

from ..evaluators.evaluation import Evaluation, Evaluator, checked
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from .attempt import MISTAKES, Raised, attempt, attempt_many, raised, source_of
from .jobs import Job, Outcome
from .ray import SAME, version

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
FAILED_STARTS = 3  # in a row for each worker that is wanted, and the run ends


@dataclass(frozen=True)
class Lost:
    """A worker gave no answer. cause: a key of `jobs.LOST`."""

    cause: str


class Rater:
    """What runs in a worker process."""

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled

    def start(self) -> tuple[str, str | Exception]:
        """(name of the node, version of effsearch there); instead of the version what is wrong with the evaluator."""
        node = platform.node()
        try:
            self.evaluator: Evaluator = pickle.loads(self.pickled)  # noqa: S301 (the driver's own)
        except MISTAKES as error:
            return node, UserError(f"{error} (on the node {node})", error.hint)
        except (Exception, SystemExit) as error:
            return node, UserError(
                f"the evaluator cannot be loaded on the node {node}: {raised(error, 0.0).reason}",
                hint="install on every node what the evaluator imports, and put its data there under the same path",
            )
        return node, version()

    def rate(self, architectures: Sequence[Architecture], seed: int) -> list[Outcome]:
        """One outcome a network; a mistake ends the list."""
        outcomes: list[Outcome] = []
        try:
            together = attempt_many(self.evaluator, architectures, seed)
            for place, architecture in enumerate(architectures):
                if together is None:
                    outcomes.append(self._one(architecture, seed))
                else:
                    outcomes.append(checked(together[place], source_of(self.evaluator)))
        except MISTAKES as error:
            outcomes.append(error)
        return outcomes

    def _one(self, architecture: Architecture, seed: int) -> Evaluation | Raised:
        started = perf_counter()
        try:
            return attempt(self.evaluator, architecture, seed)
        except SystemExit as error:  # it would end this process without a word
            return raised(error, perf_counter() - started)


@dataclass(eq=False)
class Worker:
    """The driver's side of a worker process.

    call: what is under way, its start or a rating; None where it is idle. job: what the rating is for. since: when the
    call was made (`time.monotonic`).
    """

    actor: Any
    call: Any
    job: Job | None = None
    since: float = field(default_factory=monotonic)
    started: bool = False


class Pool:
    """Workers for one evaluator. `options` are those of Ray: num_cpus, num_gpus, memory.

    UserError where the evaluator cannot be pickled.
    """

    def __init__(self, evaluator: Evaluator, options: Mapping[str, float]) -> None:
        self.evaluator = evaluator
        self.workers: list[Worker] = []
        self.wanted = 0
        self.failed_starts = 0
        try:
            pickler: Any = ray.cloudpickle
            pickled = pickler.dumps(evaluator)
        except Exception as error:
            raise UserError(
                f"the evaluator {source_of(evaluator)} cannot be sent to worker processes: {raised(error, 0.0).reason}",
                hint="open files, locks and connections when they are first used; --engine local needs no pickling",
            ) from error
        self.pickled = ray.put(pickled)
        environment = dict.fromkeys(THREADS, str(max(1, int(options["num_cpus"]))))
        if not options["num_gpus"]:
            environment["CUDA_VISIBLE_DEVICES"] = ""
        rater: Any = ray.remote(Rater)
        self.rater = rater.options(
            **options, max_restarts=0, scheduling_strategy="SPREAD", runtime_env={"env_vars": environment}
        )

    def grow(self, count: int) -> None:
        """Start workers until there are `count`."""
        self.wanted = max(self.wanted, count)
        while len(self.workers) < count:
            actor = self.rater.remote(self.pickled)
            self.workers.append(Worker(actor, actor.start.remote()))

    def idle(self) -> list[Worker]:
        return [one for one in self.workers if one.call is None]

    def rating(self) -> list[Worker]:
        return [one for one in self.workers if one.job is not None]

    def submit(self, worker: Worker, job: Job, architectures: Sequence[Architecture], seed: int) -> None:
        worker.job, worker.since = job, monotonic()
        worker.call = worker.actor.rate.remote([architectures[position] for position in job.positions], seed)

    def answer(self, timeout: float) -> tuple[Worker, Job, list[Outcome] | Lost] | None:
        """The next rating that ends; None after `timeout` seconds, or where a worker has started meanwhile."""
        calls = {one.call: one for one in self.workers if one.call is not None}
        ready, _ = ray.wait(list(calls), num_returns=1, timeout=timeout)
        if not ready:
            return None
        worker = calls[ready[0]]
        if worker.job is None:
            self._take_start(worker)
            return None
        job, worker.job = worker.job, None
        return worker, job, self._outcomes(worker, len(job.positions))

    def drop(self, worker: Worker) -> None:
        """End its process, whatever it does."""
        if worker in self.workers:
            self.workers.remove(worker)
            ray.kill(worker.actor)

    def stop_rating(self) -> None:
        for worker in self.rating():
            self.drop(worker)

    def close(self) -> None:
        for worker in list(self.workers):
            self.drop(worker)

    def _outcomes(self, worker: Worker, count: int) -> list[Outcome] | Lost:
        try:
            outcomes: list[Outcome] = ray.get(worker.call)
        except ray.exceptions.RayTaskError as error:  # such as a result that cannot be pickled
            outcomes = [raised(error.cause or error, monotonic() - worker.since)] * count
        except ray.exceptions.RayError as error:
            self.drop(worker)
            return Lost(_cause(error))
        worker.call = None
        if any(isinstance(one, Raised) and one.memory for one in outcomes):
            self.drop(worker)  # what the process still holds would be missing for the next try
        return outcomes

    def _take_start(self, worker: Worker) -> None:
        try:
            node, theirs = ray.get(worker.call)
        except ray.exceptions.RayError as error:
            self.drop(worker)
            self.failed_starts += 1
            if self.failed_starts >= FAILED_STARTS * self.wanted:
                raise UserError(f"the workers do not start: {raised(error, 0.0).reason}") from error
            return
        if isinstance(theirs, Exception):
            raise theirs
        if theirs != version():
            raise UserError(f"the node {node} runs effsearch {theirs}, this process {version()}", hint=SAME)
        self.failed_starts, worker.started, worker.call = 0, True, None


def _cause(error: Exception) -> str:
    if isinstance(error, ray.exceptions.OutOfMemoryError) or "low on memory" in str(error):
        return "memory"
    lost = isinstance(error, ray.exceptions.NodeDiedError) or "node has died" in str(error)
    return "node" if lost else "worker"
