"""The benchmark of samplers: what its rows say is so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from effsearch.experiments.benchmarks.picks import _tau, checked
from effsearch.experiments.benchmarks.samplers import compared


@pytest.mark.slow
def test_without_noise_the_pick_is_the_best_and_more_trials_find_no_less():
    rows = pd.DataFrame(compared("random", 0.0, 0, (20, 40, 60)))
    assert rows["trials"].tolist() == [20, 40, 60]
    assert (rows["observed"] == rows["best"]).all()
    assert rows["best"].is_monotonic_increasing
    assert rows["hypervolume"].is_monotonic_increasing


@pytest.mark.slow
def test_with_noise_the_pick_is_no_better_than_the_best():
    rows = pd.DataFrame(compared("random", 1.0, 0, (30, 60)))
    assert (rows[["observed", "posterior"]].max(axis=1) <= rows["best"]).all()
    assert (rows["observed"] < rows["best"]).any()


def test_tau_is_kendalls():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 30))
    assert _tau(first, second) == pytest.approx(kendalltau(first, second)[0])


@pytest.mark.data
@pytest.mark.slow
def test_on_trained_networks_the_posterior_beats_the_results_where_they_are_noisy(data):
    rows = pd.DataFrame(checked(data, (60,), (1.0,), 5)).mean()
    assert rows["tau_posterior"] > rows["tau_results"] + 0.02
    assert rows["tau_others"] > 0.75
    assert 0.7 < rows["z"] < 1.4
