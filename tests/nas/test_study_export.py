"""The Optuna side: a journal that Optuna opens, and a study that goes on from trials as if it had never stopped."""

from __future__ import annotations

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from effsearch.evaluators import Evaluation
from effsearch.nas import search
from effsearch.nas.samplers import make_sampler
from effsearch.nas.study import Study
from effsearch.nas.trial import Trial
from effsearch.search_spaces.cost import cost

OBJECTIVES = ("accuracy", "mult_adds")
BUDGETS = {"mult_adds": 3e6, "params": 3e4}


def unreliable(rate):
    def evaluator(architecture, *, seed=0):
        if int(architecture.key, 16) % 6 == 0:
            return Evaluation.failed("out of memory")
        return rate(architecture)

    return evaluator


def loaded(path) -> optuna.Study:
    storage = JournalStorage(JournalFileBackend(str(path)))
    (summary,) = optuna.get_all_study_summaries(storage)
    return optuna.load_study(study_name=summary.study_name, storage=storage)


def test_the_journal_opens_in_optuna_with_every_trial(tiny, rate, tmp_path):
    result = search(tiny, unreliable(rate), trials=80, batch=20, budgets=BUDGETS, run_dir=tmp_path / "run")
    study = loaded(tmp_path / "run" / "study.journal")
    assert study.directions == [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]
    assert study.metric_names == list(OBJECTIVES)
    assert len(study.trials) == 80
    names = [dimension.name for dimension in tiny.dimensions]
    for trial, (_, row) in zip(study.trials, result.trials.iterrows(), strict=True):
        assert trial.number == row["number"]
        assert trial.params == {name: row[name] for name in names}
        if row["state"] == "failed":
            assert trial.state == TrialState.FAIL
            assert trial.user_attrs["failure"] == "out of memory"
            continue
        assert trial.state == TrialState.COMPLETE
        assert trial.values == [row["accuracy"], row["mult_adds"]]
        assert trial.user_attrs["key"] == row["key"]
        assert trial.constraints == {name: row[name] / budget - 1 for name, budget in BUDGETS.items()}
    assert 0 < (result.trials["state"] == "failed").sum() < 40


def test_optunas_best_trials_are_the_front(tiny, rate, tmp_path):
    result = search(tiny, unreliable(rate), trials=80, batch=20, budgets=BUDGETS, run_dir=tmp_path / "run")
    study = loaded(tmp_path / "run" / "study.journal")
    assert 0 < len(result.front) < 80
    values = {tuple(trial.values) for trial in study.best_trials}
    assert values == set(result.front[list(OBJECTIVES)].itertuples(index=False, name=None))


def test_the_journal_of_a_resumed_run_holds_each_trial_once(tiny, rate, counting, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        search(tiny, counting(rate, stop=33), trials=60, batch=20, run_dir=run)
    assert len(loaded(run / "study.journal").trials) == 33
    search(tiny, counting(rate), trials=60, batch=20, run_dir=run, resume=True)
    study = loaded(run / "study.journal")
    assert [trial.number for trial in study.trials] == list(range(60))


class Driven:
    """A Study, asked and told in batches as the loop does."""

    def __init__(self, space, sampler, rate) -> None:
        self.space, self.rate = space, rate
        self.study = Study(space, OBJECTIVES, BUDGETS, make_sampler(sampler), lambda one: space.decode(one).key, 9)
        self.done: list[Trial] = []

    def ask(self, count):
        return [self.study.ask() for _ in range(count)]

    def tell(self, asked):
        for number, point in asked:
            architecture = self.space.decode(point)
            evaluation, counted = self.rate(architecture), cost(architecture)
            costs = {"mult_adds": counted.mult_adds, "params": counted.params}
            trial = Trial(
                number, architecture.key, point, evaluation, costs,
                None if evaluation.failure else evaluation.accuracy, True, self.study.attributes(number),
            )  # fmt: skip
            self.study.tell(trial)
            self.done.append(trial)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["nsga2", "tpe", "random", "evolution"])
@pytest.mark.parametrize("batches", [1, 4, 9])
def test_a_restored_study_proposes_what_the_original_proposes(tiny, rate, sampler, batches):
    original = Driven(tiny, sampler, unreliable(rate))
    for _ in range(batches):
        original.tell(original.ask(20))
    restored = Driven(tiny, sampler, unreliable(rate))
    restored.study.restore([Trial.from_entry(trial.to_entry()) for trial in original.done])
    assert len(restored.study) == len(original.study) == 20 * batches
    for _ in range(4):
        first, second = original.ask(20), restored.ask(20)
        assert first == second
        original.tell(first)
        restored.tell(second)
