"""The family: its members written out by hand, the official table, and phi solved by brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from effsearch.grid_search import LADDER, family, paper
from effsearch.grid_search.scaled_family import dropout, family_table, member, phi_for
from effsearch.models import check_cost
from effsearch.search_spaces import Coefficients, InvalidValue, scale
from effsearch.search_spaces.cost import cost

PUBLISHED = Coefficients(1.2, 1.1, 1.15)
CHANNELS = (32, 16, 24, 40, 80, 112, 192, 320, 1280)  # B0's stem, stages and head
LAYERS = (1, 2, 2, 3, 3, 4, 1)
# FACTS.md, section 2: parameters, mult-adds in millions as printed, resolution, dropout
OFFICIAL = {
    "b0": (5_288_548, "385.8", 224, 0.2), "b1": (7_794_184, "686.8", 240, 0.2), "b2": (9_109_994, "993.6", 260, 0.3),
    "b3": (12_233_232, "1827", 300, 0.3), "b4": (19_341_616, "4394", 380, 0.4), "b5": (30_389_784, "10266", 456, 0.4),
    "b6": (43_040_704, "19068", 528, 0.5), "b7": (66_347_960, "37746", 600, 0.5),
}  # fmt: skip


def official_round_filters(filters: float) -> int:
    """round_filters of the official code with depth_divisor 8."""
    new_filters = max(8, int(filters + 4) // 8 * 8)
    if new_filters < 0.9 * filters:
        new_filters += 8
    return int(new_filters)


def widths(network) -> list[int]:
    return [network.stem.channels, *(stage.channels for stage in network.stages), network.head.channels]


def test_the_ladder_is_the_phi_that_fits_each_official_network():
    assert LADDER == {"b1": 0.5, "b2": 1, "b3": 2, "b4": 3.5, "b5": 5, "b6": 6, "b7": 7}


@pytest.mark.parametrize("coefficients", [PUBLISHED, Coefficients(1.25, 1.1, 1.15), Coefficients(1.0, 1.2, 1.18)])
def test_a_member_is_alpha_beta_gamma_to_the_phi_with_the_official_rounding(b0, coefficients):
    phis = {**LADDER, "tenth": 0.1, "smaller": -1, "smallest": -4}
    for network, (name, phi) in zip(family(b0, coefficients, phis), phis.items(), strict=True):
        assert network.name == name
        depth, width, resolution = coefficients.alpha**phi, coefficients.beta**phi, coefficients.gamma**phi
        assert widths(network) == [official_round_filters(count * width) for count in CHANNELS]
        layers = [max(1, math.ceil(round(count * depth, 9))) for count in LAYERS]
        assert [stage.repeats for stage in network.stages] == layers
        assert network.resolution == math.floor(224 * resolution / 8 + 0.5) * 8
        same = replace(
            network, name=b0.name, stem=b0.stem, head=b0.head, resolution=224, dropout=b0.dropout,
            stages=tuple(
                replace(one, channels=old.channels, repeats=old.repeats)
                for one, old in zip(network.stages, b0.stages, strict=True)
            ),
        )  # fmt: skip
        assert same == b0  # nothing else has changed


def test_phi_zero_is_the_base_but_for_its_name(b0):
    network = member(b0, PUBLISHED, 0, "mine")
    assert network.key == b0.key
    assert replace(network, name=b0.name) == b0


def test_members_grow_with_phi_and_shrink_below_the_base(b0):
    names = {f"p{i}": phi for i, phi in enumerate((-6, -3, -1, 0, 0.5, 1, 2, 5, 7))}
    costs = [cost(network) for network in family(b0, PUBLISHED, names)]
    for part in ("params", "mult_adds"):
        values = [getattr(one, part) for one in costs]
        assert values == sorted(values)
        assert len(set(values)) == len(values)
    assert costs[2].mult_adds < cost(b0).mult_adds == costs[3].mult_adds


def test_the_published_coefficients_at_phi_one_are_b2_but_for_four_pixels(b0):
    """FACTS.md, section 3: at 260 px, 2.57 times B0."""
    network = member(b0, PUBLISHED, 1, "b2")
    assert network.resolution == 256
    assert replace(network, resolution=260, dropout=0.3) == paper()[2]
    assert cost(paper()[2]).mult_adds / cost(b0).mult_adds == pytest.approx(2.57, abs=0.006)


def test_dropout_grows_from_that_of_b0_to_that_of_b7(b0):
    members = family(b0, PUBLISHED)
    rates = [network.dropout for network in members]
    assert rates == sorted(rates)
    assert rates[-1] == 0.5
    assert rates == pytest.approx([0.2 + 0.3 * phi / 7 for phi in LADDER.values()], abs=0.0006)
    for network in members:  # the official ones go in steps of a tenth
        assert network.dropout == pytest.approx(OFFICIAL[network.name][3], abs=0.06)
    assert {network.drop_path for network in members} == {b0.drop_path}


@pytest.mark.parametrize("base", [0.0, 0.2, 0.5, 0.9])
def test_dropout_stays_a_rate(base):
    rates = [dropout(base, phi) for phi in (-6, -1, 0, 3, 12)]
    assert all(0 <= rate <= max(0.6, base) for rate in rates)
    assert rates == sorted(rates)


def test_the_papers_family_is_the_official_table():
    members = paper()
    assert [network.name for network in members] == list(OFFICIAL)
    for network in members:
        params, printed, resolution, rate = OFFICIAL[network.name]
        counted = cost(network)
        assert counted.params == params
        digits = 1 if "." in printed else 0
        assert f"{counted.mult_adds / 1e6:.{digits}f}" == printed
        assert (network.resolution, network.dropout) == (resolution, rate)


def test_the_two_families_part_from_b5_on(b0):
    ours = {network.name: network for network in family(b0, PUBLISHED)}
    for network in paper()[5:]:
        assert sum(one.repeats for one in ours[network.name].stages) > sum(one.repeats for one in network.stages)


def test_the_table_has_the_costs_and_the_official_ones_beside(b0):
    members = (replace(b0, name="b0"), *family(b0, PUBLISHED, {"b2": 1.0, "mine": 1.5}))
    table = family_table(b0, members, (0.0, 1.0, 1.5))
    for network, (_, row) in zip(members, table.iterrows(), strict=True):
        counted = cost(network)
        assert (row["name"], row["params"], row["mult_adds"]) == (network.name, counted.params, counted.mult_adds)
        assert row["flops_ratio"] == pytest.approx(counted.mult_adds / 385_814_752)
        assert row["blocks"] == sum(stage.repeats for stage in network.stages)
    assert table["phi"].tolist() == [0, 1, 1.5]
    assert table["official_params"].tolist()[:2] == [5_288_548, 9_109_994]
    assert table["official_params"].isna().tolist() == [False, False, True]


@pytest.fixture(scope="module")
def every_phi(b0):
    """coefficients -> mult-adds of every phi from -6 to 12 in hundredths."""
    phis = np.arange(-600, 1201) / 100
    found = {}
    for triple in ((1.2, 1.1, 1.15), (1.0, 1.0, 1.3)):
        coefficients = Coefficients(*triple)
        found[triple] = {float(phi): cost(scale(b0, coefficients.at(float(phi)))).mult_adds for phi in phis}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("triple", [(1.2, 1.1, 1.15), (1.0, 1.0, 1.3)])
def test_phi_for_flops_is_the_nearest_of_all(b0, every_phi, triple):
    coefficients, costs = Coefficients(*triple), every_phi[triple]
    targets = (25e6, 100e6, 200e6, 385_814_752, 400e6, 686.8e6, 1e9, 4.4e9, 37.7e9)
    found = []
    for target in targets:
        nearest = min(abs(math.log(one / target)) for one in costs.values())
        if nearest > math.log(1.15):
            with pytest.raises(InvalidValue):
                phi_for(b0, coefficients, target)
            continue
        phi = phi_for(b0, coefficients, target)
        assert abs(math.log(costs[phi] / target)) == pytest.approx(nearest, abs=1e-12)
        found.append(phi)
    assert len(found) >= 8
    assert found == sorted(found)
    assert phi_for(b0, coefficients, 385_814_752) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("target", [1.0, 1e6, 1e15, 1e30])
def test_flops_that_no_phi_reaches_are_refused(b0, target):
    with pytest.raises(InvalidValue, match=r"phi from -6 to 12") as raised:
        phi_for(b0, PUBLISHED, target)
    assert f"{target:.4g}" in str(raised.value)


def test_phi_for_coefficients_that_shrink_the_network_is_found_too(b0):
    """alpha, beta, gamma below 1 are allowed: the cost falls with phi."""
    coefficients = Coefficients(0.9, 0.9, 0.9)
    phi = phi_for(b0, coefficients, 200e6)
    assert cost(scale(b0, coefficients.at(phi))).mult_adds == pytest.approx(200e6, rel=0.15)


@pytest.mark.parametrize("phi", [math.nan, math.inf, -7, 13, "1"])
def test_a_phi_of_no_network_is_refused_by_value(b0, phi):
    with pytest.raises(InvalidValue, match=r"phi is .*-6 to 12") as raised:
        family(b0, PUBLISHED, {"x": phi})
    assert repr(phi) in str(raised.value)


def test_a_phi_that_makes_too_large_a_network_is_refused(b0):
    with pytest.raises(InvalidValue):
        family(b0, Coefficients(3.0, 2.0, 2.0), {"x": 12})


@pytest.mark.slow
def test_every_member_builds_and_costs_what_is_computed(b0):
    """On the device "meta", counted by torch."""
    for network in family(b0, Coefficients(1.25, 1.1, 1.15), {**LADDER, "small": -3}):
        measured, computed = check_cost(network), cost(network)
        assert (measured.params, measured.torch_mult_adds) == (computed.params, computed.mult_adds)


@pytest.mark.slow
def test_two_members_cost_what_fvcore_counts(b0):
    for network in family(b0, PUBLISHED, {"b1": 0.5, "b2": 1.0}):
        assert check_cost(network, fvcore=True).fvcore_mult_adds == cost(network).mult_adds
