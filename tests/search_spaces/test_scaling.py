"""Scaling: the official rounding, the published family, and the identities that must hold."""

import copy
import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from effsearch.search_spaces import Coefficients, Head, InvalidValue, Multipliers, catalogue, scale
from effsearch.search_spaces.rounding import expanded, round_filters, round_repeats, strided

B0 = catalogue.load("b0")
# efficientnet_builder.py: width, depth, resolution, dropout
OFFICIAL = {
    "b0": (1.0, 1.0, 224, 0.2),
    "b1": (1.0, 1.1, 240, 0.2),
    "b2": (1.1, 1.2, 260, 0.3),
    "b3": (1.2, 1.4, 300, 0.3),
    "b4": (1.4, 1.8, 380, 0.4),
    "b5": (1.6, 2.2, 456, 0.4),
    "b6": (1.8, 2.6, 528, 0.5),
    "b7": (2.0, 3.1, 600, 0.5),
}


def official_round_filters(filters, width_coefficient, depth_divisor=8, min_depth=None):
    """round_filters of tensorflow/tpu models/official/efficientnet/efficientnet_model.py, line by line."""
    multiplier = width_coefficient
    divisor = depth_divisor
    min_depth = min_depth
    if not multiplier:
        return filters
    filters *= multiplier
    min_depth = min_depth or divisor
    new_filters = max(min_depth, int(filters + divisor / 2) // divisor * divisor)
    if new_filters < 0.9 * filters:
        new_filters += divisor
    return int(new_filters)


@given(st.integers(1, 5000), st.floats(0.01, 8))
def test_filters_are_rounded_as_in_the_official_code(channels, width):
    assert round_filters(channels * width) == official_round_filters(channels, width)


@given(st.floats(0.1, 1000), st.integers(1, 64))
def test_filters_are_rounded_as_in_the_official_code_to_any_multiple(channels, multiple):
    assert round_filters(channels, multiple) == official_round_filters(channels, 1.0, multiple)


@given(st.floats(1, 1e5))
def test_rounded_filters_are_near_and_never_10_percent_below(channels):
    rounded = round_filters(channels)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * channels
    assert rounded == 8 or abs(rounded - channels) <= 4 or rounded - 8 < 0.9 * channels


def test_repeats_are_rounded_up_by_their_decimal_value():
    """1.1 * 10 is 11.000000000000002 in binary, yet 11 layers were asked for."""
    assert round_repeats(1.1 * 10) == 11
    for hundredths in range(1, 500):
        for repeats in range(1, 20):
            exact = math.ceil(Fraction(hundredths, 100) * repeats)
            assert round_repeats(hundredths / 100 * repeats) == exact


def test_a_stage_keeps_one_layer():
    assert round_repeats(0.01) == 1
    assert round_repeats(1.001) == 2


@given(st.integers(1, 512), st.integers(1, 4096))
def test_a_hidden_width_that_was_written_as_a_factor_comes_back(channels, hidden):
    assert expanded(channels, hidden / channels) == hidden


@given(st.integers(1, 512), st.floats(0.1, 8))
def test_other_hidden_widths_are_multiples_of_8(channels, factor):
    assume(abs(channels * factor - round(channels * factor)) > 1e-3)
    assert expanded(channels, factor) == official_round_filters(channels, factor)


@given(st.integers(1, 10_000), st.integers(1, 4))
def test_strides_round_the_size_up(size, stride):
    assert strided(size, stride) == math.ceil(Fraction(size, stride))


@pytest.mark.parametrize("name", OFFICIAL)
def test_b0_scaled_by_the_official_table_is_the_catalogues_network(name):
    width, depth, resolution, dropout = OFFICIAL[name]
    multipliers = Multipliers(depth, width, resolution / 224)
    scaled = replace(scale(B0, multipliers, resolution_multiple=4), dropout=dropout)  # 260 is no multiple of 8
    assert scaled.key == catalogue.load(name).key


# arXiv 1905.11946 table 1 and the official rounding: expand, kernel, stride, channels, repeats
TABLE_1 = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
]


@pytest.mark.parametrize("name", OFFICIAL)
def test_scaled_stages_by_a_second_computation(name):
    width, depth, *_ = OFFICIAL[name]
    scaled = scale(B0, Multipliers(depth, width))
    assert [(s.expand, s.kernel, s.stride, s.channels, s.repeats) for s in scaled.stages] == [
        (*row, official_round_filters(channels, width), math.ceil(Fraction(str(depth)) * repeats))
        for *row, channels, repeats in TABLE_1
    ]
    assert scaled.stem.channels == official_round_filters(32, width)
    assert scaled.head.channels == official_round_filters(1280, width)
    assert scaled.resolution == 224


def test_scaling_gives_a_new_value():
    before = copy.deepcopy(B0)
    scaled = scale(B0, Coefficients().at(1))
    assert scaled is not B0
    assert scaled != B0
    assert before == B0


@pytest.mark.parametrize("name", [*OFFICIAL, "mobilenet-v2"])
def test_scaling_by_1_changes_nothing_but_the_name(name):
    network = catalogue.load(name)
    assert scale(network, Multipliers(), name=network.name) == network
    assert scale(network, Multipliers()).key == network.key


def test_scaling_by_1_keeps_widths_that_are_no_multiple_of_8():
    odd = replace(B0, stem=replace(B0.stem, channels=33), head=Head(1001, 77), resolution=225)
    assert scale(odd, Multipliers()).key == odd.key


def test_phi_0_is_the_base_network():
    assert Coefficients(1.27, 1.11, 1.13).at(0) == Multipliers(1, 1, 1)
    assert scale(B0, Coefficients().at(0)).key == B0.key


@pytest.mark.parametrize(("channels", "hidden"), [(0, 0), (0, 100), (100, 0)])
def test_a_head_keeps_its_layout(channels, hidden):
    scaled = scale(replace(B0, head=Head(channels, hidden)), Multipliers(width=1.5)).head
    assert scaled.channels == (152 if channels else 0)  # 150, to a multiple of 8
    assert scaled.hidden == (152 if hidden else 0)


@given(st.floats(0.05, 20), st.sampled_from([1, 4, 8, 16, 32]))
def test_the_resolution_is_the_nearest_multiple(factor, multiple):
    assume(factor != 1)
    resolution = scale(B0, Multipliers(resolution=factor), resolution_multiple=multiple).resolution
    assert resolution % multiple == 0
    assert resolution > 0
    assert resolution == multiple or abs(resolution - 224 * factor) <= multiple / 2 + 1e-9


def test_everything_else_is_kept():
    base = replace(B0, input_channels=1, classes=7, dropout=0.3, drop_path=0.1)
    scaled = scale(base, Multipliers(2, 1.5, 1.2), name="larger")
    assert (scaled.name, scaled.input_channels, scaled.classes) == ("larger", 1, 7)
    assert (scaled.dropout, scaled.drop_path) == (0.3, 0.1)
    for stage, larger in zip(base.stages, scaled.stages, strict=True):
        assert replace(larger, channels=stage.channels, repeats=stage.repeats) == stage


def test_a_scaled_network_is_named_after_its_base_and_factors():
    assert scale(B0, Multipliers(1.2, 1.1, 1.15)).name == "efficientnet-b0-d1.2-w1.1-r1.15"
    assert len(scale(replace(B0, name="x" * 200), Multipliers(2)).name) == 200


def test_the_published_triple_multiplies_the_mult_adds_by_1_9203():
    assert round(Coefficients(1.2, 1.1, 1.15).flops_factor, 4) == 1.9203
    assert Coefficients() == Coefficients(1.2, 1.1, 1.15)


@given(st.floats(1, 2), st.floats(1, 2), st.floats(1, 2), st.floats(0, 6))
def test_each_unit_of_phi_multiplies_the_mult_adds_by_the_factor(alpha, beta, gamma, phi):
    coefficients = Coefficients(alpha, beta, gamma)
    multipliers = coefficients.at(phi)
    logarithms = math.log(alpha), math.log(beta), math.log(gamma)
    found = math.log(multipliers.depth), math.log(multipliers.width), math.log(multipliers.resolution)
    assert found == pytest.approx([phi * logarithm for logarithm in logarithms], abs=1e-9)
    assert multipliers.flops_factor == pytest.approx(coefficients.flops_factor**phi, rel=1e-9)


def test_phi_1_from_b0_is_b2_but_for_the_official_resolution():
    scaled = scale(B0, Coefficients(1.2, 1.1, 1.15).at(1))
    b2 = catalogue.load("b2")
    assert (scaled.stem, scaled.stages, scaled.head) == (b2.stem, b2.stages, b2.head)
    assert scaled.resolution == 256  # 224 * 1.15 = 257.6


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "1", None, True, 1e9])
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *[(Multipliers, field) for field in ("depth", "width", "resolution")],
        *[(Coefficients, field) for field in ("alpha", "beta", "gamma")],
    ],
)
def test_factors_that_are_no_positive_numbers_are_refused(kind, field, value):
    with pytest.raises(InvalidValue, match=rf"{field} is .*; it must be a number from 0\.\d+ to \d+") as raised:
        kind(**{field: value})
    assert repr(value) in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "fields", "low", "high"),
    [(Multipliers, ("depth", "width", "resolution"), 0.01, 100), (Coefficients, ("alpha", "beta", "gamma"), 0.1, 10)],
)
def test_factors_have_limits(kind, fields, low, high):
    for field in fields:
        for value in (low, high):
            assert getattr(kind(**{field: value}), field) == value
        for value in (math.nextafter(low, 0), math.nextafter(high, 1000)):
            with pytest.raises(InvalidValue, match=f"{field} is .* from {low} to {high}"):
                kind(**{field: value})


@pytest.mark.parametrize("phi", [100, 1e6, -1e6, math.nan, math.inf])
def test_a_phi_without_a_network_is_refused(phi):
    with pytest.raises(InvalidValue):
        Coefficients().at(phi)


@pytest.mark.parametrize("multiple", [0, -8, 8.0, True, "8", 10_000])
def test_a_wrong_resolution_multiple_is_refused(multiple):
    with pytest.raises(InvalidValue, match=r"resolution_multiple is .*whole number from 1 to 1024"):
        scale(B0, Multipliers(), resolution_multiple=multiple)


def test_a_network_that_would_be_too_large_is_refused():
    with pytest.raises(InvalidValue, match=r"resolution is 22400; .* 8192"):
        scale(B0, Multipliers(resolution=100))
