"""The law: its formula written out, its fit and its optimum by scipy, and what it says of the grid."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize

from effsearch.experiments.scaling_law import results
from effsearch.grid_search import law as laws
from effsearch.grid_search.grid import constrained_grid, normalised
from effsearch.search_spaces import InvalidValue, Multipliers

NAMES = ("additive", "separate", "logarithmic", "mobilenet-v2", "resnet-50")
ROWS = np.array([one[1:4] for one in results.EFFICIENTNET])
ERRORS = 100 - np.array([one.top1 for one in results.EFFICIENTNET])
sides = st.floats(0.5, 10)


def fitted(rows: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """c, a, b, e and one exponent by general least squares, all five at once, from several starts."""

    def residuals(x):
        c, a, b, e, p = x
        depth, width, resolution = rows.T
        return c + a * depth**-p + b * width ** (-2 * p) + e * resolution ** (-2 * p) - errors

    starts = [(15, 2, 2, 2, p) for p in (0.5, 1.0, 2.0, 4.0)]
    found = [least_squares(residuals, start, xtol=1e-14, ftol=1e-14, gtol=1e-14) for start in starts]
    return min(found, key=lambda one: one.cost).x


def test_the_laws_that_are_promised_are_there():
    assert set(laws.names()) == set(NAMES)
    for name in NAMES:
        assert laws.load(name).name == name
    assert laws.load().name == "additive"


@pytest.mark.parametrize("name", NAMES)
@given(sides, sides, sides)
def test_the_formula_is_that_of_the_docstring(literal, name, depth, width, resolution):
    law = laws.load(name)
    written = literal(law.coefficients, depth, width, resolution)
    expected = math.exp(written) if name == "logarithmic" else written
    point = np.array([[depth, width, resolution]])
    assert law.errors(point) == pytest.approx([expected], rel=1e-12)
    predicted = law.predict(Multipliers(depth, width, resolution))
    assert predicted.error == pytest.approx(expected, rel=1e-12)
    refits = [literal(one, depth, width, resolution) for one in law.samples]
    refits = [math.exp(one) for one in refits] if name == "logarithmic" else refits
    assert law.sampled_errors(point)[:, 0] == pytest.approx(refits, rel=1e-12)
    mean = sum(refits) / len(refits)
    assert predicted.std == pytest.approx(math.sqrt(sum((one - mean) ** 2 for one in refits) / len(refits)), rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(st.tuples(sides, sides, sides), st.integers(0, 2), st.floats(1.01, 3))
def test_more_of_a_dimension_never_raises_the_error(name, point, dimension, more):
    larger = np.array([point, point])
    larger[1, dimension] *= more
    before, after = laws.load(name).errors(larger)
    assert after < before


@pytest.mark.parametrize("name", NAMES)
def test_the_error_saturates(name):
    law = laws.load(name)
    floor = math.exp(law.coefficients[0]) if law.logarithmic else law.coefficients[0]
    assert law.errors(np.full((1, 3), 100.0)) == pytest.approx([floor], abs=0.01)
    assert 10 < floor < 20
    steps = -np.diff(law.errors(2.0 ** np.arange(5)[:, None] * np.ones(3)))
    assert (np.diff(steps) < 0).all()


def test_the_default_law_fits_its_results_and_scipy_finds_the_same():
    law = laws.load()
    c, a, b, e, p = fitted(ROWS, ERRORS)
    assert law.coefficients == pytest.approx([c, a, b, e, p, p, p], rel=1e-3)
    left = law.errors(ROWS) - ERRORS
    assert math.sqrt((left**2).mean()) < 0.06
    assert law.residual == pytest.approx(math.sqrt((left**2).mean()), rel=1e-3)
    assert law.rows == len(ROWS) == 9


def test_leaving_each_result_out_costs_about_a_tenth_of_a_point(literal):
    differences = []
    for row in range(len(ROWS)):
        rest = np.arange(len(ROWS)) != row
        c, a, b, e, p = fitted(ROWS[rest], ERRORS[rest])
        differences.append(literal((c, a, b, e, p, p, p), *ROWS[row]) - ERRORS[row])
    error = math.sqrt(sum(one**2 for one in differences) / len(differences))
    assert error == pytest.approx(0.11, abs=0.01)
    assert laws.load().leave_one_out == pytest.approx(error, rel=0.02)
    assert laws.load().noise == pytest.approx(error, rel=0.02)


def test_the_optimum_on_the_budget_of_two_is_where_scipy_finds_it(literal):
    """No grid: alpha = 2 / (beta gamma)^2, every one at least 1."""
    coefficients = laws.load().coefficients

    def error(x):
        beta, gamma = np.exp(x)
        return literal(coefficients, 2 / (beta * gamma) ** 2, beta, gamma)

    constraint = {"type": "ineq", "fun": lambda x: math.log(2) - 2 * x.sum()}
    found = minimize(error, (0.1, 0.1), method="SLSQP", bounds=[(0, 0.35)] * 2, constraints=constraint, tol=1e-12)
    beta, gamma = np.exp(found.x)
    assert found.success
    assert [2 / (beta * gamma) ** 2, beta, gamma] == pytest.approx([1.266, 1.107, 1.135], abs=0.01)


@pytest.mark.parametrize(
    ("step", "tolerance", "expected"),
    [
        (0.05, 0.02, (1.25, 1.1, 1.15)), (0.05, 0.05, (1.25, 1.1, 1.15)), (0.05, 0.08, (1.25, 1.1, 1.15)),
        (0.05, 0.1, (1.3, 1.1, 1.15)), (0.01, 0.08, (1.28, 1.11, 1.14)), (0.01, 0.1, (1.28, 1.11, 1.14)),
    ],
)  # fmt: skip
def test_the_best_triple_of_the_grid_is_the_one_of_the_facts(literal, step, tolerance, expected):
    coefficients = laws.load().coefficients
    triples = constrained_grid(step, tolerance)
    assert triples[laws.load().errors(normalised(triples, 2)).argmin()] == pytest.approx(expected)
    if step == 0.05:  # the same point by point, without the package's arrays
        errors = {}
        for alpha, beta, gamma in triples.tolist():
            power = math.log(2) / math.log(alpha * beta**2 * gamma**2)
            errors[alpha, beta, gamma] = literal(coefficients, alpha**power, beta**power, gamma**power)
        assert min(errors, key=errors.__getitem__) == pytest.approx(expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_uncertainty_is_positive_and_larger_far_from_the_results(name):
    law = laws.load(name)
    near = law.predict(Multipliers(23 / 16, 1.1, 260 / 224)).std
    far = [law.predict(Multipliers(*one)).std for one in ((0.3, 0.3, 0.3), (0.5, 1, 0.5), (0.25, 1, 1))]
    assert near > 0
    assert min(far) > 2 * near
    assert len(law.samples) >= 100
    assert np.isfinite(law.samples).all()


@pytest.mark.parametrize(
    ("name", "hint"), [("aditive", "additive"), ("logaritmic", "logarithmic"), ("resnet50", "resnet-50"), ("xyz", None)]
)
def test_an_unknown_law_is_refused_with_the_nearest_one(name, hint):
    with pytest.raises(InvalidValue, match=name) as raised:
        laws.load(name)
    assert "separate" in str(raised.value)  # what there is
    assert (hint in raised.value.hint) if hint else raised.value.hint is None
