"""The capacity score: its formula, for every network, and never lower for a larger network."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from effsearch.evaluators.capacity import CEILING, STAGE_WEIGHTS, Capacity, capacity
from effsearch.search_spaces import Architecture, Head, Stage, Stem, blocks, catalogue
from effsearch.search_spaces.cost import layers

B0 = catalogue.load("b0")
every_network = pytest.mark.parametrize("name", catalogue.names())


@st.composite
def stages(draw):
    operation = draw(st.sampled_from(("mbconv", "sepconv", "conv", "basic", "bottleneck")))
    expand = {"mbconv": st.sampled_from((1, 2.5, 3, 4, 6)), "bottleneck": st.sampled_from((0.25, 0.5, 1))}
    return Stage(
        operation,
        channels=draw(st.integers(1, 2048)),
        repeats=draw(st.integers(1, 40)),
        stride=draw(st.sampled_from((1, 2))),
        kernel=draw(st.sampled_from((1, 3, 5, 7))),
        expand=draw(expand[operation]) if operation in expand else 1,
        se_ratio=0 if operation in ("basic", "bottleneck") else draw(st.sampled_from((0, 0.25))),
        skip=draw(st.sampled_from(("identity", "projection", "pool", "none"))),
    )


networks = st.builds(
    Architecture,
    st.just("random"),
    st.builds(Stem, st.integers(1, 64)),
    st.lists(stages(), min_size=1, max_size=12).map(tuple),
    st.builds(Head, st.sampled_from((0, 640, 1280))),
    resolution=st.integers(16, 800),
)


def with_stage(network, position, **change):
    changed = list(network.stages)
    changed[position] = replace(changed[position], **change)
    return replace(network, stages=tuple(changed))


def test_the_score_of_b0_by_hand():
    """Weights, expansion, layers, kernel > 3, channels of the seven stages; SE everywhere, 224 px."""
    rows = [
        (0.5, 1, 1, 0, 16),
        (0.75, 6, 2, 0, 24),
        (1.0, 6, 2, 1, 40),
        (1.0, 6, 3, 0, 80),
        (1.25, 6, 3, 1, 112),
        (1.5, 6, 4, 1, 192),
        (1.5, 6, 1, 0, 320),
    ]
    total = sum(
        weight * (math.log(1 + repeats * expand) * 1.1 + 0.1 * large + 2 * math.log(channels / 16))
        for weight, expand, repeats, large, channels in rows
    )
    assert capacity(B0) == pytest.approx(total / 7.5, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(stages())
def test_the_relative_size_of_a_block_is_its_dense_weights_over_2_channels_squared(stage):
    """One stage alone: its score minus the documented other terms gives the size, counted from the cost's layers."""
    assume(stage.channels > 1)  # a depthwise convolution of one channel is dense
    network = Architecture("one stage", Stem(), (replace(stage, repeats=2),), Head(), resolution=224)
    rest = (0.1 if stage.kernel > 3 else 0) + 2 * math.log(stage.channels / 16)
    found = (math.exp((capacity(network) - rest) / (1.1 if stage.se_ratio else 1.0)) - 1) / 2
    if stage.operation == "mbconv":
        expected = stage.expand
    else:
        second = [block for block in blocks(network) if block.stage == 1][1]
        dense = [layer for layer in layers(second) if layer.norm and layer.groups == 1]
        weights = sum(layer.kernel**2 * layer.input * layer.output for layer in dense)
        expected = weights / (2 * stage.channels**2)
        if stage.operation == "bottleneck":  # built widths are rounded; the score uses the exact ones
            hidden, exact = second.hidden, stage.channels * stage.expand
            expected = (2 * stage.channels * exact + stage.kernel**2 * exact**2) / (2 * stage.channels**2)
            built = (2 * stage.channels * hidden + stage.kernel**2 * hidden**2) / (2 * stage.channels**2)
            assert weights / (2 * stage.channels**2) == pytest.approx(built)
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4, 13])
def test_late_stages_count_more_whatever_their_number(count):
    """The gain from one more layer grows from stage to stage, threefold in all; of one stage it counts whole."""
    stage = Stage("mbconv", 64, 2, expand=6)
    network = Architecture("even", Stem(), (stage,) * count, Head())
    gains = [capacity(with_stage(network, position, repeats=3)) - capacity(network) for position in range(count)]
    assert gains == sorted(gains)
    assert gains[-1] / gains[0] == pytest.approx(STAGE_WEIGHTS[-1] / STAGE_WEIGHTS[0] if count > 1 else 1)
    assert sum(gains) == pytest.approx(math.log(1 + 3 * 6) - math.log(1 + 2 * 6))


@every_network
@pytest.mark.parametrize("resolution", [32, 224, 600])
def test_every_network_of_the_catalogue_gets_a_score_strictly_between_0_and_72(name, resolution):
    result = Capacity()(replace(catalogue.load(name), resolution=resolution))
    assert 0 < result.accuracy < CEILING == 72
    assert result.failure is None
    assert result.std is None
    assert "no accuracy" in result.fidelity
    assert result.source == "capacity"


@settings(deadline=None)
@given(networks)
def test_any_network_gets_a_finite_score_strictly_between_0_and_72(network):
    assert math.isfinite(capacity(network))
    assert 0 < Capacity()(network).accuracy < 72


def test_the_smallest_network_gets_a_score():
    smallest = Architecture("dot", Stem(1), (Stage("conv", 1, kernel=1),), Head(0), resolution=1, classes=1)
    assert 0 < Capacity()(smallest).accuracy < 72


@pytest.mark.slow
@settings(deadline=None)
@given(networks, st.data())
def test_more_layers_channels_expansion_or_resolution_never_lower_the_score(network, data):
    position = data.draw(st.integers(0, len(network.stages) - 1))
    stage = network.stages[position]
    more = data.draw(st.integers(1, 64))
    larger = [
        with_stage(network, position, repeats=stage.repeats + more),
        with_stage(network, position, channels=stage.channels + more),
        replace(network, resolution=network.resolution + more),
    ]
    if stage.operation in ("mbconv", "bottleneck"):
        larger.append(with_stage(network, position, expand=min(64, stage.expand * (1 + more / 8))))
    for one in larger:
        assert capacity(one) >= capacity(network) - 1e-12
        assert Capacity()(one).accuracy >= Capacity()(network).accuracy - 1e-9


@every_network
def test_growing_a_published_network_raises_its_score(name):
    network = catalogue.load(name)
    for position, stage in enumerate(network.stages):
        changes = [{"repeats": stage.repeats + 1}, {"channels": stage.channels + 8}]
        if stage.operation in ("mbconv", "bottleneck"):
            changes.append({"expand": stage.expand * 1.5})
        for change in changes:
            assert capacity(with_stage(network, position, **change)) > capacity(network)
    assert capacity(replace(network, resolution=network.resolution + 32)) > capacity(network)


def test_the_efficientnet_family_is_in_order():
    accuracies = [one.accuracy for one in Capacity().many([catalogue.load(f"b{i}") for i in range(8)])]
    assert accuracies == sorted(set(accuracies))


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(networks, min_size=2, max_size=6))
def test_the_percent_scale_keeps_the_order_of_the_scores(many):
    ordered = sorted(many, key=capacity)
    accuracies = [one.accuracy for one in Capacity().many(ordered)]
    assert accuracies == sorted(accuracies)
    scores = [capacity(one) for one in ordered]
    for (low, worse), (high, better) in pairwise(zip(scores, accuracies, strict=True)):
        assert better > worse or high - low < 1e-9


def test_doubling_the_width_or_the_resolution_counts_2_log_2():
    wide = replace(B0, stages=tuple(replace(stage, channels=2 * stage.channels) for stage in B0.stages))
    sharp = replace(B0, resolution=448)
    for one in (wide, sharp):
        assert capacity(one) - capacity(B0) == pytest.approx(2 * math.log(2))


def test_many_are_those_one_by_one_and_the_seed_is_noted():
    everything = [catalogue.load(name) for name in catalogue.names()]
    together = [replace(one, seconds=0.0) for one in Capacity().many(everything, seed=3)]
    assert together == [replace(Capacity()(network, seed=3), seconds=0.0) for network in everything]
    assert {one.seed for one in together} == {3}
    assert Capacity().many([]) == []


def test_the_name_of_a_network_changes_nothing():
    assert capacity(replace(B0, name="another")) == capacity(B0)
