"""Designs of scaling studies: what is trained, in which order, and what the networks have become."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.grid_search import designs
from effsearch.grid_search.shares import coefficients_of, in_growths, multipliers_of, realised
from effsearch.grid_search.study_networks import network_of
from effsearch.records.errors import UserError
from effsearch.search_spaces import Multipliers, catalogue, scale
from effsearch.search_spaces.checks import InvalidValue
from effsearch.search_spaces.cost import cost

factors = st.floats(1.2, 8)
phis = st.floats(0.25, 4)


@settings(max_examples=20, deadline=None)
@given(factors, phis, st.sampled_from([{}, {"alpha": 1.0}, {"beta": 1.0}, {"gamma": 1.0}]), st.integers(2, 6))
def test_every_point_spends_the_growth_and_every_seed_trains_every_point(factor, phi, fixed, step):
    design = designs.simplex(factor, phi, fixed=fixed, step=step, seeds=2)
    growth = factor**phi
    for point in design.points:
        depth, width, resolution = point.multipliers
        assert depth * width**2 * resolution**2 == pytest.approx(1 if point.is_base else growth)
        assert sum(point.shares) == pytest.approx(0 if point.is_base else 1)
        assert min(point.shares) >= 0
    seen = [(point.name, seed) for point, seed in design.runs]
    assert sorted(seen) == sorted((point.name, seed) for point in design.points for seed in range(2))
    assert len(set(seen)) == len(seen)
    assert [seed for _, seed in design.runs] == sorted(seed for _, seed in design.runs)


@settings(max_examples=20, deadline=None)
@given(factors, phis)
def test_the_lattice_is_15_points_with_the_corners_and_the_fixed_one_5(factor, phi):
    growth = factor**phi
    design = designs.simplex(factor, phi)
    assert len(design.points) == 17
    triples = [point.multipliers for point in design.points]
    for corner in ((growth, 1, 1), (1, math.sqrt(growth), 1), (1, 1, math.sqrt(growth)), (1, 1, 1)):
        assert any(np.allclose(triple, corner) for triple in triples)
    line = designs.simplex(factor, phi, fixed={"gamma": 1.0})
    assert len(line.points) == 6
    assert {point.multipliers[2] for point in line.points} == {1.0}


@settings(max_examples=20, deadline=None)
@given(st.floats(1.0, 1.3))
def test_a_fixed_coefficient_is_every_networks(alpha):
    design = designs.simplex(2, 2, fixed={"alpha": alpha}, base=False)
    for point in design.points:
        found = coefficients_of(np.array([point.shares]), design.growth, design.phi)[0]
        assert found[0] == pytest.approx(alpha)
        assert found[0] * found[1] ** 2 * found[2] ** 2 == pytest.approx(2)
    assert design.lattice()[:, 0] == pytest.approx(2 * math.log(alpha) / math.log(4))


def test_the_first_points_are_the_centre_the_base_and_the_corners():
    names = [point.name for point in designs.simplex().points]
    assert names[:2] == ["centre", "base"]
    assert set(names[2:5]) == {"d100-w0-r0", "d0-w100-r0", "d0-w0-r100"}


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3), factors)
def test_multipliers_come_back_as_shares(parts, growth):
    shares = np.array([parts]) / sum(parts)
    assert in_growths(multipliers_of(shares, growth), growth) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("fixed", "words"),
    [
        ({"gama": 1.0}, "'gama' cannot be fixed; allowed: alpha, beta, gamma"),
        ({"alpha": 1.0, "beta": 1.0}, "alpha=1, beta=1 leave one dimension"),
        ({"alpha": 2.0}, "alpha = 2 takes all of the growth 2"),
        ({"gamma": 1.5}, "gamma = 1.5 takes all of the growth 2"),
    ],
)
def test_designs_that_compare_nothing_are_refused(fixed, words):
    with pytest.raises(UserError, match=words):
        designs.simplex(2, fixed=fixed)


@pytest.mark.parametrize("wrong", [{"factor": 1.0}, {"step": 1}, {"seeds": 0}, {"phi": 0}, {"fixed": {"beta": 0.5}}])
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong.get("fixed", wrong)))):
        designs.simplex(**wrong)


def test_what_a_network_has_become_is_read_off_it(b0):
    same = realised(b0, b0, 2.0)
    assert same.multipliers == (1.0, 1.0, 1.0)
    assert same.ln_flops_ratio == pytest.approx(-math.log(2))
    larger = realised(b0, replace(b0, resolution=258), 1.0)
    assert larger.multipliers == (1.0, 1.0, 258 / 224)
    assert larger.ln_flops_ratio == pytest.approx(math.log(cost(replace(b0, resolution=258)).mult_adds / 385_814_752))
    deeper = scale(b0, Multipliers(depth=2.0))
    assert realised(b0, deeper, 2.0).multipliers[0] == 2.0
    # twice all channels is exactly width 2, however they are weighted
    assert realised(b0, scale(b0, Multipliers(width=2.0)), 4.0).multipliers[1] == pytest.approx(2.0)


def test_the_width_is_weighted_with_mult_adds(b0):
    """The head has a quarter of B0's parameters, and 5 % of its mult-adds."""
    wide = replace(b0, head=replace(b0.head, channels=2560))
    width = realised(b0, wide, 1.0).multipliers[1]
    head = 1280 * 320 * 49 + 1000 * 1280
    assert math.log(width) == pytest.approx(math.log(2) * head / 385_814_752)


@pytest.mark.slow
@pytest.mark.parametrize("base", ["b0", "mobilenet-v2"])
@pytest.mark.parametrize(
    ("factor", "fixed"), [(2.0, {}), (4.0, {}), (2.0, {"gamma": 1.0}), (2.0, {"gamma": 1.1}), (3.0, {"beta": 1.0})]
)
def test_networks_cost_the_budget_within_3_percent(base, factor, fixed):
    base = catalogue.load(base)
    design = designs.simplex(factor, fixed=fixed)
    for point in design.points:
        network = network_of(base, design, point)
        wanted = cost(base).mult_adds * (1 if point.is_base else factor)
        assert cost(network).mult_adds == pytest.approx(wanted, rel=0.03), point.name
        if "gamma" in fixed and not point.is_base:
            assert network.resolution == round(224 * fixed["gamma"])


def test_the_networks_of_a_design_differ_and_go_where_they_should(b0):
    design = designs.simplex(2.0)
    networks = {point.name: network_of(b0, design, point) for point in design.points}
    assert networks["base"] == b0
    assert len({network.key for network in networks.values()}) == 17
    for point in design.points:
        if max(point.shares) == 1:
            found = in_growths(np.array([realised(b0, networks[point.name], 2.0).multipliers]), 2.0)[0]
            assert found.argmax() == np.argmax(point.shares)
            assert found.max() > 0.85
