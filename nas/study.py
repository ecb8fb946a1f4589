"""The adapter to Optuna: asks for points, is told results, is rebuilt from trials, is exported."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import Trial as OptunaTrial
from optuna.trial import TrialState, create_trial

from ..search_spaces.space import Point, SearchSpace
from .evolution import REWARD
from .samplers import Distinct
from .trial import Trial

ACCURACY = "accuracy"


class Study:
    """An in-memory Optuna study over a space.

    Parameters
    ----------
    objectives
        "accuracy" (maximised) and names of costs (minimised).
    budgets
        cost -> largest value allowed; each becomes the constraint cost / budget - 1 <= 0.
    make_sampler
        seed -> Optuna sampler.
    key
        point -> key of its network.
    """

    def __init__(
        self,
        space: SearchSpace,
        objectives: Sequence[str],
        budgets: Mapping[str, float],
        make_sampler: Callable[[int], BaseSampler],
        key: Callable[[Point], str],
        seed: int,
    ) -> None:
        self.objectives = tuple(objectives)
        self.budgets = dict(budgets)
        self.sampler = Distinct(space, key, make_sampler, seed)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(
            study_name=f"effsearch {space.name}", directions=_directions(objectives), sampler=self.sampler
        )
        self.asked: dict[int, OptunaTrial] = {}

    def ask(self) -> tuple[int, Point]:
        """The next trial's number and point. SpaceExhausted where there is none left."""
        trial = self.study.ask(self.sampler.distributions)
        self.asked[trial.number] = trial
        return trial.number, dict(trial.params)

    def __len__(self) -> int:
        """Trials asked for or restored."""
        return len(self.study.get_trials(deepcopy=False))

    def attributes(self, number: int) -> dict[str, object]:
        """The sampler's notes about a trial that was asked for."""
        return dict(self.study.get_trials(deepcopy=False)[number].system_attrs)

    def tell(self, trial: Trial) -> None:
        """The result of a trial that was asked for; a failure counts for no selection."""
        asked = self.asked.pop(trial.number)
        if not trial.succeeded:
            self.study.tell(asked, state=TrialState.FAIL)
            return
        asked.set_user_attr(REWARD, trial.reward)
        asked.set_user_attr("key", trial.key)
        for name, budget in self.budgets.items():
            asked.set_constraint(name, trial.costs[name] / budget - 1)
        self.study.tell(asked, self._values(trial))

    def restore(self, trials: Sequence[Trial]) -> None:
        """Continue after these trials, numbers 0, 1, ... without a gap, as if they had been asked for here."""
        for trial in trials:
            self.study.add_trial(self._frozen(trial))
            self.sampler.seen.add(trial.key)
        inner = self.sampler.inner
        if isinstance(inner, NSGAIISampler):  # parents are cached generation by generation, not by deep recursion
            generations = [
                inner.get_trial_generation(self.study, one)
                for one in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
            ]
            for generation in range(1, max(generations, default=0) + 1):
                inner.get_parent_population(self.study, generation)

    def export(self, path: Path, trials: Sequence[Trial]) -> None:
        """A journal file that `optuna-dashboard` opens, made from the trials."""
        storage = JournalStorage(JournalFileBackend(str(path)))
        study = optuna.create_study(
            study_name=self.study.study_name, directions=_directions(self.objectives), storage=storage
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(self.objectives))
        study.add_trials([self._frozen(trial) for trial in trials])

    def _values(self, trial: Trial) -> list[float]:
        return [trial.evaluation.accuracy if name == ACCURACY else trial.costs[name] for name in self.objectives]

    def _frozen(self, trial: Trial) -> optuna.trial.FrozenTrial:
        good = trial.succeeded
        return create_trial(
            state=TrialState.COMPLETE if good else TrialState.FAIL,
            values=self._values(trial) if good else None,
            params=trial.point,
            distributions=self.sampler.distributions,
            user_attrs={REWARD: trial.reward, "key": trial.key} if good else {"failure": trial.evaluation.failure},
            system_attrs=json.loads(json.dumps(trial.attributes)),
            constraints={name: trial.costs[name] / budget - 1 for name, budget in self.budgets.items()}
            if good
            else None,
        )


def _directions(objectives: Sequence[str]) -> list[StudyDirection]:
    return [StudyDirection.MAXIMIZE if name == ACCURACY else StudyDirection.MINIMIZE for name in objectives]
