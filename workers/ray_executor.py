"""Evaluations at once, in worker processes on this machine or on a Ray cluster.

The driver keeps the account of what is under way where, and how often it was tried. Ray only starts processes and
carries messages, so that no restart of its own repeats an evaluation behind our back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType

from ..evaluators.evaluation import Evaluation, Evaluator
from ..records.errors import UserError
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue, integer, number
from .interrupts import Interrupts
from .jobs import Jobs
from .pace import Pace, is_over
from .ray import cluster, living_nodes
from .ray_workers import Lost, Pool
from .room import gpu_share, in_words, room

NODES_LOST = 10  # during one network's evaluation, before it has failed
QUIET = 30.0  # seconds without any worker before it is said


@dataclass(eq=False)
class RayExecutor:
    """Use it with `with`: the cluster is joined or started at the first batch, and left at the end of the block.

    Parameters
    ----------
    address
        of a running cluster; None starts Ray on this machine.
    workers
        evaluations at once; None: as many as there is room for.
    cpus_per_trial, gpus_per_trial, memory_per_trial
        what one evaluation occupies: CPUs, which are its threads too; a share of a GPU, or whole ones; bytes. GPUs are
        shared out evenly among the workers where gpus_per_trial is None; with 0 an evaluation sees none.
    retries
        more tries, in another worker where one is free, for a network whose evaluation raises.
    restarts
        more tries, in a new process, for a network whose worker died or ran out of memory.
    time_limit
        seconds; an evaluation that takes longer is stopped and has failed.
    """

    address: str | None = None
    workers: int | None = None
    cpus_per_trial: float = 1.0
    gpus_per_trial: float | None = None
    memory_per_trial: float | None = None
    retries: int = 1
    restarts: int = 2
    time_limit: float | None = None
    _depth: int = field(default=0, init=False, repr=False)
    _opened: ExitStack | None = field(default=None, init=False, repr=False)
    _options: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _size: int = field(default=1, init=False, repr=False)
    _pool: Pool | None = field(default=None, init=False, repr=False)
    _pace: Pace = field(default_factory=Pace, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.workers is not None:
            integer("workers", self.workers, 1, 100_000)
        number("cpus_per_trial", self.cpus_per_trial, 0.01, 10_000)
        for name, value, least in (
            ("gpus_per_trial", self.gpus_per_trial, 0.0),
            ("memory_per_trial", self.memory_per_trial, 1.0),
            ("time_limit", self.time_limit, 1e-3),
        ):
            if value is not None:
                number(name, value, least, 1e15)
        gpus = self.gpus_per_trial or 0
        if gpus > 1 and gpus != int(gpus):
            raise InvalidValue(f"gpus_per_trial is {gpus:g}; above 1 it must be a whole number")
        integer("retries", self.retries, 0)
        integer("restarts", self.restarts, 0)

    def __enter__(self) -> RayExecutor:
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.close()

    def close(self) -> None:
        """End the workers; leave the cluster, or stop Ray where it was started here."""
        opened, self._opened, self._pool = self._opened, None, None
        if opened is not None:
            opened.close()

    def run(
        self,
        evaluator: Evaluator,
        architectures: Sequence[Architecture],
        *,
        seed: int = 0,
        deadline: float | None = None,
    ) -> Iterator[tuple[int, Evaluation]]:
        """As the protocol `Executor` says.

        Raises
        ------
        UserError, InvalidValue
            raised by the evaluator; or it cannot be pickled, or not be loaded on a node, or no node has room for it.
        """
        if not architectures or is_over(deadline):
            return
        pool = self._ready(evaluator)
        limits = {"raised": self.retries, "memory": self.restarts, "worker": self.restarts, "node": NODES_LOST}
        together = hasattr(evaluator, "many") and self.time_limit is None
        jobs = Jobs(len(architectures), limits, pace=self._pace if together else None, seed=seed)
        try:
            with Interrupts() as interrupts:
                yield from self._rate(pool, jobs, architectures, seed, deadline, interrupts)
        finally:
            pool.stop_rating()

    def _rate(
        self,
        pool: Pool,
        jobs: Jobs,
        architectures: Sequence[Architecture],
        seed: int,
        deadline: float | None,
        interrupts: Interrupts,
    ) -> Iterator[tuple[int, Evaluation]]:
        quiet_since, told = monotonic(), False
        while True:
            interrupts.check()
            if is_over(deadline):
                jobs.give_up()
            pool.grow(min(self._size, len(jobs) + len(pool.rating())))
            idle = pool.idle()
            for others, worker in zip(range(len(idle) - 1, -1, -1), idle, strict=True):
                job = jobs.next(worker, others=others, workers=self._size)
                if job is not None:
                    pool.submit(worker, job, architectures, seed)
            if not len(jobs) and not pool.rating():
                return
            answer = pool.answer(self._patience(pool, deadline))
            if answer is not None:
                worker, job, outcomes = answer
                took = monotonic() - worker.since
                if isinstance(outcomes, Lost):
                    yield from jobs.lost(job, outcomes.cause, took)
                else:
                    yield from jobs.settle(job, outcomes, worker, took)
            if self.time_limit is not None:
                yield from self._stop_late(pool, jobs, self.time_limit)
            if any(worker.started for worker in pool.workers):
                quiet_since = monotonic()
            elif monotonic() - quiet_since > QUIET and not told:
                logging.getLogger(__name__).warning("no worker yet: each needs %s", in_words(self._options))
                told = True

    def _ready(self, evaluator: Evaluator) -> Pool:
        """The workers for this evaluator, on a cluster that runs."""
        if self._opened is None:
            with ExitStack() as stack:
                cpus = None if self.workers is None else math.ceil(self.workers * self.cpus_per_trial)
                stack.enter_context(cluster(self.address, cpus))
                self._plan()
                self._opened = stack.pop_all()
        if self._pool is not None and self._pool.evaluator is not evaluator:
            self._pool.close()
            self._pool = None
        if self._pool is None:
            self._pool, self._pace = Pool(evaluator, self._options), Pace()
            self._opened.callback(self._pool.close)
        self._pool.stop_rating()  # of a batch that was left in the middle
        return self._pool

    def _plan(self) -> None:
        """What a worker gets, and how many there are."""
        nodes = living_nodes()
        gpus = gpu_share(nodes, self.workers) if self.gpus_per_trial is None else self.gpus_per_trial
        self._options = {"num_cpus": self.cpus_per_trial, "num_gpus": gpus}
        if self.memory_per_trial is not None:
            self._options["memory"] = int(self.memory_per_trial)
        space = room(nodes, self._options)
        if space == 0:
            raise UserError(
                f"no node has room for one evaluation: {in_words(self._options)}",
                hint="ask for less a trial, or for a cluster with such a node",
            )
        self._size = self.workers or space

    def _patience(self, pool: Pool, deadline: float | None) -> float:
        """Seconds until something is to be looked at even if no answer comes."""
        moments = [monotonic() + 1.0]
        if deadline is not None and not is_over(deadline):
            moments.append(deadline)
        if self.time_limit is not None:
            moments += [worker.since + self.time_limit for worker in pool.rating()]
        return max(0.0, min(moments) - monotonic())

    def _stop_late(self, pool: Pool, jobs: Jobs, limit: float) -> Iterator[tuple[int, Evaluation]]:
        for worker in pool.rating():
            took = monotonic() - worker.since
            if worker.job is not None and took >= limit:
                pool.drop(worker)
                yield from jobs.late(worker.job, limit, took)
