"""The account of a batch: whatever happens, each network has one result, after no more tries than allowed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.evaluators import Evaluation
from effsearch.records.errors import UserError
from effsearch.workers.attempt import Raised
from effsearch.workers.jobs import Jobs
from effsearch.workers.pace import Pace

LIMITS = {"raised": 1, "memory": 2, "worker": 2, "node": 4}
FAST = 1e-4  # seconds a network, so that many go into one call


def good(position: int) -> Evaluation:
    return Evaluation(50.0, loss=float(position))


@given(
    count=st.integers(0, 40), workers=st.integers(1, 5), together=st.booleans(), pace=st.sampled_from([FAST, 0.1, 9.0]),
    fates=st.lists(st.sampled_from(["good", "raised", "memory", "worker", "node"]), max_size=200),
)  # fmt: skip
def test_each_network_has_one_result_whatever_happens(count, workers, together, pace, fates):
    jobs = Jobs(count, LIMITS, pace=Pace(pace) if together else None, seed=3)
    coming = iter(fates)
    tried: Counter[tuple[int, str]] = Counter()
    results: dict[int, Evaluation] = {}
    steps = 0
    while len(jobs):
        steps += 1
        assert steps < 1000, "it does not end"
        worker = f"worker {steps % workers}"
        job = jobs.next(worker, others=0, workers=workers)
        fate = next(coming, "good")
        if fate in ("worker", "node"):
            given_ = list(jobs.lost(job, fate, 1.0))
        else:
            outcomes = [good(one) if fate == "good" else Raised("no", 1.0, fate == "memory") for one in job.positions]
            given_ = list(jobs.settle(job, outcomes, worker, pace * len(job.positions)))
        if len(job.positions) == 1 or fate in ("raised", "memory"):
            tried.update((one, fate) for one in job.positions)
        for position, result in given_:
            assert position not in results
            results[position] = result
            assert (result.failure is None) == (fate == "good")
    assert sorted(results) == list(range(count))
    for (position, fate), times in tried.items():
        assert times <= LIMITS.get(fate, 1) + 1
        if results[position].failure is None:
            assert times <= LIMITS.get(fate, 1)
    assert all(one.failure or one.loss == position for position, one in results.items())
    assert all(one.seed == 3 for one in results.values() if one.failure)


def test_what_failed_goes_to_another_worker_where_one_is_free():
    jobs = Jobs(1, LIMITS)
    job = jobs.next("first", others=1, workers=2)
    assert list(jobs.settle(job, [Raised("no", 1.0)], "first", 1.0)) == []
    assert jobs.next("first", others=1, workers=2) is None
    assert jobs.next("second", others=0, workers=2).positions == [0]


def test_what_failed_goes_to_the_same_worker_where_there_is_no_other():
    jobs = Jobs(1, LIMITS)
    list(jobs.settle(jobs.next("only", others=0, workers=1), [Raised("no", 1.0)], "only", 1.0))
    assert jobs.next("only", others=0, workers=1).positions == [0]


def test_a_failure_says_how_often_the_worker_died_and_how_long_it_took():
    jobs = Jobs(1, LIMITS)
    for _ in range(2):
        assert list(jobs.lost(jobs.next("one", others=0, workers=1), "worker", 2.0)) == []
    ((_, result),) = jobs.lost(jobs.next("one", others=0, workers=1), "worker", 2.0)
    assert "worker process died" in result.failure
    assert result.failure.endswith("3 times")
    assert result.seconds == 6.0


def test_networks_rated_together_are_rated_alone_after_their_worker_died():
    jobs = Jobs(20, LIMITS, pace=Pace(FAST))
    first = jobs.next("one", others=0, workers=2)
    assert len(first.positions) == 10
    assert list(jobs.lost(first, "worker", 1.0)) == []
    again = [jobs.next("one", others=0, workers=2) for _ in range(10)]
    assert [one.positions for one in again] == [[position] for position in range(10)]
    assert all(not one.tries for one in again)  # it was not their fault, as far as is known


def test_a_mistake_ends_the_run_after_the_results_before_it():
    jobs = Jobs(4, LIMITS, pace=Pace(FAST))
    job = jobs.next("one", others=0, workers=1)
    results = jobs.settle(job, [good(0), good(1), UserError("returned 'x'", "a hint")], "one", 1.0)
    assert [next(results)[0], next(results)[0]] == [0, 1]
    with pytest.raises(UserError, match="returned 'x'"):
        next(results)


def test_slow_networks_are_handed_out_one_by_one():
    jobs = Jobs(20, LIMITS, pace=Pace())
    job = jobs.next("one", others=0, workers=2)
    assert job.positions == [0]
    list(jobs.settle(job, [good(0)], "one", 60.0))
    assert jobs.next("one", others=0, workers=2).positions == [1]


def test_after_giving_up_nothing_is_handed_out():
    jobs = Jobs(5, LIMITS)
    jobs.next("one", others=0, workers=1)
    jobs.give_up()
    assert len(jobs) == 0
    assert jobs.next("one", others=0, workers=1) is None
