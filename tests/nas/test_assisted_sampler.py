"""The assisted sampler: the promises of every sampler, its beginnings, odd spaces, and that it is worth having."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from effsearch.evaluators import Evaluation
from effsearch.evaluators.wrappers import Noisy
from effsearch.nas import search
from effsearch.nas.assisted import START, Problem
from effsearch.nas.inner_search import best_unseen
from effsearch.nas.pareto import hypervolume
from effsearch.nas.samplers import make_sampler
from effsearch.records.errors import UserError
from effsearch.search_spaces import Dimension, SearchSpace

SLOW = pytest.mark.slow
SETTINGS = {"sampler": "assisted", "target_flops": 2e6}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.mark.parametrize("batch", [pytest.param(1, marks=SLOW), pytest.param(7, marks=SLOW), 60])
def test_a_small_space_is_exhausted_and_every_network_seen_once(sixty, rate, batch):
    result = search(sixty, rate, sampler="assisted", trials=100, batch=batch)
    assert result.exhausted
    assert len(result.trials) == result.trials["key"].nunique() == 60


@pytest.mark.slow
def test_two_points_that_are_one_network_are_evaluated_once(sixty, rate, counting):
    halved = SearchSpace("halved", sixty.dimensions, lambda point: sixty.build({**point, "b": point["b"] // 2}))
    evaluator = counting(rate)
    result = search(halved, evaluator, sampler="assisted", trials=100, batch=10)
    assert result.exhausted
    assert len(set(evaluator.keys)) == len(evaluator.keys) == 30


class Shuffled:
    """An executor whose results come in any order."""

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311

    def run(self, evaluator, architectures, *, seed=0):
        order = list(range(len(architectures)))
        self.random.shuffle(order)
        for position in order:
            yield position, replace(evaluator(architectures[position], seed=seed), seconds=self.random.random())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_trials_in_whatever_order_results_come(measured, surrogate, timeless):
    def run(seed, executor=None):
        trials = search(measured, surrogate, sampler="assisted", trials=36, batch=6, seed=seed, executor=executor)
        return timeless(trials.trials)

    expected = run(3)
    assert_frame_equal(run(3, Shuffled(1)), expected, check_exact=True)
    assert len(set(expected["key"]) & set(run(4)["key"])) < 5


@pytest.mark.slow
def test_the_sampler_sees_results_only_after_the_batch(measured, surrogate):
    def backwards(architecture, *, seed=0):
        return replace(surrogate(architecture), accuracy=100 - surrogate(architecture).accuracy)

    one, two = (
        search(measured, evaluator, sampler="assisted", trials=36, batch=18).trials["key"].tolist()
        for evaluator in (surrogate, backwards)
    )
    assert one[:18] == two[:18]
    assert one[18:] != two[18:]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [5, 21, 33])
def test_a_search_that_was_interrupted_and_resumed_equals_one_in_one_go(tiny, rate, counting, timeless, stop, tmp_path):
    settings = {**SETTINGS, "trials": 36, "batch": 6, "seed": 2}
    expected = search(tiny, counting(rate), **settings)
    evaluator = counting(rate, stop=stop)
    with pytest.raises(KeyboardInterrupt):
        search(tiny, evaluator, run_dir=tmp_path / "run", **settings)
    evaluator.stop = None
    result = search(tiny, evaluator, run_dir=tmp_path / "run", resume=True, **settings)
    assert_frame_equal(timeless(result.trials), timeless(expected.trials), check_exact=True)
    assert len(evaluator.keys) == 36


def test_it_begins_with_the_middle_of_the_space_and_spreads_over_the_costs_below_the_budget(measured, surrogate):
    table = search(measured, surrogate, sampler="assisted", trials=START, batch=START, target_flops=400e6).trials
    middle = {dimension.name: dimension.choices[len(dimension.choices) // 2] for dimension in measured.dimensions}
    assert table.loc[0, list(middle)].to_dict() == middle
    assert table["mult_adds"].iloc[1:].between(100e6, 420e6).all()
    assert (table["mult_adds"] > 370e6).sum() >= 3
    assert (table["mult_adds"] < 300e6).sum() >= 3
    names = list(middle)
    points = table[names].to_numpy()
    nearest = [min((points[i] != points[j]).sum() for j in range(i)) for i in range(1, START)]
    assert min(nearest) >= 10  # of 28; two random networks differ in 16


@pytest.mark.slow
def test_after_the_start_it_proposes_what_is_better_than_chance_and_keeps_to_the_budget(measured, surrogate):
    table = search(measured, surrogate, sampler="assisted", trials=48, batch=8, target_flops=400e6).trials
    start, later = table.iloc[:START], table.iloc[START:]
    assert (later["mult_adds"] <= 400e6).all()
    assert later["accuracy"].max() > start["accuracy"].max() + 0.5
    assert later["accuracy"].median() > start["accuracy"].median()


@pytest.mark.slow
def test_failures_are_no_results(measured, surrogate):
    def fragile(architecture, *, seed=0):
        if int(architecture.key, 16) % 3 == 0:
            return Evaluation.failed("out of memory")
        return surrogate(architecture)

    table = search(measured, fragile, sampler="assisted", trials=40, batch=8).trials
    assert 5 < (table["state"] == "failed").sum() < 25
    assert table["key"].is_unique


@pytest.mark.slow
def test_where_the_whole_start_failed_it_goes_on_with_the_start(tiny, rate):
    seen = []

    def late(architecture, *, seed=0):
        seen.append(architecture.key)
        return Evaluation.failed("not yet") if 1 < len(seen) <= START + 8 else rate(architecture)

    table = search(tiny, late, trials=40, batch=4, **SETTINGS).trials
    assert len(table) == 40
    assert table["key"].is_unique


@pytest.mark.slow
def test_a_space_of_one_dimension_and_one_with_a_single_choice(sixty, rate):
    line = SearchSpace("line", (Dimension("n", tuple(range(40))),), lambda point: sixty.build(
        {"a": point["n"] % 3, "b": point["n"] // 3 % 4, "c": point["n"] // 12}))  # fmt: skip
    assert search(line, rate, sampler="assisted", trials=30, batch=3).trials["key"].nunique() == 30
    fixed = SearchSpace("fixed", (Dimension("a", (1,)), *sixty.dimensions[1:]), sixty.build)
    assert search(fixed, rate, sampler="assisted", trials=19, batch=1).trials["key"].nunique() == 19


@pytest.mark.slow
def test_costs_of_the_users_own_are_learnt(tiny, rate):
    """Latency falls with the kernel of the first stage, which no counted cost says."""

    def latency(architecture):
        return 20.0 - 2 * architecture.stages[0].kernel

    table = search(
        tiny, rate, sampler="assisted", trials=60, batch=6, costs={"latency": latency},
        objectives=("accuracy", "latency"), budgets={"latency": 12.0},
    ).trials  # fmt: skip
    later = table.iloc[START + 8 :]
    assert later["feasible"].mean() > 0.9  # a random network: two of three
    budget_only = search(
        tiny, rate, sampler="assisted", trials=60, batch=6, costs={"latency": latency},
        budgets={"latency": 7.0, "mult_adds": 2e6},
    ).trials  # fmt: skip
    assert budget_only.iloc[START + 8 :]["feasible"].mean() > 0.6  # a random one: one of three or less


def test_without_its_problem_it_is_refused_when_it_is_made():
    with pytest.raises(UserError, match="problem"):
        make_sampler("assisted")(0)


def test_the_inner_search_finds_the_best_point_that_was_not_seen(sixty):
    goal = np.array([1, 2, 3])

    def worth(points):
        return -np.abs(points - goal).sum(axis=1).astype(float), (points[:, 0] > 1).astype(float)

    first = sixty.sample_indices(np.random.default_rng(0), 3)
    best = best_unseen(sixty, worth, first, first, np.random.default_rng(1))
    assert best.tolist() == goal.tolist()
    seen = np.vstack([first, goal])
    second = best_unseen(sixty, worth, first, seen, np.random.default_rng(1))
    assert np.abs(second - goal).sum() == 1
    assert second[0] <= 1


def test_a_problem_knows_its_space(measured):
    assert Problem(measured, ("accuracy", "mult_adds"), {}).encoder.space is measured


def volume(table):
    usable = table[table["feasible"]]
    return hypervolume(np.column_stack([-usable["accuracy"], usable["mult_adds"] / 400e6]), np.array([-60.0, 1.0]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_hundred_assisted_trials_are_worth_five_hundred_of_nsga2(measured, surrogate, seed):
    assisted = search(measured, surrogate, sampler="assisted", trials=100, batch=8, seed=seed).trials
    others = search(measured, surrogate, sampler="nsga2", trials=500, batch=8, seed=seed).trials
    assert volume(assisted) > 0.95 * volume(others)
    usable = (table.loc[table["feasible"], "accuracy"].max() for table in (assisted, others))
    assert next(usable) > next(usable) - 0.1


@pytest.mark.slow
def test_with_noise_it_beats_random_by_the_truth(measured, surrogate):
    def best(sampler, seed):
        result = search(
            measured, Noisy(surrogate, 0.5), sampler=sampler, trials=100, batch=8, seed=seed, picks="posterior"
        )
        return surrogate(result.selected["budget"]).accuracy

    gains = [best("assisted", seed) - best("random", seed) for seed in range(4)]
    assert np.mean(gains) > 0.5


@pytest.mark.slow
def test_a_proposal_takes_well_under_a_second_at_300_trials(measured, surrogate):
    search(measured, surrogate, sampler="assisted", trials=20, batch=10)
    started = time.process_time()
    search(measured, surrogate, sampler="random", trials=260, batch=10)
    without = time.process_time() - started
    started = time.process_time()
    search(measured, surrogate, sampler="assisted", trials=300, batch=10)
    assert (time.process_time() - started - without) / 300 < 0.7
