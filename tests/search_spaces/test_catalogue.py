"""The catalogue: the rows of the papers under the names that people type."""

import pytest

from effsearch.search_spaces import InvalidValue, Stage, catalogue, load_network
from effsearch.search_spaces.cost import cost

EFFICIENTNETS = [f"efficientnet-b{number}" for number in range(8)]
# Channels and layers of B7 and B4 as their checkpoints have them
B7_STAGES = [(32, 4), (48, 7), (80, 7), (160, 10), (224, 10), (384, 13), (640, 4)]
B4_STAGES = [(24, 2), (32, 4), (56, 4), (112, 6), (160, 6), (272, 8), (448, 2)]


def test_names():
    assert set(catalogue.names()) >= {*EFFICIENTNETS, "mobilenet-v2"}


@pytest.mark.parametrize("name", catalogue.names())
def test_every_name_loads_a_network_of_that_name(name):
    network = catalogue.load(name)
    assert network.name == name
    assert cost(network).params > 1e6
    assert network.key == catalogue.load(name).key


def test_all_networks_differ():
    assert len({catalogue.load(name).key for name in catalogue.names()}) == len(catalogue.names())


@pytest.mark.parametrize("written", ["b3", "B3", " b3 ", "efficientnet_b3", "EfficientNet-B3"])
def test_names_may_be_short_or_written_otherwise(written):
    assert catalogue.load(written) == catalogue.load("efficientnet-b3") == load_network(written)


def test_b0_is_table_1_of_the_paper():
    b0 = catalogue.load("b0")
    assert (b0.stem.channels, b0.stem.kernel, b0.stem.stride, b0.stem.pool) == (32, 3, 2, "none")
    assert b0.stages == (
        Stage("mbconv", 16, 1, 1, 3, expand=1, se_ratio=0.25),
        Stage("mbconv", 24, 2, 2, 3, expand=6, se_ratio=0.25),
        Stage("mbconv", 40, 2, 2, 5, expand=6, se_ratio=0.25),
        Stage("mbconv", 80, 3, 2, 3, expand=6, se_ratio=0.25),
        Stage("mbconv", 112, 3, 1, 5, expand=6, se_ratio=0.25),
        Stage("mbconv", 192, 4, 2, 5, expand=6, se_ratio=0.25),
        Stage("mbconv", 320, 1, 1, 3, expand=6, se_ratio=0.25),
    )
    assert {(stage.se_kind, stage.skip, stage.activation) for stage in b0.stages} == {("input", "identity", "silu")}
    assert (b0.head.channels, b0.head.hidden, b0.head.activation) == (1280, 0, "silu")
    assert (b0.resolution, b0.input_channels, b0.classes, b0.dropout, b0.drop_path) == (224, 3, 1000, 0.2, 0.2)


@pytest.mark.parametrize(("name", "stem", "rows", "head"), [("b4", 48, B4_STAGES, 1792), ("b7", 64, B7_STAGES, 2560)])
def test_widths_and_depths_of_the_larger_networks(name, stem, rows, head):
    network = catalogue.load(name)
    assert [(stage.channels, stage.repeats) for stage in network.stages] == rows
    assert (network.stem.channels, network.head.channels) == (stem, head)


def test_the_official_resolutions_and_dropout_rates():
    networks = [catalogue.load(name) for name in EFFICIENTNETS]
    assert [network.resolution for network in networks] == [224, 240, 260, 300, 380, 456, 528, 600]
    assert [network.dropout for network in networks] == [0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5]
    assert {network.drop_path for network in networks} == {0.2}


def test_mobilenet_v2_is_table_2_of_its_paper():
    network = catalogue.load("mobilenet-v2")
    rows = [(stage.expand, stage.channels, stage.repeats, stage.stride) for stage in network.stages]
    assert rows == [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    assert {(stage.operation, stage.kernel, stage.se_ratio) for stage in network.stages} == {("mbconv", 3, 0)}
    activations = {network.stem.activation, network.head.activation, *(s.activation for s in network.stages)}
    assert activations == {"relu6"}
    assert network.drop_path == 0


@pytest.mark.parametrize(
    ("typed", "hint"), [("efficentnet-b0", "efficientnet-b0"), ("mobilnet-v2", "mobilenet-v2"), ("b00", "b0")]
)
def test_a_typo_gets_the_nearest_name_as_a_hint(typed, hint):
    with pytest.raises(InvalidValue, match=f"'{typed}'.*known: efficientnet-b0, .*mobilenet-v2") as raised:
        catalogue.load(typed)
    assert raised.value.hint == f"did you mean {hint}?"


@pytest.mark.parametrize("typed", ["", "transformer", "b0\nb1", "x" * 10_000])
def test_what_is_near_to_nothing_gets_no_hint_and_one_line(typed):
    with pytest.raises(InvalidValue) as raised:
        catalogue.load(typed)
    assert raised.value.hint is None
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
