"""cost: published counts, hand-written sums for every kind of block, and torch's own count of the activations."""

import math
from dataclasses import replace

import pytest

from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue
from effsearch.search_spaces.cost import Cost, cost, stage_costs

B0 = catalogue.load("b0")


# Parameters as torchvision documents them; mult-adds of its networks in millions, with the digits known.
@pytest.mark.parametrize(
    ("name", "params", "millions", "digit"),
    [
        ("b0", 5_288_548, 385.8, 0.1),
        ("b1", 7_794_184, 686.8, 0.1),
        ("b2", 9_109_994, 993.6, 0.1),
        ("b3", 12_233_232, 1_827, 1),
        ("b4", 19_341_616, 4_394, 1),
        ("b5", 30_389_784, 10_266, 1),
        ("b6", 43_040_704, 19_068, 1),
        ("b7", 66_347_960, 37_746, 1),
    ],
)
def test_the_published_family(name, params, millions, digit):
    counted = cost(catalogue.load(name))
    assert counted.params == params
    assert counted.mult_adds / 1e6 == pytest.approx(millions, abs=digit / 2)


def test_b0_to_the_last_mult_add():
    assert cost(B0).mult_adds == 385_814_752  # fvcore's convolutions and linear layers of torchvision's B0


def test_mobilenet_v2():
    counted = cost(catalogue.load("mobilenet-v2"))
    assert counted.params == 3_504_872  # torchvision's documentation; the paper prints 3.4M and 300M
    assert counted.mult_adds == pytest.approx(300e6, rel=0.01)


# torchvision's documentation prints these parameters, and the mult-adds in G with two digits.
@pytest.mark.parametrize(
    ("operation", "factor", "repeats", "params", "giga"),
    [
        ("basic", 1, (2, 2, 2, 2), 11_689_512, 1.81),
        ("basic", 1, (3, 4, 6, 3), 21_797_672, 3.66),
        ("bottleneck", 4, (3, 4, 6, 3), 25_557_032, 4.09),
        ("bottleneck", 4, (3, 8, 36, 3), 60_192_808, 11.51),
    ],
    ids=["ResNet-18", "ResNet-34", "ResNet-50", "ResNet-152"],
)
def test_resnets(operation, factor, repeats, params, giga):
    rows = zip((64, 128, 256, 512), repeats, (1, 2, 2, 2), strict=True)  # arXiv 1512.03385 table 1
    stages = [
        Stage(operation, width * factor, count, stride, expand=1 / factor, skip="projection", activation="relu")
        for width, count, stride in rows
    ]
    stem = Stem(64, kernel=7, activation="relu", pool="max")
    counted = cost(Architecture("resnet", stem, tuple(stages), Head(channels=0)))
    assert counted.params == params
    assert counted.mult_adds / 1e9 == pytest.approx(giga, abs=0.0051)


# arXiv 1905.02244 table 1: input, kernel, hidden, output, SE, stride
MOBILENET_V3_LARGE = (
    (16, 3, 16, 16, 0, 1),
    (16, 3, 64, 24, 0, 2),
    (24, 3, 72, 24, 0, 1),
    (24, 5, 72, 40, 0.25, 2),
    (40, 5, 120, 40, 0.25, 1),
    (40, 5, 120, 40, 0.25, 1),
    (40, 3, 240, 80, 0, 2),
    (80, 3, 200, 80, 0, 1),
    (80, 3, 184, 80, 0, 1),
    (80, 3, 184, 80, 0, 1),
    (80, 3, 480, 112, 0.25, 1),
    (112, 3, 672, 112, 0.25, 1),
    (112, 5, 672, 160, 0.25, 2),
    (160, 5, 960, 160, 0.25, 1),
    (160, 5, 960, 160, 0.25, 1),
)


def test_mobilenet_v3_large():
    stages = tuple(
        Stage("mbconv", output, 1, stride, kernel, hidden / width, ratio, "expanded", activation="hard_swish")
        for width, kernel, hidden, output, ratio, stride in MOBILENET_V3_LARGE
    )
    counted = cost(Architecture("mobilenet-v3-large", Stem(16), stages, Head(960, 1280)))
    assert counted.params == 5_483_032  # torchvision's documentation
    assert counted.mult_adds == pytest.approx(219e6, rel=0.02)  # the paper prints 219M


def test_mobilenet_v1():
    rows = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 2, 6), (1024, 2, 2))  # arXiv 1704.04861 table 1
    stages = tuple(Stage("sepconv", channels, repeats, stride, skip="none") for channels, stride, repeats in rows)
    counted = cost(Architecture("mobilenet-v1", Stem(), stages, Head(channels=0)))
    assert counted.params == pytest.approx(4.2e6, rel=0.01)  # the paper's table 4 prints 4.2M and 569M
    assert counted.mult_adds / 1e6 == pytest.approx(569, abs=0.5)


# One block behind a stem of 4 channels at 8 x 8 pixels. By hand, its layers one by one:
# (weights, output channels, side of the output, parameters an output channel besides: 2 for BN, 1 for a bias)
NORM, BIAS = 2, 1
ONE_BLOCK = {
    "mbconv, expand 1: no expansion": (
        Stage("mbconv", 6, kernel=5),
        [(5 * 5 * 4, 4, 8, NORM), (4 * 6, 6, 8, NORM)],
    ),
    "mbconv, expand 6": (
        Stage("mbconv", 5, expand=6),
        [(4 * 24, 24, 8, NORM), (9 * 24, 24, 8, NORM), (24 * 5, 5, 8, NORM)],
    ),
    "mbconv, stride 2: the expansion still runs on the large map": (
        Stage("mbconv", 5, stride=2, expand=6),
        [(4 * 24, 24, 8, NORM), (9 * 24, 24, 4, NORM), (24 * 5, 5, 4, NORM)],
    ),
    "mbconv, SE of the input": (
        Stage("mbconv", 5, expand=6, se_ratio=0.5),
        [
            (4 * 24, 24, 8, NORM),
            (9 * 24, 24, 8, NORM),
            (24 * 2, 2, 1, BIAS),
            (2 * 24, 24, 1, BIAS),
            (24 * 5, 5, 8, NORM),
        ],
    ),
    "mbconv, SE of the expanded channels": (
        Stage("mbconv", 5, expand=6, se_ratio=0.5, se_kind="expanded"),
        [
            (4 * 24, 24, 8, NORM),
            (9 * 24, 24, 8, NORM),
            (24 * 16, 16, 1, BIAS),  # 12 lies between 8 and 16: 8 is below 0.9 * 12
            (16 * 24, 24, 1, BIAS),
            (24 * 5, 5, 8, NORM),
        ],
    ),
    "sepconv, SE": (
        Stage("sepconv", 6, stride=2, se_ratio=0.25),
        [(9 * 4, 4, 4, NORM), (4 * 1, 1, 1, BIAS), (1 * 4, 4, 1, BIAS), (4 * 6, 6, 4, NORM)],
    ),
    "conv, SE behind it": (
        Stage("conv", 6, stride=2, kernel=5, se_ratio=0.75),
        [(25 * 4 * 6, 6, 4, NORM), (6 * 3, 3, 1, BIAS), (3 * 6, 6, 1, BIAS)],
    ),
    "basic, no projection by default": (
        Stage("basic", 6, stride=2),
        [(9 * 4 * 6, 6, 4, NORM), (9 * 6 * 6, 6, 4, NORM)],
    ),
    "basic, projection": (
        Stage("basic", 6, stride=2, skip="projection"),
        [(9 * 4 * 6, 6, 4, NORM), (9 * 6 * 6, 6, 4, NORM), (4 * 6, 6, 4, NORM)],
    ),
    "basic, the projection is not needed": (
        Stage("basic", 4, skip="projection"),
        [(9 * 4 * 4, 4, 8, NORM), (9 * 4 * 4, 4, 8, NORM)],
    ),
    "bottleneck, stride in the middle, projection": (
        Stage("bottleneck", 12, stride=2, expand=0.25, skip="projection"),
        [(4 * 3, 3, 8, NORM), (9 * 3 * 3, 3, 4, NORM), (3 * 12, 12, 4, NORM), (4 * 12, 12, 4, NORM)],
    ),
    "a pooling skip costs nothing": (
        Stage("conv", 6, stride=2, skip="pool"),
        [(9 * 4 * 6, 6, 4, NORM)],
    ),
    "three blocks: the stride is the first one's": (
        Stage("mbconv", 6, repeats=3, stride=2),
        [(9 * 4, 4, 4, NORM), (4 * 6, 6, 4, NORM)] + [(9 * 6, 6, 4, NORM), (6 * 6, 6, 4, NORM)] * 2,
    ),
}


def by_hand(layers: list[tuple[int, int, int, int]]) -> Cost:
    return Cost(
        params=sum(weights + outputs * besides for weights, outputs, _, besides in layers),
        mult_adds=sum(weights * side * side for weights, _, side, _ in layers),
        activations=sum(outputs * side * side for _, outputs, side, _ in layers),
    )


def network(stage: Stage, stem: Stem | None = None, head: Head | None = None) -> Architecture:
    stem, head = stem or Stem(4, stride=1), head or Head(channels=0)
    return Architecture("one block", stem, (stage,), head, resolution=8, classes=10)


@pytest.mark.parametrize("name", ONE_BLOCK)
def test_one_block(name):
    stage, layers = ONE_BLOCK[name]
    assert stage_costs(network(stage))[1] == by_hand(layers)


@pytest.mark.parametrize(
    ("stem", "layers"),
    [
        (Stem(4, kernel=5, stride=1), [(25 * 3 * 4, 4, 8, NORM)]),
        (Stem(4, stride=2), [(9 * 3 * 4, 4, 4, NORM)]),
        (Stem(4, stride=3), [(9 * 3 * 4, 4, 3, NORM)]),
        (Stem(4, stride=2, pool="max"), [(9 * 3 * 4, 4, 4, NORM)]),
    ],
)
def test_stems(stem, layers):
    assert stage_costs(network(Stage("conv", 6), stem))[0] == by_hand(layers)


def test_the_max_pool_of_the_stem_quarters_what_follows():
    plain, pooled = (stage_costs(network(Stage("conv", 6), Stem(4, stride=2, pool=pool))) for pool in ("none", "max"))
    assert pooled[1].mult_adds * 4 == plain[1].mult_adds
    assert pooled[1].activations * 4 == plain[1].activations
    assert pooled[1].params == plain[1].params


@pytest.mark.parametrize(
    ("head", "layers"),
    [
        (Head(0), [(6 * 10, 10, 1, BIAS)]),
        (Head(20), [(6 * 20, 20, 4, NORM), (20 * 10, 10, 1, BIAS)]),
        (Head(0, hidden=7), [(6 * 7, 7, 1, BIAS), (7 * 10, 10, 1, BIAS)]),
        (Head(20, hidden=7), [(6 * 20, 20, 4, NORM), (20 * 7, 7, 1, BIAS), (7 * 10, 10, 1, BIAS)]),
    ],
)
def test_heads_without_and_with_convolution_and_hidden_layer(head, layers):
    assert stage_costs(network(Stage("conv", 6, stride=2), head=head))[2] == by_hand(layers)


@pytest.mark.parametrize("architecture", [B0, catalogue.load("mobilenet-v2")], ids=str)
def test_stage_costs_add_up(architecture):
    parts = stage_costs(architecture)
    total = cost(architecture)
    assert len(parts) == len(architecture.stages) + 2
    assert sum(part.params for part in parts) == total.params
    assert sum(part.mult_adds for part in parts) == total.mult_adds
    assert sum(part.activations for part in parts) == total.activations
    assert sum(parts, Cost()) == total


def test_the_stem_and_the_head_of_b0_by_hand():
    stem, *_, head = stage_costs(B0)
    assert stem == Cost(27 * 32 + 64, 27 * 32 * 112**2, 32 * 112**2)
    assert head == Cost(320 * 1280 + 2560 + 1280 * 1000 + 1000, 320 * 1280 * 49 + 1280 * 1000, 1280 * 49 + 1000)


def test_two_pixels_more_than_a_multiple_of_32_cost_15_percent():
    """258 px end in 9 x 9 maps, 256 px in 8 x 8; the growth of the area alone would be 1.6 %."""
    small, large = (cost(replace(B0, resolution=resolution)) for resolution in (256, 258))
    assert large.mult_adds / small.mult_adds == pytest.approx(1.15, abs=0.01)
    assert large.params == small.params


def test_counts_are_whole_numbers_even_for_real_valued_expansions():
    counted = cost(network(Stage("mbconv", 40, expand=88 / 24, se_ratio=0.25), Stem(24, stride=1)))
    assert all(type(count) is int for count in (counted.params, counted.mult_adds, counted.activations))
    hidden = 88
    assert counted.params == (27 * 24 + 48) + (24 * hidden + 2 * hidden) + (9 * hidden + 2 * hidden) + (
        hidden * 6 + 6 + 6 * hidden + hidden
    ) + (hidden * 40 + 80) + (40 * 10 + 10)


@pytest.mark.slow  # imports torch
def test_activations_are_those_that_fvcore_counts():
    torch = pytest.importorskip("torch")
    fvcore = pytest.importorskip("fvcore.nn")
    from effsearch.models import build

    count = fvcore.ActivationCountAnalysis(build(B0).eval(), torch.zeros(1, 3, 224, 224))
    by_operator = count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    assert cost(B0).activations == by_operator["conv"] + by_operator["linear"]


def test_activations_of_b0_are_the_6_7_millions_that_timm_prints():
    assert math.isclose(cost(B0).activations / 1e6, 6.7, abs_tol=0.05)
