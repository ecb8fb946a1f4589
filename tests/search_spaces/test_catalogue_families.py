"""EfficientNet-Lite, MnasNet, the MobileNets and the ResNets: rows against the papers, and what they publish."""

import pytest

from effsearch.search_spaces import Stage, blocks, catalogue
from effsearch.search_spaces.cost import cost

# As they were before the others joined them: runs and files name networks by these
KEYS = {
    "efficientnet-b0": "663a78de5b52b2c6",
    "efficientnet-b1": "429cd0c1da511081",
    "efficientnet-b2": "414154cfd5317618",
    "efficientnet-b3": "0268ce0c22f1410b",
    "efficientnet-b4": "95ab0ca7cefcac68",
    "efficientnet-b5": "f3deb1d2440a3112",
    "efficientnet-b6": "102b535db1f01225",
    "efficientnet-b7": "85a577a479217ebf",
    "mobilenet-v2": "f2adb5a3af82e31f",
}
LITE = [f"efficientnet-lite{number}" for number in range(5)]
RESNETS = ["resnet-18", "resnet-34", "resnet-50", "resnet-101", "resnet-152"]


@pytest.mark.parametrize("name", KEYS)
def test_keys_stay(name):
    assert catalogue.load(name).key == KEYS[name]


def test_names():
    mobile = {"mobilenet-v1", "mobilenet-v3-large", "mobilenet-v3-small", "mnasnet-a1", "mnasnet-b1"}
    assert set(catalogue.names()) == {*KEYS, *LITE, *mobile, *RESNETS}


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("lite3", "efficientnet-lite3"),
        ("EfficientNet_Lite0", "efficientnet-lite0"),
        ("resnet50", "resnet-50"),
        ("ResNet-18", "resnet-18"),
        ("mobilenetv2", "mobilenet-v2"),
        ("mobilenet_v3_small", "mobilenet-v3-small"),
        ("mnasnet_b1", "mnasnet-b1"),
        ("efficientnetb0", "efficientnet-b0"),
    ],
)
def test_names_as_people_write_them(written, name):
    assert catalogue.load(written) == catalogue.load(name)


# Parameters and, where the source has them, mult-adds in millions as published: 1704.04861 table 8, 1905.02244 table 3,
# 1807.11626 table 1, EfficientNet-Lite's README, torchvision's and Keras's model pages
@pytest.mark.parametrize(
    ("name", "params", "mult_adds"),
    [
        ("efficientnet-lite0", "4.7M", 407),
        ("efficientnet-lite1", "5.4M", 631),
        ("efficientnet-lite2", "6.1M", 899),
        ("efficientnet-lite3", "8.2M", 1440),
        ("efficientnet-lite4", "13.0M", 2640),
        ("mobilenet-v1", "4.2M", 569),
        ("mobilenet-v3-large", "5.5M", 219),
        ("mobilenet-v3-small", "2.5M", 56),
        ("mnasnet-a1", "3.9M", 312),
        ("mnasnet-b1", "4.4M", 315),
        ("resnet-18", "11.7M", 1814),
        ("resnet-34", "21.8M", 3664),
        ("resnet-50", "25.6M", 4089),
        ("resnet-101", "44.5M", 7801),
        ("resnet-152", "60.2M", 11514),
    ],
)
def test_costs_are_the_published_ones(name, params, mult_adds):
    total = cost(catalogue.load(name))
    assert f"{total.params / 1e6:.1f}M" == params
    # EfficientNet-Lite's README counts norms and activations, too: up to 6 % more
    assert 0.94 * mult_adds < total.mult_adds / 1e6 < 1.01 * mult_adds


def test_lite_scales_its_middle_alone():
    for name in LITE:
        lite, full = catalogue.load(name), catalogue.load(name.replace("lite", "b"))
        assert (lite.stem.channels, lite.head.channels) == (32, 1280)
        assert (lite.stages[0].repeats, lite.stages[-1].repeats) == (1, 1)
        assert [stage.channels for stage in lite.stages] == [stage.channels for stage in full.stages]
        assert [stage.repeats for stage in lite.stages[1:-1]] == [stage.repeats for stage in full.stages[1:-1]]
        assert {stage.se_ratio for stage in lite.stages} == {0}
        acts = {lite.stem.activation, lite.head.activation, *(stage.activation for stage in lite.stages)}
        assert acts == {"relu6"}
    networks = [catalogue.load(name) for name in LITE]
    assert [network.resolution for network in networks] == [224, 240, 260, 280, 300]
    assert [network.dropout for network in networks] == [0.2, 0.2, 0.3, 0.3, 0.3]


def test_mobilenet_v3_expands_to_the_channels_of_its_table():
    small = list(blocks(catalogue.load("mobilenet-v3-small")))[1:-1]
    assert [block.hidden for block in small] == [16, 72, 88, 96, 240, 240, 120, 144, 288, 576, 576]
    assert [block.squeeze for block in small] == [8, 0, 0, 24, 64, 64, 32, 40, 72, 144, 144]  # a quarter, by eights
    assert [block.output_size for block in small] == [56, 28, 28, 14, 14, 14, 14, 14, 7, 7, 7]
    large = catalogue.load("mobilenet-v3-large")
    assert (large.head.channels, large.head.hidden) == (960, 1280)


def test_mnasnet_a1_is_figure_7_of_its_paper():
    rows = [
        (stage.expand, stage.kernel, stage.channels, stage.repeats, bool(stage.se_ratio))
        for stage in catalogue.load("mnasnet-a1").stages
    ]
    assert rows == [
        (1, 3, 16, 1, False),
        (6, 3, 24, 2, False),
        (3, 5, 40, 3, True),
        (6, 3, 80, 4, False),
        (6, 3, 112, 2, True),
        (6, 5, 160, 3, True),
        (6, 3, 320, 1, False),
    ]


def test_mobilenet_v1_has_13_separable_convolutions_and_no_skips():
    middle = list(blocks(catalogue.load("mobilenet-v1")))[1:-1]
    widths = [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    assert [block.output for block in middle] == widths
    assert {(block.operation, block.skip, block.squeeze) for block in middle} == {("sepconv", "none", 0)}
    assert middle[-1].output_size == 7


@pytest.mark.parametrize(("name", "layers"), [(name, int(name.removeprefix("resnet-"))) for name in RESNETS])
def test_resnets_have_as_many_layers_as_their_names_say(name, layers):
    network = catalogue.load(name)
    inside = {"basic": 2, "bottleneck": 3}
    assert 2 + sum(inside[stage.operation] * stage.repeats for stage in network.stages) == layers
    projected = [block for block in blocks(network) if block.skip == "projection"]
    assert len(projected) == (3 if layers < 50 else 4)  # a bottleneck's first stage widens
    assert network.stages[0] == Stage(
        "basic" if layers < 50 else "bottleneck",
        64 if layers < 50 else 256,
        network.stages[0].repeats,
        expand=1 if layers < 50 else 0.25,
        skip="projection",
        activation="relu",
    )
