"""Cached, Noisy and Repeated around small evaluators that note every call."""

import math
import statistics
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from effsearch.evaluators import Cached, Evaluation, Noisy, Repeated
from effsearch.evaluators.surrogate import Surrogate
from effsearch.search_spaces import catalogue, load

B0, B1, B2 = (catalogue.load(name) for name in ("b0", "b1", "b2"))
SPACE = load("mnasnet-b0")


class Noting:
    """Accuracy by a function of (architecture, seed); a text instead of a number is a failure."""

    def __init__(self, rule=lambda architecture, seed: 60.0 + architecture.resolution / 100, **fields):
        self.rule, self.fields, self.calls = rule, fields, []

    def __call__(self, architecture, *, seed=0):
        self.calls.append((architecture.key, seed))
        result = self.rule(architecture, seed)
        if isinstance(result, str):
            return Evaluation.failed(result, seed=seed, seconds=1.0, source="noting")
        return Evaluation(result, seed=seed, seconds=1.0, source="noting", **self.fields)


def random_networks(count):
    rows = SPACE.sample_indices(np.random.default_rng(1), count)
    return [SPACE.decode(SPACE.point(row)) for row in rows]


# --- Cached


def test_a_network_and_seed_is_evaluated_once():
    inner = Noting()
    cached = Cached(inner)
    first = cached(B0, seed=3)
    assert cached(B0, seed=3) == first == Noting()(B0, seed=3)
    assert cached(replace(B0, name="the same network"), seed=3) == first
    assert inner.calls == [(B0.key, 3)]


def test_another_seed_is_evaluated_again():
    inner = Noting(lambda architecture, seed: float(seed))
    cached = Cached(inner)
    assert [cached(B0, seed=seed).accuracy for seed in (1, 2, 1)] == [1.0, 2.0, 1.0]
    assert inner.calls == [(B0.key, 1), (B0.key, 2)]


def test_a_batch_keeps_order_and_duplicates_and_evaluates_only_what_is_missing():
    inner = Noting()
    cached = Cached(inner)
    cached(B1)
    batch = [B2, B0, B1, B0, B2, B1]
    assert cached.many(batch) == [Noting()(network) for network in batch]
    assert inner.calls == [(B1.key, 0), (B2.key, 0), (B0.key, 0)]
    assert cached.many([]) == []


def test_a_failure_is_returned_to_all_of_its_batch_and_tried_again_later():
    outcomes = iter(["out of memory", "out of memory", 70.0])
    inner = Noting(lambda architecture, seed: next(outcomes))
    cached = Cached(inner)
    assert [one.failure for one in cached.many([B0, B0])] == ["out of memory"] * 2
    assert cached(B0).failure == "out of memory"
    assert cached(B0).accuracy == 70.0
    assert cached(B0).accuracy == 70.0
    assert len(inner.calls) == 3


def test_two_caches_share_nothing():
    first, second = Noting(), Noting()
    Cached(first)(B0)
    Cached(second)(B0)
    assert len(first.calls) == len(second.calls) == 1


def test_a_batch_reaches_many_of_the_evaluator_at_once():
    sizes = []

    class Batched(Noting):
        def many(self, architectures, *, seed=0):
            sizes.append(len(architectures))
            return [self(one, seed=seed) for one in architectures]

    Cached(Batched()).many([B0, B1, B0])
    assert sizes == [2]


# --- Noisy


def test_noise_is_the_same_for_the_same_network_and_seed():
    first, second = Noisy(Noting(), 0.3), Noisy(Noting(), 0.3)
    assert first(B0, seed=5) == second(replace(B0, name="another name"), seed=5) == first.many([B1, B0], seed=5)[1]
    assert first(B0, seed=5).accuracy != first(B0, seed=6).accuracy
    shift = [noisy.accuracy - Noting()(network).accuracy for network in (B0, B1) for noisy in [first(network)]]
    assert shift[0] != shift[1]


@pytest.mark.parametrize("across", ["networks", "seeds"])
def test_noise_is_normal_with_the_given_sigma(across):
    sigma, count = 0.31, 2_000
    noisy = Noisy(Noting(), sigma)
    if across == "networks":
        results = noisy.many(random_networks(count))
        truth = 60 + 2.24
    else:
        results = [noisy(B1, seed=seed) for seed in range(count)]
        truth = 60 + 2.4
    shifts = np.array([result.accuracy for result in results]) - truth
    assert abs(shifts.mean()) < 5 * sigma / math.sqrt(count)
    assert abs(shifts.std() / sigma - 1) < 5 / math.sqrt(2 * count)
    assert kstest(shifts / sigma, "norm").pvalue > 1e-3
    neighbours = np.corrcoef(shifts[1:], shifts[:-1])[0, 1]
    assert abs(neighbours) < 5 / math.sqrt(count)


def test_noise_adds_to_std_in_quadrature():
    assert Noisy(Noting(std=0.3), 0.4)(B0).std == pytest.approx(0.5)
    assert Noisy(Noting(), 0.4)(B0).std == pytest.approx(0.4)
    assert Noisy(Noisy(Noting(), 0.3), 0.4)(B0).std == pytest.approx(0.5)


def test_noise_says_so_in_the_source_and_keeps_the_rest():
    result = Noisy(Noting(loss=1.5, fidelity="test"), 0.25)(B0, seed=4)
    assert "noting" in result.source
    assert "0.25" in result.source
    assert (result.loss, result.fidelity, result.seed, result.seconds) == (1.5, "test", 4, 1.0)


def test_noise_leaves_failures_alone():
    inner = Noting(lambda architecture, seed: "diverged")
    failed = Noisy(inner, 0.3)(B0, seed=2)
    assert failed.failure == "diverged"
    assert math.isnan(failed.accuracy)
    assert failed.std is None


def test_sigma_0_leaves_the_accuracy_as_it_is():
    plain, silent = Noting(), Noisy(Noting(), 0)
    for network in (B0, B1, B2):
        assert silent(network, seed=3).accuracy == plain(network, seed=3).accuracy


@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf, -math.inf])
def test_an_impossible_sigma_is_refused(sigma):
    with pytest.raises(ValueError, match="sigma is"):
        Noisy(Noting(), sigma)


# --- Repeated


def test_repeats_give_the_mean_and_its_standard_error():
    values = {0: 70.0, 1: 71.0, 2: 75.0}
    result = Repeated(Noting(lambda architecture, seed: values[seed], std=9.0, loss=2.0), 3)(B0)
    assert result.accuracy == pytest.approx(72.0)
    assert result.std == pytest.approx(statistics.stdev(values.values()) / math.sqrt(3))
    assert result.std == pytest.approx(math.sqrt((4 + 1 + 9) / 2 / 3))
    assert result.loss == 2.0
    assert result.seconds == 3.0
    assert "mean of 3" in result.source


def test_the_loss_is_a_mean_too():
    class Losing(Noting):
        def __call__(self, architecture, *, seed=0):
            return Evaluation(70.0, loss=float(seed) if seed != 1 else None)

    assert Repeated(Losing(), 4)(B0).loss == pytest.approx((0 + 2 + 3) / 3)


@pytest.mark.parametrize("times", [1, 2, 3, 10])
def test_neighbouring_seeds_repeat_no_seed(times):
    inner = Noting()
    repeated = Repeated(inner, times)
    for seed in range(6):
        assert repeated(B0, seed=seed).seed == seed
    used = [seed for _, seed in inner.calls]
    assert sorted(used) == list(range(6 * times))


def test_failed_repeats_are_left_out():
    outcomes = {0: 70.0, 1: "diverged", 2: 74.0}
    result = Repeated(Noting(lambda architecture, seed: outcomes[seed]), 3)(B0)
    assert result.failure is None
    assert result.accuracy == 72.0
    assert result.std == pytest.approx(math.sqrt(8) / math.sqrt(2))
    assert result.seconds == 3.0
    assert "mean of 2" in result.source


def test_a_single_good_repeat_keeps_its_own_std():
    outcomes = {0: "diverged", 1: 71.0}
    result = Repeated(Noting(lambda architecture, seed: outcomes[seed], std=0.4), 2)(B0)
    assert (result.accuracy, result.std, result.failure) == (71.0, 0.4, None)


def test_when_all_repeats_fail_the_first_failure_is_the_result():
    result = Repeated(Noting(lambda architecture, seed: f"failure {seed}"), 3)(B0, seed=2)
    assert result.failure == "failure 6"
    assert result.seed == 2
    assert math.isnan(result.accuracy)
    assert result.seconds == 3.0


def test_repeats_of_a_batch_are_those_one_by_one():
    batch = [B1, B0, B1]
    rule = {B0.key: 60.0, B1.key: 70.0}
    repeated = Repeated(Noting(lambda architecture, seed: rule[architecture.key] + seed), 2)
    assert repeated.many(batch, seed=1) == [repeated(network, seed=1) for network in batch]
    assert [one.accuracy for one in repeated.many(batch, seed=1)] == [72.5, 62.5, 72.5]
    assert repeated.many([]) == []


@pytest.mark.parametrize("times", [0, -1, 2.5, math.nan])
def test_an_impossible_number_of_repeats_is_refused(times):
    with pytest.raises(ValueError, match="times is"):
        Repeated(Noting(), times)


# --- composition


def test_the_mean_of_noisy_repeats_has_the_standard_error_of_the_noise():
    """Over 300 networks, the reported errors average 1 / sqrt(16) of the noise, and the true ones agree with them."""
    sigma, times = 0.4, 16
    networks = random_networks(300)
    results = Repeated(Noisy(Noting(), sigma), times).many(networks)
    reported = np.array([result.std for result in results])
    errors = np.array([result.accuracy for result in results]) - 62.24
    expected = sigma / math.sqrt(times)
    assert math.sqrt(np.mean(reported**2)) == pytest.approx(expected, rel=5 / math.sqrt(2 * 15 * 300))
    assert errors.std() == pytest.approx(expected, rel=5 / math.sqrt(2 * 300))


def test_a_cache_outside_keeps_the_mean_and_a_cache_inside_the_single_runs():
    outside, inside = Noting(), Noting()
    kept, repeated = Cached(Repeated(Noisy(outside, 0.2), 4)), Repeated(Noisy(Cached(inside), 0.2), 4)
    assert kept(B0, seed=1) == kept(B0, seed=1) == repeated(B0, seed=1) == repeated(B0, seed=1)
    assert len(outside.calls) == len(inside.calls) == 4


def test_wrappers_around_the_surrogate():
    evaluator = Cached(Repeated(Noisy(Surrogate(), 0.31), 25))
    result = evaluator(B0)
    truth = Surrogate()(B0)
    assert result.accuracy == pytest.approx(truth.accuracy, abs=5 * 0.31 / 5)
    assert result.std == pytest.approx(0.31 / 5, rel=5 / math.sqrt(2 * 24))
    assert result.fidelity == truth.fidelity


@pytest.mark.parametrize("accuracy", [0.01, 99.99])
def test_noise_leaves_an_accuracy_a_percentage(accuracy):
    def nearly(architecture, *, seed=0):
        return Evaluation(accuracy)

    noisy = [Noisy(nearly, 2.0)(B0, seed=seed).accuracy for seed in range(50)]
    assert all(0 <= one <= 100 for one in noisy)
    assert len(set(noisy)) > 10  # and it is still noise
