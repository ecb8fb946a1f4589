"""The set that holds the best point: its definition where that is simple, and its coverage where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from effsearch.grid_search.best_set import Near, could_be_best, losses


@pytest.mark.parametrize(("difference", "expected"), [(1.5, True), (1.8, False), (-9.0, True)])
def test_of_two_points_it_is_the_one_sided_test(difference, expected):
    """The second is above by so many standard deviations; 1.645 of them are the 95 % point of the normal."""
    rng = np.random.default_rng(0)
    mean = np.array([0.0, difference])
    samples = mean + rng.standard_normal((40_000, 2)) / np.sqrt(2)
    assert could_be_best(mean, samples).tolist() == [difference > -1.645, expected]


def test_of_many_equal_points_it_is_the_maximum_of_the_differences():
    """A point that is above k independent ones of known mean by less than the 95 % point of k normals' maximum."""
    rng = np.random.default_rng(0)
    errors = rng.standard_normal((40_000, 5))
    limit = stats.norm.ppf(0.95 ** (1 / 5))
    for value, expected in ((limit - 0.1, True), (limit + 0.1, False)):
        # point 0 has no error of its own, the others lie `value` below it
        mean = np.array([0.0, *[-value] * 5])
        samples = mean + np.column_stack([np.zeros(40_000), errors])
        assert could_be_best(mean, samples)[0] == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.001, 100))
def test_the_lowest_is_always_in_and_the_scale_does_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=9)
    samples = mean + rng.normal(size=(200, 9)) * 0.3
    inside = could_be_best(mean, samples)
    assert inside[mean.argmin()]
    assert inside.tolist() == could_be_best(scale * mean + 3, scale * samples + 3).tolist()


def test_more_confidence_leaves_out_less():
    rng = np.random.default_rng(0)
    mean = np.linspace(0, 2, 30)
    samples = mean + rng.normal(size=(2000, 30)) * 0.4
    sizes = [could_be_best(mean, samples, confidence=level).sum() for level in (0.5, 0.8, 0.95, 0.99)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_where_nothing_scatters_the_lowest_are_in_and_equal_ones_all():
    exact = np.array([3.0, 1.0, 1.0, 2.0])
    assert could_be_best(exact, np.tile(exact, (10, 1))).tolist() == [False, True, True, False]
    assert could_be_best(np.full(4, 7.0), np.full((10, 4), 7.0)).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_losses_are_against_each_draws_own_best(seed):
    samples = np.random.default_rng(seed).normal(size=(20, 6))
    expected = [[value - min(row) for value in row] for row in samples.tolist()]
    assert losses(samples) == pytest.approx(np.array(expected))
    others = samples[:, :1] - 1
    assert losses(samples, others) == pytest.approx(others - np.minimum(samples.min(axis=1, keepdims=True), others))


def test_points_close_by_leave_out_what_a_coarse_lattice_does_not():
    """A line that surely falls to the right, judged at its middle alone; and the same where there is nothing to the
    right."""
    rng = np.random.default_rng(0)
    slope = -1 + 0.1 * rng.standard_normal((2000, 1))
    samples = slope * np.array([[0.5]])
    near = Near(np.array([[-0.51, -0.49]]), (slope * np.array([[0.51, 0.49]]))[:, None], np.array([[True, True]]))
    mean = np.array([-0.5])
    assert could_be_best(mean, samples).tolist() == [True]
    assert could_be_best(mean, samples, near).tolist() == [False]
    without = Near(near.mean, near.samples, np.array([[False, True]]))
    assert could_be_best(mean, samples, without).tolist() == [True]


@pytest.mark.slow
@pytest.mark.parametrize("bend", [0.0, 0.3, 3.0])
def test_the_best_of_a_parabola_is_in_the_set_in_95_of_100_studies(bend):
    """A parabola on a line by 11 points, from flat to clear: 400 data sets each."""
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 11)
    columns = np.column_stack([np.ones(11), x, x**2])
    inverse = np.linalg.inv(columns.T @ columns)
    truth = bend * (x - 0.2) ** 2
    best = int(truth.argmin())
    held = 0
    for _ in range(400):
        values = truth + 0.2 * rng.standard_normal(11)
        found = inverse @ columns.T @ values
        sigma = np.sqrt(np.square(values - columns @ found).sum() / 8)
        wide = np.sqrt(8 / rng.chisquare(8, (800, 1)))
        draws = found + sigma * rng.standard_normal((800, 3)) @ np.linalg.cholesky(inverse).T * wide
        held += could_be_best(columns @ found, draws @ columns.T)[best]
    assert held / 400 > 0.925  # 0.95 less two standard errors and a little
    if bend == 0:
        assert held / 400 < 0.98
