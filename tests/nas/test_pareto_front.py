"""Pareto fronts, hypervolumes and knees, against the definition, moocore and Optuna."""

from __future__ import annotations

import math

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from optuna._hypervolume import compute_hypervolume
from optuna.study._multi_objective import _is_pareto_front

from effsearch.nas.pareto import hypervolume, knee, non_dominated

# few different values, so that ties and equal rows are common
coarse = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0, 4.0, -7.5, math.inf, -math.inf])
finite = st.integers(0, 6).map(float)


def tables(elements, objectives=(2, 3), rows=12):
    shapes = st.tuples(st.integers(0, rows), st.sampled_from(objectives))
    return shapes.flatmap(lambda shape: arrays.arrays(np.float64, shape, elements=elements))


def by_definition(values: np.ndarray) -> list[bool]:
    def beats(a, b) -> bool:
        return bool(all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True)))

    return [
        not np.isnan(row).any() and not any(beats(other, row) for other in values if not np.isnan(other).any())
        for row in values
    ]


@settings(deadline=None, max_examples=300)
@given(tables(coarse | st.just(math.nan)))
def test_the_front_is_what_no_other_row_beats(values):
    assert non_dominated(values).tolist() == by_definition(values)


@settings(deadline=None, max_examples=200)
@given(tables(finite, objectives=(2, 3, 4), rows=30))
def test_moocore_and_optuna_find_the_same_front(values):
    front = non_dominated(values)
    if len(values):
        assert front.tolist() == moocore.is_nondominated(values, keep_weakly=True).tolist()
        assert front.tolist() == _is_pareto_front(values, assume_unique_lexsorted=False).tolist()


@settings(deadline=None, max_examples=100)
@given(tables(finite, rows=20), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    assert non_dominated(values[order]).tolist() == non_dominated(values)[order].tolist()


def test_equal_rows_share_the_front_and_nan_is_never_on_it():
    values = np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [0.0, math.nan], [math.nan, math.nan]])
    assert non_dominated(values).tolist() == [True, True, True, False, False, False]


@settings(deadline=None, max_examples=300)
@given(tables(finite, rows=15), st.floats(0, 8))
def test_the_hypervolume_is_that_of_moocore_and_optuna(values, corner):
    reference = np.full(values.shape[1], corner)
    found = hypervolume(values, reference)
    if len(values) == 0:
        assert found == 0
        return
    assert found == pytest.approx(moocore.hypervolume(values, ref=reference), rel=1e-12, abs=1e-12)
    inside = values[(values <= reference).all(axis=1)]  # Optuna asks for these alone
    expected = compute_hypervolume(inside, reference) if len(inside) else 0.0
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("rows", [1, 10, 200])
def test_the_hypervolume_of_many_random_points(objectives, rows):
    values = np.random.default_rng(rows).normal(size=(rows, objectives))
    reference = np.full(objectives, 0.7)
    assert hypervolume(values, reference) == pytest.approx(moocore.hypervolume(values, ref=reference), rel=1e-9)


def test_hypervolumes_by_hand():
    assert hypervolume(np.array([[1.0, 1.0]]), np.array([3.0, 4.0])) == 2 * 3
    assert hypervolume(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]]), np.array([3.0, 3.0])) == 3 + 2 + 1
    assert hypervolume(np.array([[0.0, 0.0, 0.0]]), np.array([2.0, 3.0, 4.0])) == 24
    assert hypervolume(np.array([[5.0, 0.0]]), np.array([3.0, 3.0])) == 0
    assert hypervolume(np.array([[math.nan, 0.0], [1.0, 1.0]]), np.array([2.0, 2.0])) == 1


@pytest.mark.parametrize(
    ("cost", "accuracy", "expected"),
    [
        ([10, 100, 1000, 10000], [0, 8, 9, 10], 1),  # heights 0, 0.8 - 1/3, 0.9 - 2/3, 0
        ([10, 100, 1000, 10000], [0, 1, 9, 10], 2),  # heights 0, 0.1 - 1/3, 0.9 - 2/3, 0
        ([1, 2, 4, 8, 16], [60, 66, 69, 70, 70.5], 2),  # on a linear axis it would be the second
        ([10000, 1000, 100, 10], [10, 9, 8, 0], 2),  # the order does not matter
        ([100e6], [70], 0),
        ([100e6, 400e6], [70, 75], 1),
        ([400e6, 100e6], [75, 70], 0),
        ([5, 5, 5], [1, 3, 2], 1),
        ([1, 2, 3], [7, 7, 7], 0),
    ],
)
def test_the_knee_of_fronts_made_by_hand(cost, accuracy, expected):
    assert knee(np.array(cost, dtype=float), np.array(accuracy, dtype=float)) == expected


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 100)), min_size=1, max_size=8),
    st.sampled_from([0.001, 1000.0]),
)
def test_the_knee_does_not_depend_on_the_unit_of_cost(points, factor):
    cost, accuracy = np.array(points).T
    first, second = knee(cost, accuracy), knee(cost * factor, accuracy)
    assert 0 <= first < len(points)
    if first != second and np.ptp(cost) > 1e-6 * cost.max() and np.ptp(accuracy) > 0:  # a tie, then

        def height(i):
            level = (accuracy[i] - accuracy.min()) / np.ptp(accuracy)
            return level - math.log(cost[i] / cost.min()) / math.log(cost.max() / cost.min())

        assert height(first) == pytest.approx(height(second), abs=1e-6)
