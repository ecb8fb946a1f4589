"""`grid_search.study`: alpha, beta, gamma by trainings. The design is trained, the surface fitted, the result read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from ..evaluators.evaluation import Evaluator
from ..records.errors import UserError
from ..records.run_log import RunLog
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import shown
from ..workers.attempt import source_of
from ..workers.local import LocalExecutor
from .pilot import PilotNoise, pilot_noise, pilot_runs
from .power import Assessment
from .study_plan import StudyPlan, check_analysis, plan_study
from .study_reading import Study, read_study
from .study_runs import KIND, RunName, StudyRun, StudyWork
from .where import ENGINES, Where


@dataclass(frozen=True)
class Pilot:
    """What the first trainings say. seconds: of one training, mean. together: trainings at once."""

    noise: PilotNoise
    assessment: Assessment
    seconds: float
    together: int


def study(
    base: Architecture,
    evaluator: Evaluator,
    *,
    phi: float = 1.0,
    factor: float = 2.0,
    fixed: Mapping[str, float] | None = None,
    lattice: int = 4,
    channel_step: int | None = None,
    seeds: int = 3,
    seed: int = 0,
    response: str = "error",
    prior: str = "law",
    form: str = "additive",
    effect: float = 0.1,
    where: Where | None = None,
    run_dir: Path | str | None = None,
    resume: bool = False,
    pilot_only: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    on_pilot: Callable[[Pilot], None] | None = None,
    config: Mapping[str, Any] | None = None,
) -> Study | None:
    """Train a simplex design on `base` with several seeds, and fit the response surface.

    Parameters
    ----------
    evaluator
        trains a network, or rates it otherwise; what fails is left out of the fit.
    phi, factor
        the networks cost factor^phi times the base.
    fixed
        "alpha", "beta" or "gamma" -> the value that all networks get.
    lattice, channel_step
        shares in steps of 1/lattice; widths in multiples of channel_step (`channel_step_of` the base where None).
    seeds, seed
        how many, and the first one. A resumed study may be given more.
    response, prior, form
        see `fit_surface`; a resumed study may be read otherwise.
    effect
        points of error that the pilot says whether they can be told apart.
    pilot_only
        train the pilot's runs, call `on_pilot`, and return None.
    on_progress, on_pilot
        called with (trained so far, all); and once the pilot's runs have finished.

    Raises
    ------
    UserError, InvalidValue
        for settings that cannot be, a run directory that cannot be used, an unusable evaluator, or where too few
        trainings succeed for the fit.
    """
    check_analysis(response, prior, form, effect)
    plan = plan_study(
        base, phi=phi, factor=factor, fixed=fixed, lattice=lattice, seeds=seeds, seed=seed, channel_step=channel_step
    )
    place = where or Where()
    if place.engine not in ENGINES:
        raise UserError(f"engine is {shown(place.engine)}; allowed: {', '.join(ENGINES)}")
    settings = plan.settings(source_of(evaluator), fixed or {})
    described = yaml.safe_dump(dict(config or settings), sort_keys=False) if config or not resume else None
    with (
        RunLog.open(run_dir, resume=resume, settings=settings, config=described, seed=seed) as log,
        ExitStack() as cluster,
    ):
        state = "failed"
        try:
            runs = _Runs(plan, evaluator, log, place, cluster, on_progress)
            pilot = [(point.name, one) for point, one in pilot_runs(plan.design)]
            runs.train(pilot)
            if on_pilot:
                _say_pilot(runs, pilot, effect, form, prior, on_pilot)
            if response == "loss" and all(runs.known[name].evaluation.loss is None for name in pilot):
                raise UserError("response is 'loss'; the evaluator gives none", hint="fit the error")
            if pilot_only:
                state = "done" if set(plan.runs) <= set(runs.known) else "interrupted"
                return None
            runs.train(list(plan.runs))
            result = read_study(plan, runs.known, response=response, prior=prior, form=form, settings=settings)
            state = "done"
        except KeyboardInterrupt:
            state = "interrupted"
            raise
        finally:
            log.finish(state)
    unread = len(set(runs.known) - set(plan.runs))
    more = f"{unread} trainings of other seeds are in the ledger and not read: give --seeds" if unread else None
    return result.at(log.run.path if log.run else None, "; ".join(one for one in (log.notice, more) if one) or None)


class _Runs:
    """The trainings that are in the ledger, and how the others get there."""

    def __init__(
        self,
        plan: StudyPlan,
        evaluator: Evaluator,
        log: RunLog,
        where: Where,
        cluster: ExitStack,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.plan, self.evaluator, self.log, self.where, self.cluster = plan, evaluator, log, where, cluster
        self.work = StudyWork(evaluator, plan.networks)
        self.on_progress = on_progress
        self.known = _known(log, plan)

    def train(self, names: list[RunName]) -> None:
        """Those of the runs that are missing."""
        missing = [name for name in names if name not in self.known]
        if missing and self.where.engine == "ray":
            from . import tune

            self.cluster.enter_context(tune.joined(self.where))
            tune.run(
                self.work, missing, lambda entry: self._take(StudyRun.from_entry(entry)), self.where, together=False
            )
        elif missing:
            for name in missing:
                network = self.plan.networks[name[0]]
                for _, evaluation in LocalExecutor().run(self.evaluator, [network], seed=name[1]):
                    self._take(self.work.of(name, evaluation))
        self.log.sync()

    def _take(self, run: StudyRun) -> None:
        self.log.append(run.to_entry())
        self.known[run.name] = run
        if self.on_progress:
            wanted = self.plan.runs
            self.on_progress(sum(name in self.known for name in wanted), len(wanted))


def _known(log: RunLog, plan: StudyPlan) -> dict[RunName, StudyRun]:
    """UserError for a ledger that holds anything else, or trainings of another network."""
    found = {}
    for where, entry in log.entries():
        try:
            if entry["kind"] != KIND:
                raise ValueError(f"its kind is {shown(entry['kind'])}")
            run = StudyRun.from_entry(entry)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{where} is no training of a study: {type(error).__name__}: {error}") from error
        if run.point not in plan.networks or plan.networks[run.point].key != run.key:
            raise UserError(
                f"{where} is a training of {shown(run.point)}, key {shown(run.key)}, which this study does not hold",
                hint="was the run written by another version of effsearch? start a new one with another --out",
            )
        found[run.name] = run
    return found


def _say_pilot(
    runs: _Runs, names: list[RunName], effect: float, form: str, prior: str, tell: Callable[[Pilot], None]
) -> None:
    """Nothing where the noise cannot be told: too many failed, or there is one seed, or no noise."""
    plan, known = runs.plan, [runs.known[name] for name in names]
    seen = [plan.observation(run) for run in known]
    try:
        noise = pilot_noise([one for one in seen if one])
    except UserError:
        return
    seconds = fmean(run.evaluation.seconds for run in known)
    together = runs.where.together
    if noise.sigma <= 0:
        return
    assessment = plan.power(noise.sigma, effect, seconds=seconds / together, error=noise.mean, form=form, prior=prior)
    tell(Pilot(noise, assessment, seconds, together))
