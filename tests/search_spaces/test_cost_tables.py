"""Vectorised costs: equal to those of single networks, with the true minimum, and worth having."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from effsearch.search_spaces import Architecture, Head, SearchSpace, Stage, Stem, load
from effsearch.search_spaces.cost import cost
from effsearch.search_spaces.staged import staged_space


def small_space(head: Head, pool: str = "none") -> SearchSpace:
    """864 networks whose widths and depths vary, so that each stage's cost depends on the one before."""
    base = Architecture(
        "small",
        Stem(4, pool=pool),
        (Stage("conv", 8), Stage("mbconv", 12, stride=2, expand=2, skip="projection"), Stage("basic", 8)),
        head,
        resolution=37,
        classes=5,
    )
    genes = [
        {"channels": (16, 8, 9), "repeats": (1, 3), "kernel": (5, 3)},
        {"repeats": (2, 1), "channels": (8, 40), "kernel": (3, 7)},  # another order of the same genes
        {"channels": (24, 4, 16), "repeats": (1, 2), "kernel": (1,)},
    ]
    return staged_space("small", base, genes, lambda stage, choice: replace(stage, **choice))


SPACES = {
    "mnasnet": load("mnasnet"),
    "mnasnet-b0": load("mnasnet-b0"),
    "mnasnet of mobilenet-v2": load("mnasnet", reference="mobilenet-v2"),
    "small": small_space(Head(0)),
    "small with a head": small_space(Head(10, 3), "max"),
}


def one_by_one(space: SearchSpace, rows: np.ndarray) -> list[list[int]]:
    counted = [cost(space.decode(space.point(row))) for row in rows]
    return [[one.params, one.mult_adds, one.activations] for one in counted]


@pytest.mark.parametrize("name", SPACES)
def test_many_points_cost_what_each_costs(name):
    space = SPACES[name]
    rows = space.sample_indices(np.random.default_rng(0), 500)
    costs = space.costs(rows)
    assert costs.dtype == np.int64
    assert costs.tolist() == one_by_one(space, rows)


@pytest.mark.parametrize("head", [Head(0), Head(10, 3)], ids=["classifier", "head"])
def test_the_cheapest_of_a_small_space_is_that_of_all_its_networks(head):
    space = small_space(head)
    rows = np.array(list(itertools.product(*(range(len(dimension.choices)) for dimension in space.dimensions))))
    assert len(rows) == space.size == 12 * 8 * 6
    counted = one_by_one(space, rows)
    assert space.costs(rows).tolist() == counted
    for column, name in enumerate(("params", "mult_adds", "activations")):
        least = min(row[column] for row in counted)
        assert space.tables.cheapest(name) == least


@pytest.mark.parametrize("name", ["mnasnet", "mnasnet-b0"])
def test_no_sample_is_cheaper_than_the_cheapest(name):
    space = SPACES[name]
    costs = space.costs(space.sample_indices(np.random.default_rng(1), 50_000))
    for column, which in enumerate(("params", "mult_adds", "activations")):
        assert 0 < space.tables.cheapest(which) <= costs[:, column].min()


def test_the_cheapest_of_the_measured_space_is_attained():
    """Its widths are fixed, so the fewest parameters are those of the smallest choice everywhere."""
    space = SPACES["mnasnet-b0"]
    smallest = {dimension.name: min(dimension.choices) for dimension in space.dimensions}
    counted = cost(space.decode(smallest))
    assert space.tables.cheapest("params") == counted.params
    assert space.tables.cheapest("mult_adds") == counted.mult_adds
    assert space.tables.cheapest("activations") == counted.activations


def test_no_points_cost_nothing():
    assert SPACES["mnasnet"].costs(np.zeros((0, 42), dtype=np.int64)).shape == (0, 3)


def seconds(work, repeats: int = 3) -> float:
    """The best of a few runs: other processes only ever slow one down."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


@pytest.mark.parametrize("name", ["mnasnet", "mnasnet-b0"])
def test_many_points_are_100_times_faster_than_one_by_one(name):
    space = SPACES[name]
    rows = space.sample_indices(np.random.default_rng(2), 200_000)
    networks = [space.decode(space.point(row)) for row in rows[:500]]
    single = seconds(lambda: [cost(network) for network in networks]) / len(networks)
    together = seconds(lambda: space.costs(rows)) / len(rows)
    assert single / together >= 100
