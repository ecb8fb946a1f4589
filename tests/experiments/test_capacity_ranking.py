"""The training-free score against real trainings; needs the tables."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from effsearch.evaluators.capacity import CEILING, OFFSET, SLOPE, Capacity, capacity
from effsearch.evaluators.surrogate import measured_space

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def networks(public):
    space = measured_space()
    return [space.decode(space.point(row)) for row in public[0]]


def test_capacity_ranks_all_public_networks_and_those_of_350_to_400M(public, networks):  # noqa: N802 (M is the unit)
    _, top1, mult_adds = public
    score = np.array([one.accuracy for one in Capacity().many(networks)])
    near = (mult_adds >= 350e6) & (mult_adds <= 400e6)
    assert near.sum() > 500
    assert kendalltau(score, top1).statistic >= 0.78
    assert kendalltau(score[near], top1[near]).statistic >= 0.68
    assert kendalltau(mult_adds[near], top1[near]).statistic < 0.1  # FLOPs alone say nothing there


def test_the_scale_of_capacity_is_the_fit_that_its_constants_claim(public, networks):
    _, top1, _ = public
    score = np.array([capacity(network) for network in networks])
    slope, offset = np.polyfit(-score, np.log(CEILING / top1 - 1), 1)
    assert (offset, slope) == pytest.approx((OFFSET, SLOPE), abs=1e-3)
    error = top1 - np.array([one.accuracy for one in Capacity().many(networks)])
    assert np.sqrt(np.mean(error**2)) < 1.2
