"""What is built costs what was computed, for networks of the search spaces."""

import numpy as np
import pytest

from effsearch.models import check_cost
from effsearch.search_spaces import catalogue, load
from effsearch.search_spaces.cost import cost

DRAWN = 200


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet-b0", "mnasnet"])
def test_random_networks_of_a_space_are_counted_the_same_by_torch_and_fvcore(name):
    space = load(name)
    rng = np.random.default_rng(20)
    for _ in range(DRAWN):
        architecture = space.decode(space.sample(rng))
        expected = cost(architecture)
        measured = check_cost(architecture, fvcore=True)  # CostMismatch where they differ
        assert measured.params == expected.params
        assert measured.torch_mult_adds == measured.fvcore_mult_adds == expected.mult_adds


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"b{number}" for number in range(8)])
def test_the_family_is_counted_the_same_by_torch_and_fvcore(name):
    architecture = catalogue.load(name)
    measured = check_cost(architecture, fvcore=True)
    assert measured.torch_mult_adds == measured.fvcore_mult_adds == cost(architecture).mult_adds
