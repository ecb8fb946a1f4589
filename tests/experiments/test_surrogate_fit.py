"""The fit and its validation against other ways to the same numbers, on made-up accuracies; no tables needed."""

import math

import numpy as np
import pytest
from scipy.stats import kendalltau

from effsearch.evaluators.surrogate import COEFFICIENTS, Surrogate, measured_space
from effsearch.evaluators.surrogate_features import design, prior_deviations
from effsearch.evaluators.surrogate_model import Prediction, load, predict_final, predict_proxy
from effsearch.experiments.surrogate.__main__ import equal
from effsearch.experiments.surrogate.fit import (
    ASYMPTOTE,
    NOISE_VARIANCE,
    SEED_NOISE,
    assemble,
    cross_validate,
    fit,
    fit_correction,
    leave_networks_out,
)
from effsearch.experiments.surrogate.validation import coverage, folds, kendall_tau, leave_one_out


@pytest.fixture(scope="module")
def rows():
    """60 random networks and accuracies with noise of 0.4 points."""
    rng = np.random.default_rng(3)
    indices = measured_space().sample_indices(rng, 60)
    return indices, Surrogate(16).predict(indices).mean + rng.normal(0, 0.4, 60)


class Process:
    """The same model as a Gaussian process: features with the prior's covariance, worked out in the n x n kernel."""

    def __init__(self, indices, top1):
        target = -np.log(ASYMPTOTE - top1)
        self.centre, self.scale = target.mean(), target.std()
        self.standard = (target - self.centre) / self.scale
        self.weighted = design(indices) * prior_deviations()
        self.kernel = self.weighted @ self.weighted.T + NOISE_VARIANCE * np.eye(len(top1))

    def score(self, indices):
        cross = design(indices) * prior_deviations() @ self.weighted.T
        return self.centre + self.scale * cross @ np.linalg.solve(self.kernel, self.standard)

    def variances(self):
        """Diagonal of the coefficients' posterior covariance, in units of the target."""
        explained = np.einsum("ij,ij->j", self.weighted, np.linalg.solve(self.kernel, self.weighted))
        return (self.scale * prior_deviations()) ** 2 * (1 - explained)


def test_the_fit_is_the_mean_of_the_gaussian_process_with_the_same_prior(rows):
    indices, top1 = rows
    others = measured_space().sample_indices(np.random.default_rng(4), 50)
    expected = ASYMPTOTE - np.exp(-Process(indices, top1).score(others))
    np.testing.assert_allclose(predict_proxy(others, assemble(fit(indices, top1))).mean, expected, rtol=1e-9)


def test_the_variances_are_the_posteriors_times_one_factor_that_explains_the_left_out_residuals(rows):
    """The factor, found by really leaving each of the 60 networks out."""
    indices, top1 = rows
    process = Process(indices, top1)
    factors = fit(indices, top1).variance / process.variances()
    np.testing.assert_allclose(factors, factors[0], rtol=1e-6)

    gap = np.empty(len(top1))
    for row in range(len(top1)):
        rest = np.arange(len(top1)) != row
        cross = process.weighted[row] @ process.weighted[rest].T
        held = cross @ np.linalg.solve(process.kernel[np.ix_(rest, rest)], process.standard[rest])
        gap[row] = math.exp(-(process.centre + process.scale * held))
    residual = top1 - (ASYMPTOTE - gap)
    sigma_squared = gap**2 * (design(indices) ** 2 @ fit(indices, top1).variance)
    assert np.mean(residual**2) == pytest.approx(SEED_NOISE**2 + sigma_squared.mean(), rel=1e-6)


def test_without_a_correction_the_50_epoch_estimate_is_the_proxy(rows):
    coefficients = assemble(fit(*rows))
    proxy, final = predict_proxy(rows[0], coefficients), predict_final(rows[0], coefficients)
    np.testing.assert_allclose(final.mean, proxy.mean)
    np.testing.assert_allclose(final.sigma, proxy.sigma)


def test_the_correction_recovers_a_linear_law_of_layers_and_5x5_kernels(rows):
    base = assemble(fit(*rows))
    indices = measured_space().sample_indices(np.random.default_rng(5), 40)
    points = [measured_space().point(row) for row in indices]
    layers = np.array([sum(point[f"repeats_{i}"] for i in range(1, 8)) for point in points])
    large = np.array([sum(point[f"kernel_{i}"] == 5 for i in range(1, 8)) for point in points])
    top1 = 8.0 + 0.95 * predict_proxy(indices, base).mean + 0.12 * layers - 0.07 * large
    result = fit_correction(base, indices, top1)
    np.testing.assert_allclose(result["correction"], [8.0, 0.95, 0.12, -0.07], rtol=1e-6)
    np.testing.assert_allclose(predict_final(indices, result).mean, top1, rtol=1e-9)
    assert result["correction_residual"] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(result["correction_centre"][2:], [layers.mean(), large.mean()])
    assert base["correction"] == [0.0, 1.0, 0.0, 0.0]  # the argument is not changed


def test_the_corrections_covariance_is_that_of_least_squares(rows):
    base = assemble(fit(*rows))
    rng = np.random.default_rng(6)
    indices = measured_space().sample_indices(rng, 30)
    proxy = predict_proxy(indices, base).mean
    top1 = proxy + rng.normal(0, 0.5, 30)
    result = fit_correction(base, indices, top1)
    layers, large = indices[:, 14:21].sum(axis=1) + 7, indices[:, 7:14].sum(axis=1)
    # the variance of each coefficient by Frisch-Waugh: what its column has that the others do not explain
    columns = np.column_stack([np.ones(30), proxy, layers, large])
    weights, rest, *_ = np.linalg.lstsq(columns, top1)
    np.testing.assert_allclose(result["correction"], weights, rtol=1e-6)
    for column in range(4):
        others = np.delete(columns, column, axis=1)
        unique = columns[:, column] - others @ np.linalg.lstsq(others, columns[:, column])[0]
        assert result["correction_covariance"][column][column] == pytest.approx(
            rest[0] / 26 / (unique @ unique), rel=1e-5
        )


def test_a_fit_is_the_same_every_time(rows):
    first, second = fit(*rows), fit(*rows)
    np.testing.assert_array_equal(first.mean, second.mean)
    np.testing.assert_array_equal(first.variance, second.variance)


def test_the_order_of_the_rows_changes_nothing(rows):
    indices, top1 = rows
    order = np.random.default_rng(0).permutation(len(top1))
    np.testing.assert_allclose(fit(indices[order], top1[order]).mean, fit(indices, top1).mean, rtol=1e-7, atol=1e-12)


def test_the_accuracy_of_a_fold_has_no_influence_on_its_own_predictions(rows):
    indices, top1 = rows
    before, fold = cross_validate(indices, top1, 3)
    changed = np.where(fold == 1, top1 - 5 * np.arange(60) / 60, top1)
    after, _ = cross_validate(indices, changed, 3)
    np.testing.assert_array_equal(after.mean[fold == 1], before.mean[fold == 1])
    np.testing.assert_array_equal(after.sigma[fold == 1], before.sigma[fold == 1])
    assert (after.mean[fold != 1] != before.mean[fold != 1]).all()


def test_a_network_left_out_has_no_influence_on_its_own_50_epoch_prediction(rows):
    indices, top1 = rows
    base = load(COEFFICIENTS)
    before = leave_networks_out(base, indices[:20], top1[:20])
    changed = top1[:20].copy()
    changed[7] += 10
    after = leave_networks_out(base, indices[:20], changed)
    assert (after.mean[7], after.sigma[7]) == (before.mean[7], before.sigma[7])
    assert (np.delete(after.mean, 7) != np.delete(before.mean, 7)).all()


@pytest.mark.parametrize(("count", "number"), [(4_100, 5), (103, 5), (7, 7), (10, 3), (5, 2)])
def test_folds_are_disjoint_cover_every_row_and_are_of_equal_size(count, number):
    fold = folds(count, number)
    members = [set(np.flatnonzero(fold == one).tolist()) for one in range(number)]
    assert set.union(*members) == set(range(count))
    assert sum(map(len, members)) == count  # disjoint
    assert max(map(len, members)) - min(map(len, members)) <= 1
    np.testing.assert_array_equal(folds(count, number), fold)


def test_folds_do_not_follow_the_order_of_the_rows():
    assert abs(np.corrcoef(folds(4_100, 5), np.arange(4_100))[0, 1]) < 0.05
    assert len(set(folds(4_100, 5)[:20].tolist())) == 5


@pytest.mark.parametrize("levels", [3, 10, 10**9])
def test_kendall_tau_agrees_with_scipy_with_and_without_ties(levels):
    rng = np.random.default_rng(levels)
    for _ in range(20):
        first = rng.integers(0, levels, 40).astype(float)
        second = rng.integers(0, levels, 40) + rng.choice([0, 1]) * first
        assert kendall_tau(first, second) == pytest.approx(kendalltau(first, second).statistic, rel=1e-12)
    assert kendall_tau(first, first) == pytest.approx(1)
    assert kendall_tau(first, -first) == pytest.approx(-1)


@pytest.mark.parametrize("values", [[], [1.0], [2.0, 2.0, 2.0]])
def test_where_there_is_nothing_to_rank_tau_is_nan_as_in_scipy(values):
    assert math.isnan(kendall_tau(np.array(values), np.arange(float(len(values)))))


def test_coverage_counts_errors_within_sigma_and_noise_in_quadrature():
    prediction = Prediction(np.array([60.0, 60.0, 60.0, 60.0]), np.array([0.3, 0.3, 0.0, 0.0]))
    top1 = np.array([60.49, 59.49, 60.39, 60.41])
    np.testing.assert_array_equal(coverage(prediction, top1, 0.4), [1, 0, 1, 0])


def test_leave_one_out_residuals_are_those_of_really_leaving_one_out():
    rng = np.random.default_rng(0)
    matrix, target = rng.normal(size=(25, 4)), rng.normal(size=25)
    slow = []
    for row in range(25):
        weights = np.linalg.lstsq(np.delete(matrix, row, axis=0), np.delete(target, row))[0]
        slow.append(target[row] - matrix[row] @ weights)
    np.testing.assert_allclose(leave_one_out(matrix, target), slow, rtol=1e-9)


def scaled(value, factor):
    return [scaled(one, factor) for one in value] if isinstance(value, list) else value * factor


def with_smallest_changed(value, factor):
    """A list of numbers with its smallest one (by size) changed, a number changed."""
    if not isinstance(value, list):
        return value * factor
    if isinstance(value[0], list):
        return [with_smallest_changed(value[0], factor), *value[1:]]
    position = min(range(len(value)), key=lambda one: abs(value[one]))
    return [one * factor if index == position else one for index, one in enumerate(value)]


KEYS = sorted(load(COEFFICIENTS))


@pytest.mark.parametrize("key", KEYS)
def test_the_check_forgives_the_sixth_digit_only(key):
    committed = load(COEFFICIENTS)
    assert equal(committed, committed)
    assert equal({**committed, key: scaled(committed[key], 1 + 1e-6)}, committed)
    assert not equal({**committed, key: scaled(committed[key], 1 + 1e-4)}, committed)
    assert not equal({**committed, key: scaled(committed[key], math.nan)}, committed)


@pytest.mark.parametrize("key", KEYS)
def test_the_check_sees_a_change_of_a_single_small_number(key):
    committed = load(COEFFICIENTS)
    assert not equal({**committed, key: with_smallest_changed(committed[key], 1.01)}, committed)


def test_the_check_sees_missing_keys_and_numbers():
    committed = load(COEFFICIENTS)
    assert not equal({key: value for key, value in committed.items() if key != "variance"}, committed)
    assert not equal({**committed, "mean": committed["mean"][:-1]}, committed)
