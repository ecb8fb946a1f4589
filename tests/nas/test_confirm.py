"""Confirmation: the same fresh seeds for all, nothing twice, honest intervals, the best mean is handed over."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from effsearch.evaluators import Evaluation
from effsearch.nas import search, student
from effsearch.nas.confirm import candidates_of, fresh_seeds
from effsearch.nas.paired import Paired
from effsearch.records import ledger
from effsearch.records.errors import UserError
from effsearch.search_spaces import codec

SETTINGS = {"trials": 40, "batch": 10, "seed": 2, "target_flops": 2e6, "sampler": "random"}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


@dataclass
class Trained:
    """Accuracy of a network and a seed; notes what it was asked; fails or stops where told to."""

    rate: object
    fails: object = lambda key, seed: False
    stop: int | None = None
    noise: float = 1.0
    asked: list = field(default_factory=list)
    source = "trained"

    def __call__(self, architecture, *, seed=0):
        if len(self.asked) == self.stop:
            raise KeyboardInterrupt
        self.asked.append((architecture.key, seed))
        if self.fails(architecture.key, seed):
            return Evaluation.failed(f"no memory for {architecture.key[:4]}", seed=seed)
        draw = np.random.default_rng([int(architecture.key, 16), seed]).normal(0, self.noise)
        accuracy = self.rate(architecture).accuracy + 0.7 * (seed % 7) + draw  # a seed moves all networks together
        return Evaluation(accuracy, seed=seed, source=self.source, seconds=1.0)


@pytest.fixture
def baseline(tiny):
    middle = {dimension.name: dimension.choices[1] for dimension in tiny.dimensions}
    return tiny.decode(middle)


def run(tiny, evaluator, baseline, path=None, **settings):
    return search(tiny, evaluator, run_dir=path, baseline=baseline, **{**SETTINGS, "confirm": 3, **settings})


@given(st.integers(1, 200), st.floats(0, 50))
def test_students_distribution_is_scipys(degrees, t):
    assert student.inside(t, degrees) == pytest.approx(2 * stats.t.cdf(t, degrees) - 1, abs=1e-11)


@given(st.integers(1, 100), st.floats(0.01, 0.999))
def test_its_quantile_is_scipys(degrees, probability):
    assert student.quantile(probability, degrees) == pytest.approx(
        stats.t.ppf((1 + probability) / 2, degrees), rel=1e-8
    )


@pytest.mark.parametrize(("probability", "degrees"), [(1.0, 3), (-0.1, 3), (0.95, 0)])
def test_a_quantile_that_there_is_not_is_refused(probability, degrees):
    with pytest.raises(ValueError, match="probability"):
        student.quantile(probability, degrees)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12))
def test_the_interval_is_that_of_a_paired_t_test(differences):
    paired = Paired.of(differences)
    if np.ptp(differences) < 1e-6:
        assert not paired.high - paired.low > 1e-5
        return
    expected = stats.ttest_rel(differences, np.zeros(len(differences))).confidence_interval(0.95)
    assert (paired.low, paired.high) == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert paired.side == ("above" if paired.low > 0 else "below" if paired.high < 0 else "not told apart")


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=8), st.floats(0, 40))
def test_the_interval_is_no_narrower_than_the_evaluations_own_error_and_within_100_points(differences, error):
    paired = Paired.of(differences, error)
    if np.ptp(differences) < 1e-6 and error < 1e-6:
        return
    by_seeds = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
    reach = max(by_seeds, stats.norm.ppf(0.975) * error)
    mean = np.mean(differences)
    expected = max(mean - reach, -100), min(mean + reach, 100)
    assert (paired.low, paired.high) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert paired.floored == (stats.norm.ppf(0.975) * error > by_seeds) or reach == pytest.approx(by_seeds)


@pytest.mark.parametrize("differences", [[6.67] * 3, [-8.333333333333336, -8.333333333333329], [0.0, 0.0]])
def test_equal_differences_prove_nothing(differences):
    paired = Paired.of(differences)
    assert paired.side == "not told apart"
    assert math.isnan(paired.low)
    assert math.isnan(paired.high)


def test_two_seeds_on_twelve_images_do_not_tell_networks_apart(tiny, rate, baseline):
    def twelve(architecture, *, seed=0):
        right = {1000: 5, 1001: 7}.get(seed, 6) - (architecture.key != baseline.key)
        part = right / 12
        return Evaluation(100 * part, 100 * math.sqrt(part * (1 - part) / 12), seed=seed, seconds=1.0)

    confirmation = run(tiny, twelve, baseline, confirm=2).confirmation
    row = confirmation.rows[0]
    assert list(row.accuracies.values()) == pytest.approx([33.33, 50.0], abs=0.01)
    assert row.paired.mean == pytest.approx(-8.33, abs=0.01)
    assert (row.paired.side, row.paired.floored) == ("not told apart", True)
    own = np.mean([part * (1 - part) / 12 for part in (4 / 12, 6 / 12)])
    other = np.mean([part * (1 - part) / 12 for part in (5 / 12, 7 / 12)])
    assert row.paired.high - row.paired.low == pytest.approx(2 * 1.959964 * 100 * math.sqrt(own + other))
    assert row.error == pytest.approx(math.hypot(row.standard_error, 100 * math.sqrt(own)))


def test_an_evaluator_without_noise_or_deviation_has_no_error(tiny, rate, baseline):
    def exact(architecture, *, seed=0):
        return replace(rate(architecture), std=None, seed=seed)

    for row in run(tiny, exact, baseline).confirmation.candidates:
        assert row.std == 0
        assert math.isnan(row.error)
        assert row.paired.side == "not told apart"
    for row in run(tiny, rate, baseline).confirmation.candidates:
        assert row.error == 0.5
        assert row.paired.high - row.paired.low == pytest.approx(2 * stats.norm.ppf(0.975) * math.hypot(0.5, 0.5))


def test_one_seed_gives_no_interval():
    paired = Paired.of([0.7])
    assert (paired.mean, paired.side) == (0.7, "one seed")
    assert math.isnan(paired.low)


def test_fresh_seeds_are_not_the_searchs():
    assert fresh_seeds(3, 0) == (1000, 1001, 1002)
    assert fresh_seeds(3, 1001) == (1000, 1002, 1003)


def test_candidates_are_distinct_networks_with_their_places(tiny):
    points = tiny.sample_indices(np.random.default_rng(0), 4)
    networks = [tiny.decode(tiny.point(row)) for row in points]
    found = candidates_of({7: networks[0], 3: networks[1], 9: networks[0], 5: networks[2], 6: networks[3]})
    assert [(one.role, one.trial) for one in found] == [("budget", 7), ("2nd", 3), ("3rd", 5), ("4th", 6)]


def test_the_best_and_the_baseline_get_the_same_fresh_seeds_and_the_best_mean_wins(tiny, rate, baseline, tmp_path):
    evaluator = Trained(rate)
    result = run(tiny, evaluator, baseline, tmp_path / "run", picks="posterior")
    confirmation = result.confirmation
    assert confirmation.seeds == (1000, 1001, 1002)
    assert [row.candidate.role for row in confirmation.rows] == ["budget", "2nd", "3rd", "baseline"]
    after = evaluator.asked[40:]
    assert sorted(after) == sorted(
        (row.candidate.architecture.key, seed) for row in confirmation.rows for seed in confirmation.seeds
    )
    feasible = result.trials[result.trials["feasible"]].sort_values("posterior", ascending=False)
    assert {row.candidate.trial for row in confirmation.candidates} == set(feasible["number"].head(3))
    assert confirmation.winner is max(confirmation.candidates, key=lambda row: row.mean)
    assert result.selected["budget"] == confirmation.winner.candidate.architecture
    assert result.picks["budget"] == confirmation.winner.candidate.trial
    assert codec.load(tmp_path / "run" / "selected" / "budget.yaml").key == result.selected["budget"].key
    known = confirmation.baseline.accuracies
    for row in confirmation.candidates:
        expected = stats.ttest_rel(list(row.accuracies.values()), [known[seed] for seed in row.accuracies])
        low, high = expected.confidence_interval(0.95)
        assert (row.paired.low, row.paired.high) == pytest.approx((low, high))
        assert row.standard_error == pytest.approx(stats.sem(list(row.accuracies.values())))


def test_what_a_seed_does_to_all_networks_cancels(tiny, rate, baseline):
    confirmation = run(tiny, Trained(rate, noise=0.01), baseline).confirmation
    for row in confirmation.candidates:
        assert row.std > 0.5
        assert row.paired.high - row.paired.low < 0.2


def test_confirm_csv_says_what_the_result_says(tiny, rate, baseline, tmp_path):
    confirmation = run(tiny, Trained(rate), baseline, tmp_path / "run").confirmation
    table = pd.read_csv(tmp_path / "run" / "confirm.csv")
    assert table["key"].tolist() == [row.candidate.architecture.key for row in confirmation.rows]
    assert table["chosen"].sum() == 1
    assert table.loc[table["chosen"], "accuracy"].item() == pytest.approx(confirmation.winner.mean)
    assert table["seed_1001"].tolist() == pytest.approx([row.accuracies[1001] for row in confirmation.rows])
    assert table["difference"].tolist()[:3] == pytest.approx([row.paired.mean for row in confirmation.candidates])
    assert table["side"].tolist()[:3] == [row.paired.side for row in confirmation.candidates]
    assert codec.load(tmp_path / "run" / "baseline.yaml") == baseline


def test_confirm_csv_has_the_costs_of_the_users_own(tiny, rate, baseline, tmp_path):
    own = {"latency": lambda architecture: float(len(architecture.stages)), "energy": lambda _: 2.5}
    run(tiny, Trained(rate), baseline, tmp_path / "run", costs=own)
    table = pd.read_csv(tmp_path / "run" / "confirm.csv")
    assert table["cost_latency"].tolist() == [len(tiny.build(tiny.point([0] * len(tiny.dimensions))).stages)] * 4
    assert table["cost_energy"].tolist() == [2.5] * 4
    assert "cost_activations" not in table


@pytest.mark.slow
@pytest.mark.parametrize("stop", [41, 46, 51])
def test_a_confirmation_that_was_interrupted_goes_on_and_runs_nothing_twice(tiny, rate, baseline, stop, tmp_path):
    expected = run(tiny, Trained(rate), baseline).confirmation
    evaluator = Trained(rate, stop=stop)
    with pytest.raises(KeyboardInterrupt):
        run(tiny, evaluator, baseline, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "interrupted"
    assert not (tmp_path / "run" / "confirm.csv").exists()
    evaluator.stop = None
    result = run(tiny, evaluator, baseline, tmp_path / "run", resume=True)
    assert result.confirmation == expected
    assert len(evaluator.asked) == len(set(evaluator.asked)) == 52
    entries = [entry for entry in ledger.read(tmp_path / "run" / "ledger.jsonl") if entry["kind"] == "confirmation"]
    assert len(entries) == 12
    assert {entry["role"] for entry in entries} == {"budget", "2nd", "3rd", "baseline"}


@pytest.mark.slow
def test_more_seeds_later_evaluate_the_new_ones_alone(tiny, rate, baseline, tmp_path):
    evaluator = Trained(rate)
    run(tiny, evaluator, baseline, tmp_path / "run")
    before = len(evaluator.asked)
    more = run(tiny, evaluator, baseline, tmp_path / "run", resume=True, confirm=5)
    assert {seed for _, seed in evaluator.asked[before:]} == {1003, 1004}
    assert len(evaluator.asked) - before == 8
    assert more.confirmation.rows[0].paired.seeds == 5


@pytest.mark.slow
def test_without_confirmation_the_pick_is_the_searchs_and_an_older_confirm_csv_goes(tiny, rate, baseline, tmp_path):
    evaluator = Trained(rate)
    run(tiny, evaluator, baseline, tmp_path / "run")
    plain = search(tiny, evaluator, run_dir=tmp_path / "run", resume=True, **SETTINGS)
    assert plain.confirmation is None
    assert not (tmp_path / "run" / "confirm.csv").exists()
    feasible = plain.trials[plain.trials["feasible"]].set_index("number")
    assert plain.picks["budget"] == feasible["accuracy"].idxmax()


def test_a_candidate_whose_seeds_all_fail_is_not_chosen_and_the_reason_is_kept(tiny, rate, baseline):
    first = run(tiny, Trained(rate), baseline).confirmation.rows[0].candidate.architecture.key
    confirmation = run(tiny, Trained(rate, lambda key, seed: key == first and seed >= 1000), baseline).confirmation
    row = confirmation.rows[0]
    assert (row.accuracies, row.paired) == ({}, None)
    assert row.failure == f"no memory for {first[:4]}"
    assert math.isnan(row.mean)
    assert confirmation.winner in confirmation.candidates[1:]


def test_one_failed_seed_leaves_the_pairs_that_are_whole_and_costs_the_win(tiny, rate, baseline):
    whole = run(tiny, Trained(rate), baseline).confirmation
    best = whole.winner.candidate.architecture.key
    confirmation = run(tiny, Trained(rate, lambda key, seed: key == best and seed == 1001), baseline).confirmation
    row = next(row for row in confirmation.rows if row.candidate.architecture.key == best)
    assert (len(row.accuracies), row.paired.seeds) == (2, 2)
    assert confirmation.winner is not row  # a mean over fewer seeds is not compared


def test_where_the_baseline_fails_there_are_means_and_no_differences(tiny, rate, baseline):
    confirmation = run(tiny, Trained(rate, lambda key, seed: key == baseline.key), baseline).confirmation
    assert confirmation.baseline.failure
    assert all(row.paired is None for row in confirmation.rows)
    assert confirmation.winner is not None


@pytest.mark.slow
def test_where_all_candidates_fail_the_searchs_own_pick_stays(tiny, rate, baseline, tmp_path):
    evaluator = Trained(rate, lambda key, seed: key != baseline.key and seed >= 1000)
    result = run(tiny, evaluator, baseline, tmp_path / "run")
    feasible = result.trials[result.trials["feasible"]].set_index("number")
    assert result.confirmation.winner is None
    assert result.picks["budget"] == feasible["accuracy"].idxmax()
    assert not pd.read_csv(tmp_path / "run" / "confirm.csv")["chosen"].any()


def test_without_a_baseline_only_means_are_compared(tiny, rate):
    confirmation = search(tiny, Trained(rate), confirm=2, **SETTINGS).confirmation
    assert confirmation.baseline is None
    assert len(confirmation.rows) == 3
    assert all(row.paired is None for row in confirmation.rows)


def test_a_baseline_that_is_a_candidate_is_evaluated_once(tiny, rate):
    picked = search(tiny, Trained(rate), **SETTINGS).selected["budget"]
    evaluator = Trained(rate)
    confirmation = run(tiny, evaluator, picked).confirmation
    assert len(evaluator.asked) == 40 + 9
    assert confirmation.rows[0].paired.mean == 0
    assert confirmation.rows[0].paired.side == "not told apart"


@pytest.mark.slow
def test_fewer_networks_within_the_budget_than_candidates(tiny, rate):
    table = search(tiny, Trained(rate), **SETTINGS).trials
    least = float(table["mult_adds"].sort_values().iloc[1])
    assert len(search(tiny, Trained(rate), confirm=2, **{**SETTINGS, "target_flops": least}).confirmation.rows) == 2


def test_costs_of_the_users_own_are_known_of_the_baseline_too(tiny, rate, baseline):
    result = run(tiny, Trained(rate), baseline, costs={"depth": lambda one: sum(stage.repeats for stage in one.stages)})
    assert [row.costs["depth"] for row in result.confirmation.rows][-1] == 6
    assert all(row.costs["depth"] >= 3 for row in result.confirmation.rows)


def test_it_says_how_far_it_is(tiny, rate, baseline):
    said = []
    run(tiny, Trained(rate), baseline, on_confirmation=lambda done, of: said.append((done, of)))
    assert said[0] == (0, 12)
    assert said[-1] == (12, 12)
    assert all(second[0] - first[0] == 1 for first, second in pairwise(said))


@pytest.mark.parametrize("confirm", [-1, 1.5, True])
def test_a_number_of_seeds_that_cannot_be_is_refused(tiny, rate, confirm):
    with pytest.raises((UserError, ValueError), match="confirm"):
        search(tiny, rate, confirm=confirm, **SETTINGS)
