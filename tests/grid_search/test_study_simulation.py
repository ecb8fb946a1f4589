"""The test-bed of experiments/scaling_studies: its truths are what they say, and a few studies hold what it reports."""

from __future__ import annotations

import numpy as np
import pytest

from effsearch.experiments.scaling_studies.studies import BOOTSTRAP, METHODS, design_of, observations, simulate
from effsearch.experiments.scaling_studies.tables import recommendations, regrets, sets, worst
from effsearch.experiments.scaling_studies.truths import TRUTHS
from effsearch.grid_search.shares import coefficients_of

KNOWN = {truth.name: truth for truth in TRUTHS}


@pytest.mark.parametrize(
    ("name", "triple"),
    [
        ("law", (1.27, 1.11, 1.13)),
        ("less resolution", (1.41, 1.16, 1.03)),
        ("quadratic", (1.15, 1.17, 1.13)),
        ("interaction", (1.43, 1.18, 1.0)),
        ("edge", (1.52, 1.15, 1.0)),
        ("corner", (2.0, 1.0, 1.0)),
    ],
)
def test_the_best_of_a_truth_is_where_it_is_said_to_be(name, triple):
    best = KNOWN[name].best
    assert coefficients_of(best[None], 2.0)[0] == pytest.approx(triple, abs=0.01)
    assert KNOWN[name].regret(best[None])[0] == 0
    assert (KNOWN[name].regret(np.random.default_rng(0).dirichlet(np.ones(3), 200)) > -1e-3).all()


def test_more_growth_is_better_by_every_truth():
    x = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    for truth in TRUTHS:
        assert (truth.error(1.1 * x) < truth.error(x)).all(), truth.name


@pytest.mark.slow
def test_a_study_has_as_many_runs_as_it_says_and_the_noise_it_says():
    design = design_of(45)
    assert len(design.runs) == 45
    one = observations(design, KNOWN["law"], 0.0, np.random.default_rng(0))
    two = observations(design, KNOWN["law"], 1.0, np.random.default_rng(0))
    spread = np.std([b.error - a.error for a, b in zip(one, two, strict=True)])
    assert spread == pytest.approx(1.0, rel=0.3)


@pytest.mark.slow
def test_sixty_studies_of_a_cell():
    """A noise of 0.3 point, 45 runs: see docs/scaling-studies.md for 200 of all."""
    truth = KNOWN["less resolution"]
    rows = {name: simulate(truth, 0.3, 45, name, 60) for name in ("grid", *METHODS, BOOTSTRAP)}
    again = simulate(truth, 0.3, 45, "additive + law", 60)
    assert again.equals(rows["additive + law"])
    assert rows["additive + law"]["regret"].mean() < 0.03 < rows["grid"]["regret"].mean()
    assert rows["quadratic"]["regret"].mean() < rows["grid"]["regret"].mean() / 3
    for name in METHODS:
        assert rows[name]["covered"].mean() > 0.88, name
        assert rows[name]["bounded"].mean() > 0.85, name
    assert rows[BOOTSTRAP]["covered"].mean() < 0.8


@pytest.mark.slow
def test_the_tables_have_a_line_for_every_cell():
    import pandas as pd

    names = ("grid", *METHODS)
    rows = pd.concat([simulate(KNOWN["corner"], 0.3, runs, name, 2) for runs in (45, 60) for name in names])
    assert regrets(rows, names).count("\n") == 3
    assert sets(rows, list(METHODS)).count("\n") == 3
    assert recommendations(rows, list(METHODS)).count("\n") == 1 + 2 * len(METHODS)
    assert worst(rows, list(METHODS)).count("\n") == 1 + len(METHODS)
