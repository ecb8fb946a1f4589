"""The surrogate against real trainings it has not seen; needs the tables."""

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from effsearch.evaluators.surrogate import COEFFICIENTS, Surrogate, measured_space
from effsearch.evaluators.surrogate_model import load, predict_proxy
from effsearch.experiments.surrogate import tables
from effsearch.experiments.surrogate.fit import (
    assemble,
    cross_validate,
    fit,
    fit_correction,
    leave_networks_out,
)
from effsearch.experiments.surrogate.validation import kendall_tau
from effsearch.search_spaces import catalogue

pytestmark = pytest.mark.data

SPACE = measured_space()
NOISE = 0.31  # percentage points, one training around the mean over seeds


@pytest.fixture(scope="module")
def held_out(public):
    indices, top1, _ = public
    return cross_validate(indices, top1, 5)


@pytest.fixture(scope="module")
def refit(public):
    indices, top1, _ = public
    return assemble(fit(indices, top1))


def test_the_tables_are_those_of_the_committed_coefficients(data, public, schedules):
    assert not any(tables.differs(data / name) for name in tables.SHA256)
    assert len(public[0]) == 4_100
    assert len(schedules[0]) == 78


def test_every_network_of_the_tables_stands_once_and_b0_is_none_of_them(public, schedules):
    rows = [tuple(row) for indices in (public[0], schedules[0]) for row in indices.tolist()]
    assert len(set(rows)) == len(rows) == 4_178
    assert tuple(SPACE.indices([SPACE.encode(catalogue.load("b0"))])[0].tolist()) not in rows


def test_the_mult_adds_of_the_table_are_our_count(public):
    indices, _, mult_adds = public
    np.testing.assert_array_equal(SPACE.costs(indices)[:, 1], mult_adds)


def test_the_reader_agrees_with_pandas(data, public):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(data / tables.PROXY)
    points = [
        {
            **{f"expand_{i}": row[f"e{i}"] for i in range(1, 8)},
            **{f"kernel_{i}": row[f"k{i}"] for i in range(1, 8)},
            **{f"repeats_{i}": row[f"l{i}"] for i in range(1, 8)},
            **{f"se_{i}": 0.25 * row[f"se{i}"] for i in range(1, 8)},
        }
        for row in frame.to_dict("records")
    ]
    np.testing.assert_array_equal(SPACE.indices(points), public[0])
    np.testing.assert_array_equal(frame["top1"], public[1])


def test_held_out_networks_are_ranked_with_a_kendall_tau_of_at_least_0_920(public, held_out):
    top1 = public[1]
    prediction, fold = held_out
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]
    taus = [kendall_tau(prediction.mean[fold == one], top1[fold == one]) for one in range(5)]
    assert np.mean(taus) >= 0.920
    scipys = [kendalltau(prediction.mean[fold == one], top1[fold == one]).statistic for one in range(5)]
    np.testing.assert_allclose(taus, scipys, rtol=1e-12)


def test_62_to_74_percent_of_held_out_networks_lie_within_one_sigma_and_the_seed_noise(public, held_out):
    prediction, _ = held_out
    inside = (public[1] - prediction.mean) ** 2 <= prediction.sigma**2 + NOISE**2
    assert 0.62 <= inside.mean() <= 0.74


def test_permuted_accuracies_cannot_be_predicted(public):
    """A leak from the held-out rows into the fit would show here; 0.05 is five standard errors of tau."""
    indices, top1, _ = public
    permuted = np.random.default_rng(0).permutation(top1)
    prediction, fold = cross_validate(indices, permuted)
    taus = [kendalltau(prediction.mean[fold == one], permuted[fold == one]).statistic for one in range(5)]
    assert abs(np.mean(taus)) < 0.05


def test_a_refit_equals_the_committed_coefficients(refit, schedules):
    indices, _, long = schedules
    found = json.loads(json.dumps(fit_correction(refit, indices, long)))
    committed = json.loads(COEFFICIENTS.read_text(encoding="utf-8"))
    assert found.keys() == committed.keys()
    for key, value in committed.items():
        np.testing.assert_allclose(found[key], value, rtol=2e-5, atol=0, err_msg=key)


def test_the_50_epoch_correction_is_worth_it_and_errs_by_less_than_0_40_on_networks_left_out(schedules):
    """Refitted by least squares without each network in turn, from its predicted proxy accuracy."""
    indices, _, long = schedules
    coefficients = load(COEFFICIENTS)
    proxy = predict_proxy(indices, coefficients).mean
    points = [SPACE.point(row) for row in indices]
    layers = [sum(point[f"repeats_{stage}"] for stage in range(1, 8)) for point in points]
    large = [sum(point[f"kernel_{stage}"] == 5 for stage in range(1, 8)) for point in points]

    def error(*columns):
        matrix = np.column_stack([np.ones(len(long)), *columns])
        left_out = []
        for row in range(len(long)):
            rest = np.arange(len(long)) != row
            weights = np.linalg.lstsq(matrix[rest], long[rest])[0]
            left_out.append(long[row] - matrix[row] @ weights)
        return float(np.sqrt(np.mean(np.square(left_out))))

    corrected = error(proxy, layers, large)
    assert corrected < 0.40
    assert corrected < 0.85 * error(proxy)
    assert corrected < np.sqrt(np.mean((long - proxy) ** 2))
    assert coefficients["correction_residual"] == pytest.approx(corrected, rel=1e-4)
    left_out = leave_networks_out(coefficients, indices, long)
    assert np.sqrt(np.mean((long - left_out.mean) ** 2)) == pytest.approx(corrected, rel=1e-9)


def test_the_50_epoch_sigma_covers_networks_left_out(schedules):
    """68 of 100 of 78 networks, give or take two and a half binomial standard deviations."""
    indices, _, long = schedules
    left_out = leave_networks_out(load(COEFFICIENTS), indices, long)
    covered = np.mean(np.abs(long - left_out.mean) <= left_out.sigma)
    assert abs(covered - 0.6827) < 2.5 * np.sqrt(0.6827 * 0.3173 / 78)


def test_the_50_epoch_estimate_ranks_50_epoch_trainings_better_than_16_epoch_trainings_do(schedules):
    indices, short, long = schedules
    estimate = leave_networks_out(load(COEFFICIENTS), indices, long).mean
    assert kendalltau(estimate, long).statistic > 0.92
    assert kendalltau(estimate, long).statistic > kendalltau(Surrogate(16).predict(indices).mean, long).statistic
    assert kendalltau(Surrogate(16).predict(indices).mean, short).statistic > 0.93


def test_the_proxy_predicts_networks_of_the_other_table_that_no_fit_saw(schedules):
    indices, short, _ = schedules
    assert np.sqrt(np.mean((short - Surrogate(16).predict(indices).mean) ** 2)) < 0.35
