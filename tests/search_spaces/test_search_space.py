"""SearchSpace: points, their numbers, uniform samples, neighbours; on small spaces that can be counted by hand."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chisquare

from effsearch.search_spaces import (
    Architecture,
    Dimension,
    Head,
    InvalidValue,
    SearchSpace,
    Stage,
    Stem,
    catalogue,
    load,
)
from effsearch.search_spaces.cost import cost
from effsearch.search_spaces.staged import staged_space

BASE = Architecture("base", Stem(8), (Stage("conv", 8),), Head(0), resolution=16, classes=3)


def build(point) -> Architecture:
    stage = Stage(point["operation"], 8, repeats=point["repeats"], kernel=point["kernel"])
    return replace(BASE, stages=(stage,))


def read(architecture):
    (stage,) = architecture.stages
    return {"operation": stage.operation, "repeats": stage.repeats, "kernel": stage.kernel}


SMALL = SearchSpace(
    "small",
    (
        Dimension("operation", ("conv", "sepconv")),
        Dimension("repeats", (1, 2, 3)),
        Dimension("kernel", (3, 5, 7, 9)),
    ),
    build,
    read,
)
POINTS = [
    {"operation": operation, "repeats": repeats, "kernel": kernel}
    for operation, repeats, kernel in itertools.product(("conv", "sepconv"), (1, 2, 3), (3, 5, 7, 9))
]
SPACES = [SMALL, load("mnasnet-b0"), load("mnasnet")]
by_name = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


@by_name
def test_the_size_is_the_product_of_the_choices(space):
    assert space.size == math.prod(len(dimension.choices) for dimension in space.dimensions)
    assert isinstance(space.size, int)  # numpy's product would overflow


def test_the_numbers_of_all_points_are_0_to_size_minus_1():
    assert [SMALL.number(point) for point in POINTS] == list(range(24))
    assert SMALL.size == 24


@by_name
def test_the_first_and_the_last_number(space):
    first = {dimension.name: dimension.choices[0] for dimension in space.dimensions}
    last = {dimension.name: dimension.choices[-1] for dimension in space.dimensions}
    assert (space.number(first), space.number(last)) == (0, space.size - 1)


@by_name
def test_a_number_holds_the_whole_point(space):
    for point in (space.sample(np.random.default_rng(seed)) for seed in range(100)):
        rest, positions = space.number(point), []
        for dimension in reversed(space.dimensions):
            rest, position = divmod(rest, len(dimension.choices))
            positions.append(position)
        assert rest == 0
        assert space.point(reversed(positions)) == point


@by_name
def test_a_network_is_named_after_the_space_and_the_number(space):
    points = [space.sample(np.random.default_rng(seed)) for seed in range(50)]
    for point in points:
        assert int(space.decode(point).name.removeprefix(f"{space.name}-"), 36) == space.number(point)
    zero = {dimension.name: dimension.choices[0] for dimension in space.dimensions}
    assert space.decode(zero).name == f"{space.name}-0"


@by_name
def test_decode_and_encode_undo_each_other(space):
    rng = np.random.default_rng(1)
    for _ in range(200):
        point = space.sample(rng)
        network = space.decode(point)
        assert space.encode(network) == point
        assert list(space.encode(network)) == [dimension.name for dimension in space.dimensions]
        assert space.decode(space.encode(replace(network, name="another"))) == network


def test_distinct_points_of_a_small_space_are_distinct_networks():
    assert len({SMALL.decode(point).key for point in POINTS}) == 24


def test_all_points_of_a_small_space_are_equally_likely():
    rows = SMALL.sample_indices(np.random.default_rng(7), 24_000)
    counts = Counter(map(tuple, rows.tolist()))
    assert len(counts) == 24
    assert chisquare(list(counts.values())).pvalue > 1e-3  # 23 degrees of freedom, 1,000 expected


@by_name
def test_every_choice_is_equally_likely_and_independent_of_the_next_dimension(space):
    rows = space.sample_indices(np.random.default_rng(3), 20_000)
    assert rows.shape == (20_000, len(space.dimensions))
    lengths = [len(dimension.choices) for dimension in space.dimensions]
    pvalues = []
    for column, length in enumerate(lengths):
        pvalues.append(chisquare(np.bincount(rows[:, column], minlength=length)).pvalue)
        if column:
            pairs = rows[:, column - 1] * length + rows[:, column]
            pvalues.append(chisquare(np.bincount(pairs, minlength=length * lengths[column - 1])).pvalue)
    assert min(pvalues) > 1e-3 / len(pvalues)


def test_one_sample_is_uniform_too():
    rng = np.random.default_rng(5)
    counts = Counter(SMALL.number(SMALL.sample(rng)) for _ in range(4_800))
    assert len(counts) == 24
    assert chisquare(list(counts.values())).pvalue > 1e-3


@by_name
def test_a_seed_gives_the_same_samples(space):
    first, second = (space.sample_indices(np.random.default_rng(11), 10) for _ in range(2))
    assert (first == second).all()
    assert space.sample(np.random.default_rng(11)) == space.point(first[0])


@by_name
def test_neighbours_differ_in_exactly_one_dimension(space):
    point = space.sample(np.random.default_rng(2))
    neighbours = space.neighbours(point)
    assert len(neighbours) == sum(len(dimension.choices) - 1 for dimension in space.dimensions)
    assert len({space.number(neighbour) for neighbour in neighbours}) == len(neighbours)
    for neighbour in neighbours:
        assert sum(neighbour[name] != point[name] for name in point) == 1


def test_neighbours_of_a_small_point():
    point = {"operation": "conv", "repeats": 2, "kernel": 3}
    expected = [
        {**point, "operation": "sepconv"},
        *({**point, "repeats": repeats} for repeats in (1, 3)),
        *({**point, "kernel": kernel} for kernel in (5, 7, 9)),
    ]
    assert sorted(map(SMALL.number, SMALL.neighbours(point))) == sorted(map(SMALL.number, expected))


def test_indices_and_points_undo_each_other():
    rows = SMALL.indices(POINTS)
    assert rows.shape == (24, 3)
    assert [SMALL.point(row) for row in rows] == POINTS
    assert SMALL.indices([]).shape == (0, 3)


USES = [
    pytest.param(lambda space, point: space.number(point), id="number"),
    pytest.param(lambda space, point: space.decode(point), id="decode"),
    pytest.param(lambda space, point: space.indices([point]), id="indices"),
    pytest.param(lambda space, point: space.neighbours(point), id="neighbours"),
]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("value", [2, "3", None, 3.5, math.nan, [3], {}, "5 or 7"])
def test_a_wrong_choice_is_refused_by_dimension_value_and_what_is_allowed(use, value):
    point = {"operation": "conv", "repeats": 1, "kernel": value}
    with pytest.raises(InvalidValue, match=r"kernel is .* in small; allowed: 3, 5, 7, 9") as raised:
        use(SMALL, point)
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize("use", USES)
def test_a_missing_dimension_is_named(use):
    with pytest.raises(InvalidValue, match=r"small.*kernel"):
        use(SMALL, {"operation": "conv", "repeats": 1})


@pytest.mark.parametrize("use", USES)
def test_an_unknown_dimension_is_named_with_the_nearest(use):
    with pytest.raises(InvalidValue, match=r"small.*kernle") as raised:
        use(SMALL, {**POINTS[0], "kernle": 3})
    assert raised.value.hint == "did you mean kernel?"


@pytest.mark.parametrize("use", USES)
def test_a_mistyped_dimension_is_named(use):
    with pytest.raises(InvalidValue, match=r"small.*kernle") as raised:
        use(SMALL, {"operation": "conv", "repeats": 1, "kernle": 3})
    assert raised.value.hint == "did you mean kernel?"


def test_dimensions_that_are_no_text_are_refused():
    for point in ({1: 2, "kernle": 3}, {1: 2}, {None: 1, 2: 3, "a": 4}):
        with pytest.raises(InvalidValue, match="small"):
            SMALL.number(point)


def test_whole_floats_are_the_choices_that_they_equal():
    point = {"operation": "conv", "repeats": 1.0, "kernel": np.int64(3)}
    assert SMALL.number(point) == SMALL.number(POINTS[0])


@pytest.mark.parametrize("choices", [(), (1, 1), (1, 1.0), ("a", "b", "a")])
def test_a_dimension_has_choices_that_differ(choices):
    with pytest.raises(InvalidValue, match="dimension kernel"):
        Dimension("kernel", choices)


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_a_space_has_dimensions_with_different_names(names):
    with pytest.raises(InvalidValue, match="search space empty"):
        SearchSpace("empty", tuple(Dimension(name, (1, 2)) for name in names), build)


def test_a_space_that_cannot_read_says_so():
    space = SearchSpace("one way", SMALL.dimensions, build)
    with pytest.raises(InvalidValue, match="one way cannot read"):
        space.encode(SMALL.decode(POINTS[0]))


def test_a_network_that_differs_in_what_is_fixed_is_refused_by_that_field():
    network = replace(SMALL.decode(POINTS[0]), resolution=24)
    with pytest.raises(InvalidValue, match="not in the search space small: resolution is 24, here 16"):
        SMALL.encode(network)


def test_costs_of_a_space_without_tables_are_those_of_its_networks():
    costs = SMALL.costs(SMALL.indices(POINTS))
    for row, point in zip(costs.tolist(), POINTS, strict=True):
        counted = cost(build(point))
        assert row == [counted.params, counted.mult_adds, counted.activations]
    assert SMALL.costs(SMALL.indices([])).shape == (0, 3)


def test_a_staged_space_refuses_choices_that_give_one_stage():
    genes = [{"kernel": (3, 5), "unused": (0, 1)}]
    with pytest.raises(InvalidValue, match="4 choices give only 2 different stages"):
        staged_space("double", BASE, genes, lambda stage, choice: replace(stage, kernel=choice["kernel"]))


def test_a_staged_space_refuses_a_choice_of_strides():
    with pytest.raises(InvalidValue, match="stride"):
        staged_space("s", BASE, [{"stride": (1, 2)}], lambda stage, choice: replace(stage, stride=choice["stride"]))


def test_dimensions_of_a_staged_space_are_numbered_gene_by_gene():
    base = replace(BASE, stages=BASE.stages * 2)
    genes = [{"kernel": (3, 5), "repeats": (1, 2, 3)}, {"kernel": (3, 7), "repeats": (1, 2)}]
    space = staged_space("two", base, genes, lambda stage, choice: replace(stage, **choice))
    assert [(dimension.name, dimension.choices) for dimension in space.dimensions] == [
        ("kernel_1", (3, 5)),
        ("kernel_2", (3, 7)),
        ("repeats_1", (1, 2, 3)),
        ("repeats_2", (1, 2)),
    ]
    network = space.decode({"kernel_1": 5, "kernel_2": 3, "repeats_1": 3, "repeats_2": 1})
    assert [(stage.kernel, stage.repeats) for stage in network.stages] == [(5, 3), (3, 1)]


def test_spaces_load_by_name_and_a_typo_gets_a_hint():
    assert load("mnasnet-b0").name == "mnasnet-b0"
    assert load("mnasnet", reference="mobilenet-v2").encode(catalogue.load("mobilenet-v2"))
    with pytest.raises(InvalidValue, match=r"'mnasnet-bo'; known: mnasnet, mnasnet-b0, or file\.py:name") as raised:
        load("mnasnet-bo")
    assert raised.value.hint == "did you mean mnasnet-b0?"
    with pytest.raises(InvalidValue, match="no network 'b00'"):
        load("mnasnet", reference="b00")
