"""A budget of time: nothing is started after it, the search ends as usual, and a resumed run goes on exactly there."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace

import pytest
from pandas.testing import assert_frame_equal

from effsearch.evaluators import Evaluation
from effsearch.nas import progress, search
from effsearch.nas.trial import Trial
from effsearch.search_spaces import InvalidValue

SETTINGS = {"trials": 60, "batch": 20, "seed": 1, "target_flops": 2e6}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)


def slow(rate, seconds=0.01):
    def evaluator(architecture, *, seed=0):
        time.sleep(seconds)
        return replace(rate(architecture, seed=seed), seconds=1.0)

    return evaluator


def test_within_the_budget_nothing_changes(tiny, rate):
    result = search(tiny, rate, max_seconds=1000, **SETTINGS)
    assert result.stopped == "trials"
    assert_frame_equal(result.trials, search(tiny, rate, **SETTINGS).trials, check_exact=True)


@pytest.mark.slow
def test_a_budget_ends_the_search_in_a_batch_and_a_resumed_run_completes_it(tiny, rate, counting, timeless, tmp_path):
    whole = search(tiny, slow(rate, 0), run_dir=tmp_path / "whole", **SETTINGS)
    run, evaluator, sessions = tmp_path / "run", counting(slow(rate)), 0
    result = None
    while result is None or result.stopped == "budget":
        sessions += 1
        began = time.monotonic()
        result = search(tiny, evaluator, run_dir=run, resume=sessions > 1, max_seconds=0.25, **SETTINGS)
        assert json.loads((run / "manifest.json").read_text())["state"] == "done"
        assert len(result.trials) == len(evaluator.keys)
        assert (run / "trials.csv").read_text().count("\n") == 1 + len(evaluator.keys)
        assert time.monotonic() - began < 20
        assert sessions < 40
    assert sessions > 1
    assert result.stopped == "trials"
    assert evaluator.keys == whole.trials["key"].tolist()  # each once
    assert_frame_equal(result.trials, whole.trials, check_exact=True)
    for name in ("trials.csv", "front.csv", "convergence.csv", "selected/budget.yaml"):
        assert (run / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_budget_that_is_over_before_the_first_trial_leaves_a_run_to_resume(tiny, rate, counting, tmp_path):
    networks = [
        replace(tiny.decode(tiny.point([0] * 9)), name="one"),
        replace(tiny.decode(tiny.point([1] * 9)), name="two"),
    ]
    settings = {"run_dir": tmp_path / "run", "references": networks, **SETTINGS, "trials": 20}
    result = search(tiny, counting(slow(rate, 0.2)), max_seconds=0.1, **settings)
    assert (result.stopped, len(result.trials), result.selected) == ("budget", 0, {})
    first = len(result.references)
    assert first <= 1  # the second was not begun
    evaluator = counting(rate)
    result = search(tiny, evaluator, resume=True, **settings)
    assert set(result.references) == {"one", "two"}
    assert len(evaluator.keys) == 22 - first


def test_what_ended_a_search_is_said(tiny, sixty, rate):
    assert search(tiny, rate, trials=5).stopped == "trials"
    result = search(sixty, rate, trials=100, max_seconds=1000)
    assert (result.stopped, result.exhausted) == ("space", True)


class Stops:
    """An executor that is out of time after so many evaluations; notes them."""

    def __init__(self, after):
        self.after, self.asked = after, []

    def run(self, evaluator, architectures, *, seed=0, deadline=None):
        for number, architecture in enumerate(architectures):
            if len(self.asked) == self.after:
                return
            self.asked.append((architecture.key, seed))
            yield number, evaluator(architecture, seed=seed)


def seeded(rate):
    """More with another seed, for some networks more than for others."""

    def evaluator(architecture, *, seed=0):
        more = (int(architecture.key, 16) + seed) % 7 / 10
        return Evaluation(rate(architecture).accuracy + more, 0.1, seed=seed, seconds=1.0)

    return evaluator


def confirmed(tiny, rate, executor, **settings):
    baseline = tiny.decode(tiny.point([1] * 9))
    return search(
        tiny, seeded(rate), trials=20, batch=10, seed=1, target_flops=2e6, executor=executor, confirm=3,
        baseline=baseline, max_seconds=1000, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("done", [0, 3, 9])
def test_what_is_complete_of_a_confirmation_counts_when_the_time_is_over(tiny, rate, done, monkeypatch):
    monkeypatch.setattr("effsearch.workers.until.is_over", lambda _: True)
    result = confirmed(tiny, rate, Stops(20 + done))
    confirmation = result.confirmation
    assert result.stopped == "budget"
    assert confirmation.evaluations == (done, 12)
    assert not confirmation.complete
    assert confirmation.seeds == (1000, 1001, 1002)[: done // 4]
    assert all(tuple(row.accuracies) == confirmation.seeds for row in confirmation.rows)
    if done < 4:
        assert confirmation.winner is None
        feasible = result.trials[result.trials["feasible"]].set_index("number")
        assert result.picks["budget"] == feasible["accuracy"].idxmax()
    else:
        assert result.picks["budget"] == confirmation.winner.candidate.trial
        assert {row.paired.seeds for row in confirmation.candidates} == {2}


@pytest.mark.slow
def test_a_resumed_run_completes_the_confirmation(tiny, rate, tmp_path, monkeypatch):
    monkeypatch.setattr("effsearch.workers.until.is_over", lambda _: True)
    whole = confirmed(tiny, rate, Stops(1000)).confirmation
    assert (whole.complete, whole.evaluations) == (True, (12, 12))
    asked = []
    for done in (3, 5, 4):
        executor = Stops(done + (0 if asked else 20))
        result = confirmed(tiny, rate, executor, run_dir=tmp_path / "run", resume=bool(asked))
        asked += executor.asked
        assert (tmp_path / "run" / "confirm.csv").exists()
    assert result.confirmation == whole
    assert len(asked) == len(set(asked)) == 32


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "2h", True])
def test_a_budget_that_is_none_is_refused(tiny, rate, seconds, tmp_path):
    with pytest.raises(InvalidValue, match="max_seconds is"):
        search(tiny, rate, trials=5, max_seconds=seconds, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_progress_moves_within_a_batch_of_slow_evaluations(tiny, rate, monkeypatch):
    monkeypatch.setattr("effsearch.nas.progress.OFTEN", 0.02)
    told = []
    search(tiny, slow(rate, 0.03), trials=10, batch=5, on_batch=told.append, max_seconds=60)
    done = [one.done for one in told]
    assert done == sorted(done)
    assert set(done) == set(range(1, 11))
    assert told[-1].left == 0
    assert all(one.left <= 60 for one in told)


def test_fast_evaluations_are_told_after_each_batch_only(tiny, rate):
    told = []
    search(tiny, rate, trials=10, batch=5, on_batch=told.append)
    assert [one.done for one in told] == [5, 10]


class Clock:
    """A search of 1000 trials whose reporter has the time that a test says."""

    def __init__(self, monkeypatch, known=0, deadline=None):
        self.now, self.told, self.trials = 100.0, [], {}
        monkeypatch.setattr(progress, "monotonic", lambda: self.now)
        self.add(known)
        objectives = ("accuracy", "mult_adds")
        self.reporter = progress.Reporter(self.told.append, self.trials, objectives, 1000, deadline, began=self.now)

    def add(self, count):
        for number in range(len(self.trials), len(self.trials) + count):
            self.trials[number] = Trial(number, f"k{number}", {}, Evaluation(50.0), {"mult_adds": 1e6}, 1.0, True)

    def batch(self, asking, evaluating, count):
        self.now += asking
        self.reporter.asked()
        for _ in range(count):
            self.now += evaluating
            self.add(1)
            self.reporter.after_trial()
        self.reporter.after_batch()

    @property
    def left(self):
        return [one.left for one in self.told]


def test_the_start_of_a_resumed_search_says_nothing_of_the_time_to_go(monkeypatch):
    """600 trials are there; the first batch waits 4 s for its first network, later ones take half a second each."""
    clock = Clock(monkeypatch, known=600)
    clock.batch(4.0, 0.01, 50)
    assert clock.told[0].done == 601
    assert all(math.isinf(left) for left in clock.left)
    first = len(clock.left)
    for _ in range(3):
        clock.batch(2.0, 0.01, 50)
    known = [one for one in clock.told[first:] if math.isfinite(one.left)]
    assert [one.done for one in known] == [700, 701, 750, 751, 800]
    assert [one.left for one in known] == pytest.approx([2.5 / 50 * (1000 - one.done) for one in known])


def test_slow_evaluations_say_it_from_the_first_one(monkeypatch):
    """Half a minute each, six to a batch: nobody waits for the second batch."""
    clock = Clock(monkeypatch)
    clock.batch(0.1, 30.0, 6)
    assert clock.left[0] == pytest.approx(999 * 30)
    assert clock.left[-1] == pytest.approx(994 * (180.1 / 6))
    clock.batch(0.1, 30.0, 6)
    assert clock.left[7:] == pytest.approx([30 * (1000 - one.done) for one in clock.told[7:]], rel=0.01)


def test_the_time_to_go_is_no_longer_than_the_budget(monkeypatch):
    clock = Clock(monkeypatch, deadline=105.0)
    clock.reporter.after_batch()
    assert clock.told == []  # nothing to say yet
    clock.batch(0.0, 2.0, 1)
    assert clock.left == [3.0, 3.0]  # nothing else is known
    clock.batch(0.0, 2.0, 1)
    assert clock.left[-1] == 1.0  # by the rate it would be 2,000 s
    clock.reporter.deadline = None
    clock.batch(0.0, 2.0, 1)
    assert clock.left[-1] == pytest.approx(2.0 * 997)


def test_the_last_report_has_nothing_to_go(monkeypatch):
    clock = Clock(monkeypatch, known=950)
    clock.batch(1.0, 0.001, 50)
    assert clock.left[-1] == 0
