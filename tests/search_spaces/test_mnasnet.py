"""The MnasNet spaces: sizes derived from the papers, the reference networks inside, the rest refused by stage."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.search_spaces import Head, InvalidValue, Stage, Stem, blocks, catalogue, load

B0 = catalogue.load("b0")
MEASURED, FULL = load("mnasnet-b0"), load("mnasnet")


def test_the_measured_space_has_28_dimensions_and_104_485_552_128_networks():
    expand, kernel, se = 3**7, 2**7, 2**7
    repeats = 3**6 * 4  # stage 6 may have four layers
    assert MEASURED.size == expand * kernel * repeats * se == 104_485_552_128
    expected = {
        **{f"expand_{stage}": (1, 4, 6) for stage in range(1, 8)},
        **{f"kernel_{stage}": (3, 5) for stage in range(1, 8)},
        **{f"repeats_{stage}": (1, 2, 3) for stage in range(1, 8)},
        **{f"se_{stage}": (0, 0.25) for stage in range(1, 8)},
        "repeats_6": (1, 2, 3, 4),
    }
    assert {dimension.name: dimension.choices for dimension in MEASURED.dimensions} == expected


def test_the_size_of_the_full_space_by_hand():
    """A stage: 4 operations * 2 kernels * 2 SE * 3 skips = 48, times its distinct widths and depths."""
    widths = [
        {16, 24},  # 0.75 * 16 = 12 rounds to 16 again
        {24, 32},  # 18 rounds to 16, below 0.9 * 18: 24 again
        {32, 40, 48},
        {64, 80, 104},
        {88, 112, 144},
        {144, 192, 240},
        {240, 320, 400},
    ]
    depths = [{1, 2}, {1, 2, 3}, {1, 2, 3}, {2, 3, 4}, {2, 3, 4}, {3, 4, 5}, {1, 2}]  # never 0 layers
    assert FULL.size == math.prod(48 * len(width) * len(depth) for width, depth in zip(widths, depths, strict=True))
    rows = FULL.sample_indices(np.random.default_rng(0), 500)
    networks = [FULL.decode(FULL.point(row)) for row in rows]
    for stage in range(7):
        assert {network.stages[stage].channels for network in networks} == widths[stage]
        assert {network.stages[stage].repeats for network in networks} == depths[stage]


def test_b0_is_in_both_spaces():
    for space in (MEASURED, FULL):
        assert replace(space.decode(space.encode(B0)), name=B0.name) == B0
    point = FULL.encode(B0)
    assert {point[f"operation_{stage}"] for stage in range(2, 8)} == {"mbconv6"}
    assert point["operation_1"] == "mbconv1"
    assert {(point[f"filters_{stage}"], point[f"layers_{stage}"]) for stage in range(1, 8)} == {(1, 0)}
    assert {(point[f"se_{stage}"], point[f"skip_{stage}"]) for stage in range(1, 8)} == {(0.25, "identity")}


def test_mobilenet_v2_is_in_its_own_space():
    network = catalogue.load("mobilenet-v2")
    space = load("mnasnet", reference="mobilenet-v2")
    point = space.encode(network)
    assert replace(space.decode(point), name=network.name) == network
    assert {point[f"se_{stage}"] for stage in range(1, 8)} == {0}
    assert load("mnasnet", reference=network).encode(network) == point


def test_a_point_of_the_full_space_by_hand():
    point = {
        **FULL.encode(B0),
        "operation_3": "conv",
        "kernel_3": 3,
        "se_3": 0,
        "skip_3": "pool",
        "filters_3": 1.25,
        "layers_3": 1,
        "operation_4": "mbconv3",
    }
    network = FULL.decode(point)
    assert network.stages[2] == Stage("conv", 48, 3, 2, 3, expand=1, se_ratio=0, skip="pool")
    assert network.stages[3] == replace(B0.stages[3], expand=3)
    assert [network.stages[stage] for stage in (0, 1, 4, 5, 6)] == [B0.stages[stage] for stage in (0, 1, 4, 5, 6)]
    assert (network.stem, network.head, network.resolution) == (B0.stem, B0.head, 224)


def points(space):
    return st.fixed_dictionaries({dim.name: st.sampled_from(dim.choices) for dim in space.dimensions})


@settings(deadline=None)
@given(points(MEASURED))
def test_points_of_the_measured_space_come_back(point):
    network = MEASURED.decode(point)
    assert MEASURED.encode(network) == point
    for number, stage in enumerate(network.stages, 1):
        assert stage == replace(
            B0.stages[number - 1],
            expand=point[f"expand_{number}"],
            kernel=point[f"kernel_{number}"],
            repeats=point[f"repeats_{number}"],
            se_ratio=point[f"se_{number}"],
        )


@settings(deadline=None)
@given(points(FULL))
def test_points_of_the_full_space_come_back(point):
    network = FULL.decode(point)
    assert FULL.encode(network) == point
    assert FULL.decode(FULL.encode(network)) == network
    assert [block.output_size for block in blocks(network)][-2] == 7  # all strides are the reference's


@pytest.mark.parametrize("space", [MEASURED, FULL], ids=lambda space: space.name)
def test_distinct_points_have_distinct_keys(space):
    rows = space.sample_indices(np.random.default_rng(4), 2_000)
    keys = {}
    for row in rows:
        point = space.point(row)
        keys.setdefault(space.decode(point).key, set()).add(space.number(point))
    assert len(keys) > 1_990  # next to no duplicates among the samples
    assert all(len(numbers) == 1 for numbers in keys.values())


@pytest.mark.parametrize("space", [MEASURED, FULL], ids=lambda space: space.name)
@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        (3, {"kernel": 7}, "kernel is 7; allowed: 3, 5"),
        (1, {"channels": 17}, "channels is 17; allowed: .*16"),
        (7, {"repeats": 9}, "repeats is 9; allowed: 1, 2"),
        (5, {"se_ratio": 0.5}, r"se_ratio is 0\.5; allowed: .*0\.25"),
        (2, {"stride": 1}, "stride is 1; allowed: 2"),
        (4, {"expand": 2}, "expand is 2; allowed: 1.*6"),
        (6, {"activation": "relu"}, "activation is relu; allowed: silu"),
        (6, {"skip": "projection"}, "skip is projection; allowed: .*identity"),
    ],
)
def test_a_network_outside_is_refused_by_stage_field_and_what_is_allowed(space, stage, change, message):
    stages = list(B0.stages)
    stages[stage - 1] = replace(stages[stage - 1], **change)
    with pytest.raises(InvalidValue, match=f"mine is not in {space.name}: in stage {stage} {message}"):
        space.encode(replace(B0, name="mine", stages=tuple(stages)))


@pytest.mark.parametrize("space", [MEASURED, FULL], ids=lambda space: space.name)
@pytest.mark.parametrize(
    "change", [{"resolution": 240}, {"classes": 10}, {"stem": Stem(40)}, {"head": Head(640)}, {"drop_path": 0}]
)
def test_a_network_that_differs_beside_the_stages_is_refused_by_that_field(space, change):
    (field,) = change
    with pytest.raises(InvalidValue, match=f"mine is not in .*{space.name}: {field} is"):
        space.encode(replace(B0, name="mine", **change))


@pytest.mark.parametrize("space", [MEASURED, FULL], ids=lambda space: space.name)
def test_a_network_with_another_number_of_stages_is_refused(space):
    with pytest.raises(InvalidValue, match=f"mine has 6 stages; the search space {space.name} has 7"):
        space.encode(replace(B0, name="mine", stages=B0.stages[:6]))


def test_b2_is_outside_and_the_message_says_where():
    with pytest.raises(
        InvalidValue, match="efficientnet-b2 is not in mnasnet-b0: in stage 3 channels is 48; allowed: 40"
    ):
        MEASURED.encode(catalogue.load("b2"))
