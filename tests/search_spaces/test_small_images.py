"""Networks for other pictures: their last maps stay wide enough, and nothing else changes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue, codec
from effsearch.search_spaces.architecture import blocks
from effsearch.search_spaces.checks import InvalidValue
from effsearch.search_spaces.cost import cost
from effsearch.search_spaces.small_images import SMALLEST, adapt, adaptations, last_map, strides

networks = st.sampled_from([catalogue.load(name) for name in catalogue.names()])
resnet = Architecture(
    "resnet", Stem(64, 7, 2, "relu", "max"),
    tuple(Stage("basic", width, 2, stride, skip="projection", activation="relu")
          for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2))),
    Head(0, activation="relu"),
)  # fmt: skip
made = st.builds(
    lambda stem, pool, rows, head: Architecture(
        "made", Stem(16, stride=stem, pool=pool), tuple(Stage("conv", 8, 1, stride) for stride in rows), Head(head)
    ),
    st.integers(1, 4), st.sampled_from(["none", "max"]), st.lists(st.integers(1, 2), min_size=1, max_size=8),
    st.sampled_from([0, 32]),
)  # fmt: skip


def total(strides_: tuple[int, ...]) -> int:
    product = 1
    for stride in strides_:
        product *= stride
    return product


@given(networks | made | st.just(resnet), st.integers(1, 256))
@settings(max_examples=60, deadline=None)
def test_the_last_maps_are_wide_enough(network, resolution):
    adapted = adapt(network, resolution=resolution)
    assert adapted.resolution == resolution
    assert last_map(adapted) >= min(SMALLEST, resolution)
    assert last_map(adapted) == -(-resolution // total(strides(adapted)))  # ceilings of ceilings are one ceiling


@given(networks | made, st.integers(1, 256), st.sampled_from([1, 3]), st.integers(1, 1000))
@settings(max_examples=60, deadline=None)
def test_a_second_time_changes_nothing(network, resolution, channels, classes):
    once = adapt(network, resolution=resolution, input_channels=channels, classes=classes)
    assert adapt(once) == once
    assert adapt(once, resolution=resolution) == once
    assert (once.input_channels, once.classes) == (channels, classes)


@given(networks | made | st.just(resnet), st.integers(1, 256))
@settings(max_examples=100, deadline=None)
def test_only_strides_change_the_first_ones_first_and_no_more_than_needed(network, resolution):
    adapted = adapt(network, resolution=resolution)
    before, after = strides(network), strides(adapted)
    changed = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    kept = [place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old == new > 1]
    assert max(changed, default=-1) <= min(kept, default=99)
    plain = replace(network, resolution=resolution)
    if changed:
        assert last_map(plain) < SMALLEST  # it was needed
        *_, one_less, last = adaptations(network, resolution=resolution)
        assert last == adapted
        assert last_map(one_less) < min(SMALLEST, resolution)  # and the last one too
    else:
        assert adapted == plain
    stem = replace(adapted.stem, stride=network.stem.stride, pool=network.stem.pool)
    stages = tuple(replace(new, stride=old.stride) for old, new in zip(network.stages, adapted.stages, strict=True))
    assert replace(adapted, stem=stem, stages=stages, resolution=network.resolution) == network


@given(networks, st.integers(97, 600))
@settings(max_examples=40, deadline=None)
def test_large_pictures_leave_a_published_network_as_it_is(network, resolution):
    """32 divides into 97 pixels three times and a bit: 4 pixels by rounding up."""
    assert strides(adapt(network, resolution=resolution)) == strides(network)
    assert math.prod(strides(network)) == 32


@given(networks, st.integers(1, 128))
@settings(max_examples=40, deadline=None)
def test_each_adaptation_costs_more(network, resolution):
    prices = [cost(each).mult_adds for each in adaptations(network, resolution=resolution)]
    assert prices == sorted(prices)
    assert len({cost(each).params for each in adaptations(network, resolution=resolution)}) == 1


@given(networks | st.just(resnet), st.integers(1, 256))
@settings(max_examples=12, deadline=None)
def test_its_yaml_is_read_as_the_same_network(network, resolution):
    adapted = adapt(network, resolution=resolution, input_channels=1, classes=10)
    assert codec.loads(codec.dumps(adapted)) == adapted
    assert codec.loads(codec.dumps(adapted)).key == adapted.key


def test_b0_for_cifar():
    """The stem's stride and the first stage's go; 32 -> 16 -> 8 -> 4 pixels stays."""
    adapted = adapt(catalogue.load("b0"), resolution=32, classes=10)
    assert strides(adapted) == (1, 1, 1, 2, 2, 1, 2, 1)
    assert last_map(adapted) == 4
    assert adapted.name == "efficientnet-b0"
    assert adapted.key != replace(catalogue.load("b0"), resolution=32, classes=10).key


def test_the_pool_of_the_stem_goes_first():
    assert [strides(each)[0] for each in adaptations(resnet, resolution=32)][:3] == [4, 2, 1]
    assert adaptations(resnet, resolution=64)[1].stem.pool == "none"


@pytest.mark.parametrize(
    "wrong", [{"resolution": 0}, {"resolution": -8}, {"resolution": 1.5}, {"classes": 0}, {"input_channels": 0},
              {"resolution": 10_000}, {"classes": "ten"}, {"resolution": True}],
)  # fmt: skip
def test_values_that_no_network_has(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InvalidValue, match=f"{name} is .*{value}.*must be"):
        adapt(catalogue.load("b0"), **wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet-b0", "mobilenet-v2", "resnet"])
@pytest.mark.parametrize("resolution", [8, 28, 33])
def test_it_costs_what_the_built_network_does(name, resolution):
    from effsearch.models import check_cost

    network = resnet if name == "resnet" else catalogue.load(name)
    adapted = adapt(network, resolution=resolution, input_channels=1, classes=10)
    check_cost(adapted)  # raises where they differ
    assert [block.input_size for block in blocks(adapted)][-1] == last_map(adapted)
