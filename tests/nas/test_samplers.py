"""Samplers: no network twice, the same from the same seed, nothing learnt from the clock, better than chance."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from effsearch.nas import search
from effsearch.nas.evolution import RegularisedEvolution
from effsearch.nas.pareto import hypervolume
from effsearch.nas.samplers import make_sampler
from effsearch.records.errors import UserError
from effsearch.search_spaces import SearchSpace

NAMES = ("nsga2", "tpe", "random", "evolution")
by_name = pytest.mark.parametrize("sampler", NAMES)


def quick_evolution(seed: int) -> RegularisedEvolution:
    return RegularisedEvolution(population=8, tournament=3, seed=seed)


@pytest.mark.parametrize("sampler", [*NAMES, quick_evolution])
@pytest.mark.parametrize("batch", [1, 7, 60])
def test_a_small_space_is_exhausted_and_every_network_seen_once(sixty, rate, sampler, batch):
    result = search(sixty, rate, sampler=sampler, trials=100, batch=batch)
    assert result.exhausted
    assert len(result.trials) == sixty.size == 60
    points = result.trials[[dimension.name for dimension in sixty.dimensions]]
    assert len(points.drop_duplicates()) == 60
    assert result.trials["key"].is_unique
    assert result.trials["number"].tolist() == list(range(60))


@by_name
def test_exactly_as_many_trials_as_there_are_networks_is_no_exhaustion(sixty, rate, sampler):
    result = search(sixty, rate, sampler=sampler, trials=60, batch=20)
    assert (len(result.trials), result.exhausted) == (60, False)


@by_name
def test_two_points_that_are_one_network_are_evaluated_once(sixty, rate, counting, sampler):
    halved = SearchSpace("halved", sixty.dimensions, lambda point: sixty.build({**point, "b": point["b"] // 2}))
    evaluator = counting(rate)
    result = search(halved, evaluator, sampler=sampler, trials=100, batch=10)
    assert result.exhausted
    assert len(result.trials) == len(set(evaluator.keys)) == len(evaluator.keys) == 30


@by_name
def test_no_network_twice_in_the_measured_space(measured, surrogate, sampler):
    result = search(measured, surrogate, sampler=sampler, trials=150, batch=50)
    assert len(result.trials) == 150
    assert result.trials["key"].is_unique


@by_name
@pytest.mark.parametrize("batch", [10, 25])
def test_the_same_seed_gives_the_same_trials_another_seed_others(tiny, rate, timeless, sampler, batch):
    first, second, other = (
        search(tiny, rate, sampler=sampler, trials=130, batch=batch, seed=seed) for seed in (3, 3, 4)
    )
    assert_frame_equal(timeless(first.trials), timeless(second.trials), check_exact=True)
    assert_frame_equal(timeless(first.front), timeless(second.front), check_exact=True)
    assert first.picks == second.picks
    assert len(set(first.trials["key"]) & set(other.trials["key"])) < 50


class Shuffled:
    """An executor whose results come in any order and at any time."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311

    def run(self, evaluator, architectures, *, seed=0):
        order = list(range(len(architectures)))
        self.random.shuffle(order)
        for position in order:
            time.sleep(self.random.random() / 1000)
            evaluation = evaluator(architectures[position], seed=seed)
            yield position, replace(evaluation, seconds=self.random.random() * 100)


@by_name
def test_proposals_do_not_depend_on_speed_nor_on_the_order_of_results(tiny, rate, timeless, sampler):
    def run(executor):
        return search(tiny, rate, sampler=sampler, trials=120, batch=20, seed=1, executor=executor)

    expected = run(None)
    for seed in (0, 1):
        assert_frame_equal(timeless(run(Shuffled(seed)).trials), timeless(expected.trials), check_exact=True)


def test_the_sampler_sees_results_only_after_the_batch(tiny, rate):
    """Whatever the results of a batch are, the next proposals of that batch stay as they are."""

    def rated_backwards(architecture, *, seed=0):
        return replace(rate(architecture), accuracy=100 - rate(architecture).accuracy)

    for sampler in NAMES:
        one = search(tiny, rate, sampler=sampler, trials=100, batch=100).trials
        two = search(tiny, rated_backwards, sampler=sampler, trials=100, batch=100).trials
        assert one["key"].tolist() == two["key"].tolist()


@by_name
def test_a_large_seed_is_a_seed(tiny, rate, sampler):
    keys = [search(tiny, rate, sampler=sampler, trials=5, seed=seed).trials["key"].tolist() for seed in (2**40, 0)]
    assert keys[0] != keys[1]


@pytest.mark.parametrize("name", ["nsga3", "", "NSGA2", "evolutoin"])
def test_an_unknown_sampler_is_refused_with_those_there_are(name):
    with pytest.raises(UserError, match="nsga2, tpe, random, evolution") as raised:
        make_sampler(name)
    assert repr(name) in raised.value.message


def test_a_typo_in_a_samplers_name_is_mended_by_the_hint():
    with pytest.raises(UserError) as raised:
        make_sampler("evolutoin")
    assert raised.value.hint == "did you mean evolution?"


def test_evolution_mutates_one_dimension_of_a_young_parent(tiny, rate):
    names = [dimension.name for dimension in tiny.dimensions]
    table = search(tiny, rate, sampler=quick_evolution, trials=60, batch=1).trials
    points = table[names].to_numpy()
    one_step = 0
    for number in range(8, 60):
        distances = (points[number - 8 : number] != points[number]).sum(axis=1)
        one_step += int(distances.min() == 1)
    assert one_step >= 45  # the others were known networks, and went a step further


@pytest.mark.slow
def test_evolution_finds_better_rewards_than_random(measured, surrogate):
    for seed in (0, 1):
        evolved, drawn = (
            search(measured, surrogate, sampler=sampler, trials=500, batch=50, seed=seed).trials["reward"]
            for sampler in ("evolution", "random")
        )
        assert evolved.max() > drawn.max() + 0.3
        assert evolved.tail(100).median() > drawn.median() + 2


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nsga2_beats_random_in_hypervolume_after_1000_trials(measured, surrogate, seed):
    volumes = {}
    for sampler in ("nsga2", "random"):
        table = search(measured, surrogate, sampler=sampler, trials=1000, seed=seed).trials
        values = np.column_stack([-table["accuracy"], table["mult_adds"] / 400e6]).astype(float)
        volumes[sampler] = hypervolume(values, np.array([-60.0, 1.0]))
    assert volumes["nsga2"] > 1.08 * volumes["random"]
