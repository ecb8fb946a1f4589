"""What a study says of its results, and what a design promises before there are any."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from effsearch.grid_search import designs
from effsearch.grid_search import law as laws
from effsearch.grid_search.observations import Observation
from effsearch.grid_search.pilot import pilot_noise, pilot_runs
from effsearch.grid_search.power import assess
from effsearch.grid_search.study_verdict import recommended_row, study_result
from effsearch.grid_search.surface import fit_surface
from effsearch.records.errors import UserError
from effsearch.search_spaces.checks import InvalidValue


def trained(design, sigma, slope=(0.0, 0.0, 0.0), seed=0):
    """By the law, and `slope` points more for each share."""
    rng = np.random.default_rng(seed)
    return [
        Observation(
            point.name,
            number,
            point.multipliers,
            float(laws.load().errors(np.array([point.multipliers]))[0])
            + float(np.dot(slope, point.shares))
            + sigma * rng.standard_normal(),
        )
        for point, number in design.runs
    ]


def verdict(design, results, parts=8, **options):
    return study_result(fit_surface(design, results, **options), parts=parts)


@pytest.fixture(scope="module")
def design():
    return designs.simplex(2.0)


def test_a_quiet_study_finds_the_law_and_the_published_triple_near_the_best(design):
    found = verdict(design, trained(design, 0.02), parts=12)
    assert (found.best.alpha, found.best.beta, found.best.gamma) == pytest.approx((1.266, 1.107, 1.135), abs=0.05)
    assert [one.name for one in found.known] == ["published", "equal shares"]
    assert found.known[0].triple == pytest.approx(
        np.array([1.2, 1.1, 1.15]) ** (math.log(2) / math.log(1.9203)), rel=1e-4
    )
    assert all(one.near > 0.95 and one.loss < 0.05 for one in found.known)
    assert 0 < len(found.confidence_set) < 0.2 * len(found.lattice)
    assert "within 0.1 point of the best with probability 1.00" in found.conclusion
    for alpha, beta, gamma in found.confidence_set:
        assert alpha * beta**2 * gamma**2 == pytest.approx(2)


def test_the_published_triple_is_called_bad_where_it_is(design):
    """2 points more error for all of the growth in resolution, and 2 less for all in depth."""
    found = verdict(design, trained(design, 0.05, slope=(-2.0, 0.0, 2.0)))
    published = found.known[0]
    assert published.near < 0.01
    assert not published.in_set
    assert 0.2 < published.loss < published.loss_at_most
    assert found.best.gamma < 1.05


def test_where_nothing_can_be_told_the_set_is_everything_and_says_so(design):
    flat = [replace(one, error=20.0) for one in trained(design, 0.0)]
    found = verdict(design, flat, prior="none")
    assert found.flat
    assert "every triple may be the best" in found.conclusion
    noisy = verdict(design, trained(design, 30.0), prior="none")
    assert noisy.flat
    assert noisy.loss_at_most > 3


def test_the_recommended_one_is_a_cheap_member_of_the_set(design):
    found = verdict(design, trained(design, 0.2))
    rows = np.array([found.recommended.alpha, found.recommended.beta, found.recommended.gamma])
    triples = np.array(found.confidence_set)
    assert np.isclose(triples, rows).all(axis=1).any()
    assert rows[0] * rows[1] * rows[2] ** 2 <= found.best.alpha * found.best.beta * found.best.gamma**2 + 1e-9
    assert found.loss_at_most >= 0.05


def test_cheapest_is_by_activations_and_only_among_the_likely():
    in_set = np.array([True, True, True, False])
    near = np.array([0.80, 0.75, 0.30, 0.80])
    assert recommended_row(in_set, near, 0, np.array([1.5, 1.4, 1.2, 1.0])) == 1
    assert recommended_row(in_set, near, 0, np.array([1.3, 1.4, 1.2, 1.0])) == 0
    assert recommended_row(np.full(4, True), near, 2, np.array([1.3, 1.4, 1.2, 1.0])) == 2


def test_known_triples_are_left_out_where_a_dimension_is_fixed():
    design = designs.simplex(2.0, fixed={"gamma": 1.0}, base=False)
    found = verdict(design, trained(design, 0.05))
    assert found.known == ()
    assert found.best.gamma == found.recommended.gamma == 1.0
    assert {round(one[2], 9) for one in found.confidence_set} == {1.0}


def test_coefficients_are_those_of_one_step_whatever_phi_the_study_was_at():
    design = designs.simplex(2.0, 2.0)
    found = verdict(design, trained(design, 0.02))
    assert found.best.flops_factor == pytest.approx(2.0)


def test_a_study_without_replicates_says_that_it_is_not_checked(design):
    found = verdict(design, [one for one in trained(design, 0.1) if one.seed == 0])
    assert "Without seeds that differ the surface cannot be checked." in found.conclusion


def test_a_lack_of_fit_is_said(design):
    odd = [replace(one, error=one.error + 2 * (one.point == "d50-w50-r0")) for one in trained(design, 0.1)]
    assert "The networks scatter about the surface more than seeds do (F = " in verdict(design, odd).conclusion


def test_equal_results_give_an_equal_verdict(design):
    one, two = (verdict(design, trained(design, 0.2)) for _ in range(2))
    assert one.conclusion == two.conclusion
    assert np.array_equal(one.in_set, two.in_set)


def test_a_loss_says_the_same_in_points_of_error(design):
    results = [replace(one, loss=one.error / 20) for one in trained(design, 0.1)]
    by_error, by_loss = (verdict(design, results, response=name) for name in ("error", "loss"))
    assert by_loss.known[0].loss == pytest.approx(by_error.known[0].loss, rel=1e-6)
    assert by_loss.known[0].near == pytest.approx(by_error.known[0].near, abs=0.01)


def test_what_is_told_apart_goes_with_the_noise_and_the_root_of_the_seeds():
    three, twelve = (designs.simplex(2.0, seeds=seeds, base=False) for seeds in (3, 12))
    small, large = assess(three, 0.1), assess(three, 0.4)
    assert large.told_apart == pytest.approx(4 * small.told_apart, rel=0.1)
    assert assess(twelve, 0.1).told_apart == pytest.approx(small.told_apart / 2, rel=0.1)
    assert small.set_size < large.set_size
    assert small.regret < large.regret


def test_the_seeds_that_are_said_to_be_needed_are_enough():
    first = assess(designs.simplex(2.0, seeds=3), 0.3, effect=0.15, seconds_per_run=600)
    assert not first.resolves
    assert first.hours == pytest.approx(51 / 6)
    assert first.hours_needed == pytest.approx(first.seeds_needed * 17 / 6)
    assert f"For 0.15 point: {first.seeds_needed} seeds" in first.sentence
    assert assess(designs.simplex(2.0, seeds=first.seeds_needed), 0.3, effect=0.16).resolves


@pytest.mark.parametrize("wrong", [{"sigma": 0}, {"sigma": -1}, {"effect": 0}, {"form": "cubic"}])
def test_an_assessment_of_what_cannot_be_is_refused(wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        assess(designs.simplex(2.0), **{"sigma": 0.2, **wrong})


@pytest.mark.slow
@pytest.mark.parametrize(("form", "prior"), [("quadratic", "none"), ("additive", "law")])
def test_what_an_assessment_promises_is_what_studies_give(form, prior):
    design = designs.simplex(2.0, seeds=3, base=False)
    promised = assess(design, 0.3, form=form, prior=prior)
    lattice = design.lattice(12)
    truth = laws.load().errors(2.0 ** (lattice / [1, 2, 2]))
    regrets, sizes = [], []
    for seed in range(80):
        surface = fit_surface(design, trained(design, 0.3, seed=seed), form=form, prior=prior, draws=600)
        found = study_result(surface, parts=12)
        regrets.append(truth[int(found.mean.argmin())] - truth.min())
        sizes.append(found.in_set.mean())
    assert np.mean(sizes) == pytest.approx(promised.set_size, rel=0.4)
    assert np.mean(regrets) == pytest.approx(promised.regret, abs=3 * np.std(regrets) / math.sqrt(80) + 0.003)


def test_a_pilot_is_two_networks_with_three_seeds_each(design):
    runs = pilot_runs(design)
    assert [(point.name, seed) for point, seed in runs] == [
        (name, seed) for seed in range(3) for name in ("centre", "d0-w0-r100")
    ]
    assert set(runs) <= set(design.runs)


def test_the_pilots_noise_is_the_pooled_one_with_its_interval():
    errors = {"a": (20.0, 20.4, 20.2), "b": (30.0, 31.0)}
    results = [
        Observation(name, seed, (1.0, 1.0, 1.0), error)
        for name, row in errors.items()
        for seed, error in enumerate(row)
    ]
    found = pilot_noise(results)
    squares = 2 * np.var(errors["a"], ddof=1) + np.var(errors["b"], ddof=1)
    assert (found.sigma, found.degrees) == (pytest.approx(math.sqrt(squares / 3)), 3)
    assert found.low == pytest.approx(math.sqrt(squares / stats.chi2.ppf(0.9, 3)), rel=1e-4)
    assert found.high == pytest.approx(math.sqrt(squares / stats.chi2.ppf(0.1, 3)), rel=1e-4)
    with pytest.raises(UserError, match="the noise cannot be told from 1 finished runs"):
        pilot_noise(results[:1])
    with pytest.raises(UserError, match="the noise cannot be told from 0 finished runs"):
        pilot_noise([])
