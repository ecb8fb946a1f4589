"""Past the deadline nothing is started, what is under way is finished."""

from __future__ import annotations

import time

from effsearch.evaluators import Evaluation
from effsearch.search_spaces import catalogue
from effsearch.workers.local import LocalExecutor
from effsearch.workers.pace import Pace, is_over
from effsearch.workers.until import Until

NETWORK = catalogue.load("b0")


class Slow:
    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls = seconds, []

    def __call__(self, architecture, *, seed=0):
        time.sleep(self.seconds)
        self.calls.append(1)
        return Evaluation(50.0)


class SlowMany(Slow):
    def many(self, architectures, *, seed=0):
        time.sleep(self.seconds * len(architectures))
        self.calls.append(len(architectures))
        return [Evaluation(50.0)] * len(architectures)


def test_networks_after_the_deadline_are_left_out_and_the_one_under_way_is_finished():
    evaluator = Slow(0.04)
    results = list(LocalExecutor().run(evaluator, [NETWORK] * 50, deadline=time.monotonic() + 0.1))
    assert [position for position, _ in results] == list(range(len(evaluator.calls)))
    assert 1 <= len(results) <= 4


def test_a_deadline_in_the_past_starts_nothing():
    for evaluator in (Slow(0), SlowMany(0)):
        assert list(LocalExecutor().run(evaluator, [NETWORK] * 3, deadline=time.monotonic() - 1)) == []
        assert evaluator.calls == []


def test_an_evaluators_many_is_called_in_parts_under_a_deadline():
    evaluator = SlowMany(0.05)
    began = time.monotonic()
    results = list(LocalExecutor().run(evaluator, [NETWORK] * 1000, deadline=began + 0.2))
    assert time.monotonic() - began < 2
    assert [position for position, _ in results] == list(range(sum(evaluator.calls)))
    assert 0 < len(results) < 50
    fast = SlowMany(0)
    assert len(list(LocalExecutor().run(fast, [NETWORK] * 1000, deadline=time.monotonic() + 60))) == 1000
    assert len(fast.calls) < 10


def test_a_many_that_raises_under_a_deadline_is_replaced_by_single_calls():
    class Failing(Slow):
        def many(self, architectures, *, seed=0):
            raise RuntimeError("not together")

    results = list(LocalExecutor().run(Failing(0), [NETWORK] * 5, deadline=time.monotonic() + 60))
    assert [position for position, _ in results] == list(range(5))


def test_until_says_whether_anything_was_left_out():
    whole = Until(LocalExecutor(), time.monotonic() + 60)
    assert len(list(whole.run(Slow(0), [NETWORK] * 3))) == 3
    assert not whole.cut
    part = Until(LocalExecutor(), time.monotonic() + 0.05)
    assert len(list(part.run(Slow(0.04), [NETWORK] * 9))) < 9
    assert part.cut
    assert list(part.run(Slow(0), [NETWORK])) == []


def test_until_the_last_result_that_comes_after_the_deadline_is_no_cut():
    until = Until(LocalExecutor(), time.monotonic() + 0.3)
    assert len(list(until.run(Slow(0.4), [NETWORK]))) == 1
    assert not until.cut


def test_without_a_deadline_executors_of_ones_own_need_not_know_of_any():
    class Own:
        def run(self, evaluator, architectures, *, seed=0):
            yield from ((position, evaluator(one)) for position, one in enumerate(architectures))

    until = Until(Own())
    assert len(list(until.run(Slow(0), [NETWORK] * 2))) == 2
    assert not until.cut


def test_the_pace_grows_with_fast_networks_only():
    pace = Pace()
    assert pace.size(100) == 1
    pace.note(10, 1.0)
    assert pace.size(100) == 5
    assert pace.size(3) == 3
    pace.note(1, 60.0)
    assert pace.size(100) == 1
    pace.note(1, 0.0)
    assert pace.size(100) == 100


def test_no_deadline_is_never_over():
    assert not is_over(None)
    assert is_over(time.monotonic())
