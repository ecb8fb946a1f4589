"""The response surface of a study: against least squares written out, and on truths that are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from effsearch.evaluators import Evaluation
from effsearch.grid_search import designs
from effsearch.grid_search import law as laws
from effsearch.grid_search.observations import Observation
from effsearch.grid_search.regression import Noise, Rows, estimate_noise, solve
from effsearch.grid_search.surface import fit_surface
from effsearch.grid_search.terms import Additive, Quadratic, law_gains, saturation
from effsearch.records.errors import UserError
from effsearch.search_spaces.checks import InvalidValue

EVERY = [(form, prior) for form in ("quadratic", "additive") for prior in ("none", "law")]
LOWEST = np.array([0.25, 0.5, 0.25])


def bowl(shares):
    """Error of a quadratic truth that is lowest at LOWEST."""
    return 20 + 3 * np.square(np.asarray(shares) - LOWEST).sum(axis=-1)


def law_error(multipliers):
    return float(laws.load().errors(np.array([multipliers]))[0])


def trained(design, error=None, sigma=0.0, seed=0, seed_effect=0.0, own=0.0):
    """An observation of every run; `error` of the point, the law where there is none."""
    rng = np.random.default_rng(seed)
    deviations = {point.name: own * rng.standard_normal() for point in design.points}
    return [
        Observation(
            point.name,
            number,
            point.multipliers,
            (law_error(point.multipliers) if error is None else float(error(point.shares)))
            + deviations[point.name]
            + seed_effect * number
            + sigma * rng.standard_normal(),
        )
        for point, number in design.runs
    ]


@pytest.fixture(scope="module")
def design():
    return designs.simplex(2.0, base=False)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_without_a_prior_it_is_weighted_least_squares(seed, weighted):
    rng = np.random.default_rng(seed)
    points, seeds = np.repeat(np.arange(9), 3), np.tile(np.arange(3), 9)
    terms = np.column_stack([np.ones(27), rng.normal(size=(9, 3))[points]])
    weights = rng.uniform(0.5, 2, 27) if weighted else np.ones(27)
    rows = Rows(rng.normal(size=27), points, seeds, weights)
    # a column for each seed instead of the constant spans the same; the slopes must agree
    plain = np.column_stack([terms[:, 1:], seeds[:, None] == np.arange(3)]) * np.sqrt(weights)[:, None]
    values = rows.values * np.sqrt(weights)
    expected, squares, *_ = np.linalg.lstsq(plain, values, rcond=None)
    sigma = math.sqrt(squares[0] / (27 - 6))
    found = solve(rows, terms, Noise(sigma, 0.0, 21, None), np.zeros(4), np.zeros((4, 4)))
    assert found.mean[1:4] == pytest.approx(expected[:3])
    covariance = sigma**2 * np.linalg.inv(plain.T @ plain)[:3, :3]
    assert found.covariance[1:4, 1:4] == pytest.approx(covariance)
    effects = np.array([*found.mean[4:], -found.mean[4:].sum()])
    assert found.mean[0] + effects == pytest.approx(expected[3:])


def test_a_prior_is_one_more_measurement():
    rng = np.random.default_rng(1)
    terms = np.column_stack([np.ones(8), rng.normal(size=8)])
    rows = Rows(rng.normal(size=8), list(range(8)), [0] * 8, np.ones(8))
    found = solve(rows, terms, Noise(0.5, 0.0, 6, None), np.array([0.0, 3.0]), np.diag([0.0, 1 / 0.2**2]))
    more = np.vstack([terms / 0.5, [0, 1 / 0.2]])
    expected = np.linalg.lstsq(more, np.append(rows.values / 0.5, 3.0 / 0.2), rcond=None)[0]
    assert found.mean == pytest.approx(expected)


def test_the_evidence_is_the_density_of_the_results():
    """Up to a constant of the rows: by scipy's normal density, with the prior's part of the covariance added."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=6)
    rows = Rows(values, list(range(6)), [0] * 6, np.ones(6))
    logs, densities = [], []
    for width in (0.3, 1.0, 4.0):
        terms = rng.normal(size=(6, 2))
        mean, covariance = np.array([0.5, -0.2]), width**2 * np.eye(2)
        found = solve(rows, terms, Noise(0.7, 0.0, 4, None), mean, np.linalg.inv(covariance))
        logs.append(found.evidence)
        whole = 0.7**2 * np.eye(6) + terms @ covariance @ terms.T
        densities.append(stats.multivariate_normal(terms @ mean, whole).logpdf(values))
    assert np.diff(logs) == pytest.approx(np.diff(densities))


@pytest.mark.parametrize("own", [0.0, 1.0])
def test_the_lack_of_fit_is_the_f_test_of_the_textbook(own):
    """Balanced, so the sums of squares can be written out: replicates about points and seeds, points about the line."""
    rng = np.random.default_rng(3)
    points, seeds = np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)
    x = np.linspace(-1, 1, 6)
    table = 2 * x[:, None] + own * rng.standard_normal((6, 1)) + 0.3 * rng.standard_normal((6, 4))
    noise = estimate_noise(Rows(table.ravel(), points, seeds, np.ones(24)), np.column_stack([np.ones(24), x[points]]))
    centred = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    within = (centred**2).sum() / 15
    means = table.mean(axis=1)
    about = means - np.polyval(np.polyfit(x, means, 1), x)
    between = 4 * (about**2).sum() / 4
    assert noise.check.degrees == (4, 15)
    assert noise.check.f == pytest.approx(between / within)
    assert noise.check.p == pytest.approx(stats.f.sf(between / within, 4, 15))
    if own:
        assert (noise.sigma, noise.degrees) == (pytest.approx(math.sqrt(within)), 4)
        assert noise.own == pytest.approx(math.sqrt((between - within) / 4))
    else:
        assert noise.own == 0
        assert noise.sigma == pytest.approx(math.sqrt((4 * between + 15 * within) / 19))


@pytest.mark.parametrize("dimension", range(3))
def test_the_additive_form_is_the_law_on_the_simplex(dimension):
    x = np.random.default_rng(0).uniform(-0.1, 1.2, (20, 3))
    law = laws.load()
    exponent = law.coefficients[4]
    multipliers = 3.0 ** (x / [1, 2, 2])
    form = Additive(3.0, (0, 1, 2), exponent * math.log(3))
    base = law.errors(np.ones((1, 3)))[0]
    assert form.columns(x) @ [base, *law_gains(3.0)] == pytest.approx(law.errors(multipliers))
    corner = np.ones(3)
    corner[dimension] = 3.0 ** (1 / (1 if dimension == 0 else 2))
    assert law_gains(3.0)[dimension] == pytest.approx(base - law_error(corner))
    assert saturation(np.array([0.0, 1.0]), 1.3) == pytest.approx([0, 1])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_the_quadratic_form_holds_every_second_order_polynomial_of_the_shares(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(3), 40)
    matrix, slope = rng.normal(size=(3, 3)), rng.normal(size=3)
    values = np.einsum("ni,ij,nj->n", shares, matrix, shares) + shares @ slope
    columns = Quadratic(2.0, (0, 1, 2)).columns(shares)
    found = np.linalg.lstsq(columns, values, rcond=None)[0]
    assert columns @ found == pytest.approx(values)


@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_the_laws_own_optimum_is_found_where_nothing_scatters(design, form, prior):
    surface = fit_surface(design, trained(design, sigma=1e-4), form=form, prior=prior)
    exact = np.log([1.266, 1.107, 1.135]) * [1, 2, 2] / math.log(2)
    assert surface.best == pytest.approx(exact, abs=0.06)
    lattice = design.lattice()
    truth = laws.load().errors(2.0 ** (lattice / [1, 2, 2]))
    assert surface.predict(lattice) == pytest.approx(truth, abs=0.03)


@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_an_optimum_elsewhere_is_found_in_spite_of_the_prior(design, form, prior):
    surface = fit_surface(design, trained(design, bowl, sigma=0.02), form=form, prior=prior)
    assert bowl(surface.best) - 20 < 0.03
    assert surface.sampled(design.lattice()).mean(axis=0) == pytest.approx(surface.predict(design.lattice()), abs=0.02)


@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_what_a_seed_does_to_all_networks_is_taken_off(design, form, prior):
    plain = fit_surface(design, trained(design, bowl, 0.1), form=form, prior=prior)
    shifted = fit_surface(design, trained(design, bowl, 0.1, seed_effect=0.7), form=form, prior=prior)
    lattice = design.lattice(6)
    # the prior's scale is that of the mean error, which moves too
    assert np.diff(shifted.predict(lattice)) == pytest.approx(np.diff(plain.predict(lattice)), abs=0.01)
    assert shifted.seed_effects[2] - shifted.seed_effects[0] == pytest.approx(
        plain.seed_effects[2] - plain.seed_effects[0] + 1.4
    )
    assert sum(shifted.seed_effects.values()) == pytest.approx(0)
    assert shifted.residual_std == pytest.approx(plain.residual_std, rel=0.01)


def test_the_order_of_the_results_does_not_matter_and_equal_results_give_equal_draws(design):
    results = trained(design, bowl, 0.2)
    one, two = (fit_surface(design, rows) for rows in (results, results[::-1]))
    lattice = design.lattice(6)
    assert one.predict(lattice) == pytest.approx(two.predict(lattice))
    assert np.array_equal(one.sampled(lattice), fit_surface(design, results).sampled(lattice))
    assert not np.array_equal(one.sampled(lattice), fit_surface(design, results, seed=1).sampled(lattice))


def test_the_noise_of_a_run_is_found(design):
    many = designs.simplex(2.0, seeds=20, base=False)
    noise = fit_surface(many, trained(many, bowl, 0.4, seed_effect=0.2), form="quadratic", prior="none").noise
    assert noise.sigma == pytest.approx(0.4, rel=0.1)


def test_networks_that_deviate_by_themselves_widen_the_intervals(design):
    lattice = design.lattice(6)
    plain, own = (fit_surface(design, trained(design, bowl, 0.1, own=size)) for size in (0.0, 0.5))
    assert own.lack_of_fit.p < 0.001
    assert 0.2 < own.noise.own < 0.9
    assert own.sampled(lattice).std(axis=0).min() > 2 * plain.sampled(lattice).std(axis=0).max()


def test_the_base_anchors_the_additive_form_only():
    design = designs.simplex(2.0)
    results = trained(design, sigma=0.1)
    assert fit_surface(design, results, form="additive").results == 51
    assert fit_surface(design, results, form="quadratic").results == 48


@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_a_study_that_is_not_complete_can_be_fitted(form, prior):
    """Runs lost at random, and one that was stopped in its second block."""
    design = designs.simplex(2.0)
    results = trained(design, bowl, 0.05)
    rng = np.random.default_rng(0)
    some = [one for one in results if rng.random() < 0.7]
    assert bowl(fit_surface(design, some, form=form, prior=prior).best) < 20.2
    stopped = results[:26]
    assert bowl(fit_surface(design, stopped, form=form, prior=prior).best) < 20.2


@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_one_seed_gives_a_surface_that_cannot_be_checked(design, form, prior):
    one = [run for run in trained(design, bowl, 0.05) if run.seed == 0]
    surface = fit_surface(design, one, form=form, prior=prior)
    assert surface.lack_of_fit is None
    assert surface.noise.degrees >= 8
    assert bowl(surface.best) < 20.2


def test_a_seed_of_one_network_has_no_effect_of_its_own(design):
    results = trained(design, bowl, 0.05)
    surface = fit_surface(design, [*results, replace(results[0], seed=77)])
    assert sorted(surface.seed_effects) == [0, 1, 2]


@pytest.mark.parametrize("fixed", [{"gamma": 1.0}, {"alpha": 1.1}])
@pytest.mark.parametrize(("form", "prior"), EVERY)
def test_with_a_fixed_dimension_the_others_share_the_rest(fixed, form, prior):
    design = designs.simplex(2.0, fixed=fixed, base=False)
    surface = fit_surface(design, trained(design, bowl, 0.01), form=form, prior=prior)
    lattice = design.lattice()
    expected = lattice[int(bowl(lattice).argmin())]
    assert surface.best == pytest.approx(expected, abs=0.08)


def test_budgets_that_were_missed_are_taken_off():
    """By the gap of the realised multipliers: 5 % more or less growth at random is worth 0.15 point here."""
    design = designs.simplex(2.0, base=False)
    rng = np.random.default_rng(0)
    gaps = {point.name: rng.normal(0, 0.05) for point in design.points}
    results = [
        replace(
            one,
            multipliers=tuple(np.power(one.multipliers, 1 + gaps[one.point] / math.log(2))),
            error=one.error - 3.0 * gaps[one.point],
        )
        for one in trained(design, bowl, 0.001)
    ]
    for prior in ("none", "law"):
        surface = fit_surface(design, results, form="quadratic", prior=prior)
        assert surface.predict(design.lattice()) == pytest.approx(bowl(design.lattice()), abs=0.02)


def test_a_known_std_is_a_weight(design):
    """Two seeds agree on the bowl, one is far off and said to be."""
    results = [
        replace(
            one, std=10.0 if one.seed == 2 else 0.1, error=one.error + (4 * one.multipliers[0] if one.seed == 2 else 0)
        )
        for one in trained(design, bowl, 0.05)
    ]
    assert bowl(fit_surface(design, results, prior="none").best) < 20.02
    plain = [replace(one, std=None) for one in results]
    assert bowl(fit_surface(design, plain, prior="none").best) > 20.05


def test_the_loss_can_be_the_response(design):
    results = [replace(one, loss=one.error / 25, error=50.0) for one in trained(design, bowl, 0.05)]
    surface = fit_surface(design, results, response="loss")
    assert bowl(surface.best) < 20.05
    assert surface.per_point == pytest.approx(np.mean([one.loss for one in results]) / 50)


def test_an_evaluation_becomes_an_observation_unless_it_failed(b0):
    one = Observation.of("base", b0, b0, Evaluation(70.0, 0.2, loss=1.1, seed=3), 2.0)
    assert (one.error, one.std, one.loss, one.seed, one.multipliers) == (30.0, 0.2, 1.1, 3, (1.0, 1.0, 1.0))
    assert one.ln_flops_ratio == pytest.approx(-math.log(2))
    assert Observation.of("base", b0, b0, Evaluation.failed("diverged"), 2.0) is None


@pytest.mark.parametrize(
    ("keep", "options", "words"),
    [
        (lambda one: False, {}, "no training of the study has finished"),
        (
            lambda one: one.point == "centre",
            {"prior": "none"},
            "3 results of 1 network cannot carry a surface of 4 terms",
        ),
        (
            lambda one: one.point in ("centre", "d100-w0-r0", "d0-w100-r0"),
            {"prior": "none"},
            "9 results of 3 networks cannot carry",
        ),
        (lambda one: one.point == "centre" and one.seed == 0, {}, "leave nothing to estimate the noise from"),
        (lambda one: True, {"response": "loss"}, "the loss of .*, seed 0, is None"),
    ],
)
def test_results_that_cannot_carry_a_surface_are_told_in_words(design, keep, options, words):
    with pytest.raises(UserError, match=words):
        fit_surface(design, [one for one in trained(design, bowl, 0.1) if keep(one)], **options)


def test_a_result_that_is_no_number_is_refused(design):
    results = trained(design, bowl, 0.1)
    results[5] = replace(results[5], error=math.nan)
    with pytest.raises(UserError, match=r"seed 0, is nan; a finished run has a finite number"):
        fit_surface(design, results)


@pytest.mark.parametrize("wrong", [{"form": "cubic"}, {"prior": "strong"}, {"response": "speed"}])
def test_unknown_options_are_refused(design, wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        fit_surface(design, trained(design, bowl, 0.1), **wrong)
