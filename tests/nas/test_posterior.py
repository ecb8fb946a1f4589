"""The posterior of a search's results: right against plain formulas, and nearer to the truth than the results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg
from scipy.stats import kendalltau, multivariate_normal

from effsearch.evaluators.surrogate import Surrogate
from effsearch.nas import posterior, search
from effsearch.nas.features import Encoder
from effsearch.nas.tables import positions
from effsearch.records.errors import UserError
from effsearch.search_spaces import Dimension, SearchSpace
from effsearch.search_spaces.cost import cost

UNKNOWN = np.nan


@pytest.fixture(scope="module")
def encoder(measured):
    return Encoder(measured)


def problem(encoder, count, noise, seed=0):
    """Indices, true accuracies by the surrogate and noisy ones."""
    random = np.random.default_rng([seed, count])
    indices = encoder.space.sample_indices(random, count)
    truth = Surrogate().predict(indices).mean
    return indices, truth, truth + noise * random.normal(size=count)


def fitted(encoder, count=40, noise=0.5, std=UNKNOWN):
    indices, truth, results = problem(encoder, count, noise)
    return posterior.fit(encoder(indices), results, np.full(count, std)), indices, truth, results


def covariance(model, first, second):
    """Written out anew: linear in each group, and smooth."""
    total = np.zeros((len(first), len(second)))
    for size, name in zip(model.sizes, ("totals", "stages", "genes"), strict=False):
        total += size**2 * np.array([[a @ b for b in getattr(second, name)] for a in getattr(first, name)])
    for i in range(len(first)):
        for j in range(len(second)):
            squared = ((first.genes[i] - second.genes[j]) ** 2).sum()
            squared += 0.25 * ((first.totals[i] - second.totals[j]) ** 2).sum()
            squared += 0.25 * ((first.stages[i] - second.stages[j]) ** 2).sum()
            total[i, j] += model.sizes[3] ** 2 * np.exp(-squared / 1.2)
    return total


def test_means_and_deviations_are_those_of_a_conditional_normal_distribution(encoder):
    model, *_ = fitted(encoder, 25)
    known = covariance(model, model.known, model.known)
    noisy = known + np.diag(model.own**2 + model.noise**2)
    others = encoder(encoder.space.sample_indices(np.random.default_rng(5), 7))
    across = covariance(model, others, model.known)
    mean = across @ linalg.solve(noisy, model.residuals, assume_a="pos") + model.constant
    left = covariance(model, others, others) + model.own**2 * np.eye(7) - across @ linalg.solve(noisy, across.T)
    belief = model.predict(others)
    error = np.exp(-(model.middle + model.spread * mean))
    np.testing.assert_allclose(belief.mean, 100 - error, rtol=1e-8)
    np.testing.assert_allclose(belief.std, error * model.spread * np.sqrt(np.diag(left)), rtol=1e-6)
    own = known + model.own**2 * np.eye(25)
    again = own @ linalg.solve(noisy, model.residuals, assume_a="pos") + model.constant
    np.testing.assert_allclose(model.of_known().mean, 100 - np.exp(-(model.middle + model.spread * again)), rtol=1e-8)


def test_the_evidence_is_that_of_a_normal_distribution_with_the_constant_integrated_out(encoder):
    features = encoder(problem(encoder, 12, 0.5)[0])
    values = np.random.default_rng(1).normal(size=12)
    given_noise = np.full(12, 0.2)

    def ours(sizes):
        parts = posterior._parts(features, features)
        prior = -0.5 * sum(np.log(a / b) ** 2 for a, b in zip(sizes, posterior.TYPICAL, strict=True))
        return posterior._evidence(parts, values, given_noise, sizes) - prior

    def theirs(sizes):  # a flat prior of the constant is a very wide one
        total = posterior._covariance(posterior._parts(features, features), sizes)
        total += np.diag(posterior.OWN**2 + sizes[4] ** 2 + given_noise**2) + 1e6
        return multivariate_normal(np.zeros(12), total).logpdf(values)

    first, second = (0.5, 0.6, 0.6, 0.3, 0.3), (1.0, 0.2, 0.9, 0.5, 0.1)
    assert ours(first) - ours(second) == pytest.approx(theirs(first) - theirs(second), abs=1e-4)


def test_believing_in_a_network_moves_no_mean_and_leaves_less_to_learn_beside_it(encoder):
    model, _, _, _ = fitted(encoder)
    waiting = encoder(encoder.space.sample_indices(np.random.default_rng(3), 6))
    others = encoder(encoder.space.sample_indices(np.random.default_rng(4), 30))
    wider = model.believing(waiting)
    np.testing.assert_allclose(wider.predict(others).mean, model.predict(others).mean, rtol=1e-7)
    assert (wider.predict(others).std <= model.predict(others).std + 1e-9).all()
    assert (wider.predict(waiting).std < model.predict(waiting).std).all()
    assert model.believing(encoder(np.empty((0, 28), dtype=np.int64))) is model


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_it_is_nearer_to_the_truth_than_the_results_and_says_how_near(encoder, noise):
    gains, scores, ranks = [], [], []
    for seed in range(4):
        indices, truth, results = problem(encoder, 80, noise, seed)
        belief = posterior.fit(encoder(indices), results, np.full(80, UNKNOWN)).of_known()
        gains.append(np.sqrt(np.mean((belief.mean - truth) ** 2) / np.mean((results - truth) ** 2)))
        scores.append(np.mean(np.abs(belief.mean - truth) < 2 * belief.std))
        ranks.append(kendalltau(belief.mean, truth)[0] - kendalltau(results, truth)[0])
    assert np.mean(gains) < (0.95 if noise == 0.5 else 0.75)
    assert np.mean(ranks) > 0.02 * noise
    assert 0.85 < np.mean(scores) <= 1


def test_without_noise_the_results_are_nearly_believed(encoder):
    model, _, truth, _ = fitted(encoder, 80, 0.0)
    assert kendalltau(model.of_known().mean, truth)[0] > 0.93


def test_noise_that_is_given_is_believed(encoder):
    indices, _, results = problem(encoder, 40, 0.2)
    sure, unsure = (posterior.fit(encoder(indices), results, np.full(40, std)).of_known() for std in (0.1, 5.0))
    assert np.abs(unsure.mean - results).mean() > 2 * np.abs(sure.mean - results).mean()
    assert unsure.std.mean() > sure.std.mean()


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(2, 40))
def test_the_order_of_the_results_does_not_matter(encoder, random, count):
    indices, _, results = problem(encoder, count, 0.5)
    order = list(range(count))
    random.shuffle(order)
    first = posterior.fit(encoder(indices), results, np.full(count, UNKNOWN)).of_known()
    second = posterior.fit(encoder(indices[order]), results[order], np.full(count, UNKNOWN)).of_known()
    np.testing.assert_allclose(second.mean, first.mean[order], atol=1e-6)
    np.testing.assert_allclose(second.std, first.std[order], atol=1e-6)


def test_one_training_that_diverged_spoils_no_other(encoder):
    indices, _, results = problem(encoder, 60, 0.3)
    spoilt = results.copy()
    spoilt[7] = 1.0
    before, after = (
        posterior.fit(encoder(indices), values, np.full(60, UNKNOWN)).of_known() for values in (results, spoilt)
    )
    rest = np.arange(60) != 7
    assert np.abs(before.mean - after.mean)[rest].mean() < 0.5
    assert after.mean[rest].argmax() == before.mean[rest].argmax()


@pytest.mark.parametrize("results", [[50.0], [50.0, 50.0, 50.0], [0.0, 100.0], [100.0, 100.0, 99.9]])
def test_few_and_extreme_results_give_numbers(encoder, results):
    features = encoder(problem(encoder, len(results), 0.0)[0])
    model = posterior.fit(features, np.array(results), np.full(len(results), UNKNOWN))
    for belief in (model.of_known(), model.predict(features)):
        assert np.isfinite(belief.mean).all()
        assert np.isfinite(belief.std).all()
        assert ((belief.mean >= 0) & (belief.mean <= 100) & (belief.std >= 0)).all()


def test_features_are_the_same_with_and_without_tables(measured, encoder):
    indices = measured.sample_indices(np.random.default_rng(2), 20)
    walking = Encoder(replace(measured, tables=None))
    np.testing.assert_array_equal(walking.costs(indices), measured.costs(indices))
    for name in ("totals", "genes"):
        np.testing.assert_allclose(getattr(walking(indices), name), getattr(encoder(indices), name), atol=1e-12)
    assert walking(indices).stages.shape == encoder(indices).stages.shape
    np.testing.assert_allclose(walking(indices).stages, encoder(indices).stages, atol=1e-12)


def test_networks_with_other_numbers_of_stages_have_features_and_their_costs(tiny):
    def build(point):
        built = tiny.build({**point, "channels_0": 8})
        return replace(built, stages=built.stages[: 1 + point["channels_0"] // 8])

    space = SearchSpace("longer", (*tiny.dimensions,), build)
    encoder = Encoder(space)
    indices = space.sample_indices(np.random.default_rng(0), 30)
    params = [cost(space.build(space.point(row))).params for row in indices]
    np.testing.assert_array_equal(encoder.costs(indices)[:, 0], params)
    forwards, backwards = encoder(indices), Encoder(space)(indices[::-1])
    np.testing.assert_array_equal(forwards.stages, backwards.stages[::-1])


@pytest.fixture(scope="module")
def noisy(measured):
    def rated(architecture, *, seed=0):
        from effsearch.evaluators import Evaluation

        true = Surrogate()(architecture).accuracy
        return Evaluation(true + float(np.random.default_rng([int(architecture.key, 16), seed]).normal(0, 1.0)))

    return rated


@pytest.fixture(scope="module")
def searched(measured, noisy):
    return {
        picks: search(measured, noisy, sampler="random", trials=120, picks=picks) for picks in ("observed", "posterior")
    }


@pytest.mark.slow
def test_picks_by_the_posterior_are_its_best_and_the_table_says_so(measured, searched):
    observed, expected = searched["observed"], searched["posterior"]
    assert "posterior" not in observed.trials
    assert expected.trials.drop(columns=["posterior", "posterior_std", "seconds"]).equals(
        observed.trials.drop(columns="seconds")
    )
    usable = expected.trials[expected.trials["feasible"]].set_index("number")
    assert expected.picks["budget"] == usable["posterior"].idxmax()
    assert observed.picks["budget"] == usable["accuracy"].idxmax()
    truth = Surrogate().predict(positions(expected.trials, measured)).mean
    by_model, by_result = (usable[name].nlargest(10).index for name in ("posterior", "accuracy"))
    assert truth[by_model].mean() > truth[by_result].mean() + 0.1


def test_a_search_of_failures_and_one_success_has_a_posterior(tiny, rate):
    from effsearch.evaluators import Evaluation

    def rarely(architecture, *, seed=0):
        good = architecture.key == first
        return rate(architecture) if good else Evaluation.failed("out of memory")

    first = search(tiny, rate, sampler="random", trials=1, target_flops=1e9).trials["key"][0]
    table = search(tiny, rarely, sampler="random", trials=10, target_flops=1e9, picks="posterior").trials
    assert table["posterior"].notna().tolist() == [True] + [False] * 9


def test_other_picks_are_refused(tiny, rate):
    with pytest.raises(UserError, match="observed, posterior"):
        search(tiny, rate, picks="posteriori")


def test_a_cost_called_like_a_column_of_the_model_is_refused(tiny, rate):
    with pytest.raises(UserError, match="posterior"):
        search(tiny, rate, costs={"posterior": lambda architecture: 1.0})
    with pytest.raises(UserError, match="posterior_std"):
        search(SearchSpace("s", (Dimension("posterior_std", (1, 2)),), tiny.build), rate)
