"""The grid against a count in whole numbers, and the identities of directions, shares and the simplex."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.grid_search.grid import (
    budget_exponents,
    constrained_grid,
    normalised,
    products,
    shares,
    simplex,
    simplex_shares,
)
from effsearch.search_spaces import InvalidValue

PUBLISHED = (120, 110, 115)  # hundredths


def counted(step: int, tolerance: float, factor: float = 2) -> set[tuple[int, int, int]]:
    """Triples in hundredths, by whole numbers alone: alpha * beta^2 * gamma^2 in units of 1e-10."""
    near, wanted = round(tolerance * 10**10), round(factor * 10**10)
    values = range(100, math.ceil((factor + tolerance) * 100) + 1, step)
    found = set()
    for alpha in values:
        for beta in values:
            if alpha * beta**2 * 100**2 > wanted + near:
                break
            for gamma in values:
                product = alpha * beta**2 * gamma**2
                if product > wanted + near:
                    break
                if product >= wanted - near:
                    found.add((alpha, beta, gamma))
    return found


def hundredths(triples: np.ndarray) -> list[tuple[int, int, int]]:
    assert np.allclose(triples * 100, np.round(triples * 100), atol=1e-9)
    return [tuple(int(one) for one in row) for row in np.round(triples * 100)]


@pytest.mark.parametrize(("step", "tolerance", "count"), [(5, 0.1, 111), (5, 0.05, 55), (1, 0.1, 10_309)])
def test_the_counts_are_those_of_the_constraint(step, tolerance, count):
    expected = counted(step, tolerance)
    assert len(expected) == count  # FACTS.md, section 3
    grid = hundredths(constrained_grid(step / 100, tolerance))
    assert len(grid) == len(expected | {PUBLISHED})


@pytest.mark.parametrize(
    ("step", "tolerance", "factor"),
    [
        (5, 0.02, 2), (5, 0.05, 2), (5, 0.08, 2), (5, 0.1, 2), (5, 0, 2), (10, 0.3, 2), (25, 0.5, 2), (7, 0.1, 2),
        (1, 0.05, 2), (5, 0.1, 3), (5, 0.1, 1.5), (10, 0.2, 4),
    ],
)  # fmt: skip
def test_the_grid_is_every_triple_that_meets_the_constraint_and_the_published_one(step, tolerance, factor):
    grid = hundredths(constrained_grid(step / 100, tolerance, factor))
    assert len(grid) == len(set(grid))
    assert set(grid) == counted(step, tolerance, factor) | {PUBLISHED}
    assert grid.count(PUBLISHED) == 1


def test_the_published_triple_is_within_a_tolerance_of_8_hundredths_and_no_smaller_one():
    assert PUBLISHED in counted(5, 0.08)
    assert PUBLISHED not in counted(5, 0.07)
    assert hundredths(constrained_grid(0.05, 0.07))[-1] == PUBLISHED


@pytest.mark.parametrize(("tolerance", "factor"), [(0.08, 1.05), (1.0, 2.0), (1.5, 2.0)])
def test_no_triple_of_the_grid_is_without_a_direction(tolerance, factor):
    """1, 1, 1 spends nothing more however often it is applied: it cannot be scored at the budget."""
    triples = constrained_grid(0.05, tolerance, factor)
    assert products(triples).min() > 1
    assert np.isfinite(shares(triples)).all()
    depth, width, resolution = normalised(triples, factor).T
    assert depth * width**2 * resolution**2 == pytest.approx(np.full(len(triples), factor))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("step", (0, -0.05, math.nan, math.inf, 1.5, "0.05", True, None)),
        ("tolerance", (-0.1, math.nan, math.inf, 11, "much")),
        ("factor", (1, 0, -2, math.nan, math.inf, 1e9, "2")),
    ],
)
def test_what_is_no_grid_is_refused_by_name_and_value(name, values):
    for value in values:
        with pytest.raises(InvalidValue) as raised:
            constrained_grid(**{name: value})
        assert name in str(raised.value)
        assert repr(value) in str(raised.value)


def test_an_empty_grid_is_refused_with_what_to_change():
    with pytest.raises(InvalidValue, match=r"0\.3.* 0 of 2") as raised:
        constrained_grid(0.3, 0)
    assert "tolerance" in raised.value.hint


@pytest.mark.parametrize(("step", "tolerance", "named"), [(0.001, 0.08, "0.001"), (0.01, 2, "triples")])
def test_a_huge_grid_is_refused_before_it_is_made(step, tolerance, named):
    with pytest.raises(InvalidValue, match=named):
        constrained_grid(step, tolerance)


multipliers = st.floats(1, 3)
directions = st.tuples(multipliers, multipliers, multipliers).filter(lambda one: one[0] * (one[1] * one[2]) ** 2 > 1.01)


@given(directions, st.floats(1.02, 100))
def test_a_direction_is_scored_at_exactly_the_growth_asked_for(direction, growth):
    triples = np.array([direction])
    ((depth, width, resolution),) = normalised(triples, growth)
    assert depth * width**2 * resolution**2 == pytest.approx(growth, rel=1e-9)
    (power,) = budget_exponents(triples, growth)
    assert (direction[0] * (direction[1] * direction[2]) ** 2) ** power == pytest.approx(growth, rel=1e-9)
    assert [depth, width, resolution] == pytest.approx([one**power for one in direction])


@given(directions)
def test_shares_say_where_the_growth_goes_and_add_up_to_one(direction):
    (found,) = shares(np.array([direction]))
    whole = math.log(direction[0] * direction[1] ** 2 * direction[2] ** 2)
    assert found.sum() == pytest.approx(1)
    assert found == pytest.approx(
        [math.log(direction[0]) / whole, 2 * math.log(direction[1]) / whole, 2 * math.log(direction[2]) / whole]
    )


@pytest.mark.parametrize("parts", [1, 4, 24])
def test_the_simplex_has_every_split_of_the_growth_once(parts):
    split = simplex_shares(parts)
    whole = {tuple(row) for row in np.round(split * parts).astype(int).tolist()}
    expected = {(i, j, k) for i in range(parts + 1) for j in range(parts + 1) for k in range(parts + 1)}
    assert whole == {one for one in expected if sum(one) == parts}
    assert len(split) == len(whole)
    assert np.allclose(split * parts, np.round(split * parts))


@pytest.mark.parametrize("growth", [1.5, 2, 8])
def test_the_triples_of_the_simplex_spend_the_growth_in_those_shares(growth):
    triples = simplex(growth)
    assert products(triples) == pytest.approx(np.full(len(triples), growth))
    assert shares(triples) == pytest.approx(simplex_shares(), abs=1e-12)
    corners = {tuple(np.round(row, 9)) for row in triples if (row > 1 + 1e-9).sum() == 1}
    side = round(math.sqrt(growth), 9)
    assert corners == {(growth, 1, 1), (1, side, 1), (1, 1, side)}
