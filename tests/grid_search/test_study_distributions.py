"""The F and chi-squared distributions against scipy."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from effsearch.grid_search.f_distribution import chi2_quantile, f_quantile, f_tail, incomplete_beta

degrees = st.integers(1, 500)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 0.999), st.floats(0.5, 300), st.floats(0.5, 300))
def test_the_incomplete_beta_function_is_that_of_scipy(x, a, b):
    assert incomplete_beta(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 100), degrees, degrees)
def test_the_tail_is_that_of_scipy(value, above, below):
    assert f_tail(value, above, below) == pytest.approx(stats.f.sf(value, above, below), rel=1e-8, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 0.999), degrees, degrees)
def test_quantiles_are_those_of_scipy(probability, above, below):
    assert f_quantile(probability, above, below) == pytest.approx(stats.f.ppf(probability, above, below), rel=1e-7)


@pytest.mark.parametrize("number", [1, 2, 3, 7, 40])
def test_chi_squared_is_that_of_scipy(number):
    assert chi2_quantile(0.9, number) == pytest.approx(stats.chi2.ppf(0.9, number), rel=1e-5)
