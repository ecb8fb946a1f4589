"""LocalExecutor: every position once and in order, retries, what becomes a failure and what ends the run."""

import math

import pytest

from effsearch.evaluators import Cached, Evaluation
from effsearch.evaluators.surrogate import Surrogate
from effsearch.records.errors import UserError
from effsearch.search_spaces import catalogue
from effsearch.workers.local import LocalExecutor

NETWORKS = [catalogue.load(f"b{number}") for number in range(4)]


class Scripted:
    """Raises what `script` has for (network, call number from 1), else an accuracy; notes every call."""

    def __init__(self, script=None):
        self.script, self.calls = script or (lambda name, call: None), []

    def __call__(self, architecture, *, seed=0):
        self.calls.append(architecture.name)
        error = self.script(architecture.name, self.calls.count(architecture.name))
        if error is not None:
            raise error
        return Evaluation(float(architecture.resolution) / 10, seed=seed)


def run(evaluator, retries=1, seed=0, networks=NETWORKS):
    return list(LocalExecutor(retries).run(evaluator, networks, seed=seed))


def test_results_come_in_order_with_their_positions():
    results = run(Scripted(), seed=5)
    assert [position for position, _ in results] == [0, 1, 2, 3]
    assert [result.accuracy for _, result in results] == [22.4, 24.0, 26.0, 30.0]
    assert {result.seed for _, result in results} == {5}


def test_the_same_network_twice_is_evaluated_twice():
    evaluator = Scripted()
    assert len(run(evaluator, networks=[NETWORKS[0]] * 2)) == 2
    assert len(evaluator.calls) == 2


def test_an_empty_batch_gives_nothing():
    assert run(Scripted(), networks=[]) == []
    assert run(Surrogate(), networks=[]) == []


def test_each_result_is_given_as_soon_as_it_is_there():
    evaluator = Scripted()
    results = LocalExecutor().run(evaluator, NETWORKS)
    next(results)
    assert len(evaluator.calls) == 1


def test_many_is_used_once_where_there_is_one():
    class Batched(Scripted):
        def many(self, architectures, *, seed=0):
            self.calls.append(("many", len(architectures), seed))
            return [Evaluation(float(position)) for position, _ in enumerate(architectures)]

    evaluator = Batched()
    assert run(evaluator, seed=2) == [(position, Evaluation(float(position))) for position in range(4)]
    assert evaluator.calls == [("many", 4, 2)]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_an_exception_becomes_a_failure_with_its_reason_after_the_retries(retries):
    evaluator = Scripted(lambda name, call: RuntimeError("CUDA out of memory") if name.endswith("b1") else None)
    results = dict(run(evaluator, retries, seed=3))
    assert results[1].failure == "RuntimeError: CUDA out of memory"
    assert math.isnan(results[1].accuracy)
    assert results[1].seed == 3
    assert results[1].seconds >= 0
    assert evaluator.calls.count("efficientnet-b1") == retries + 1
    assert [results[position].accuracy for position in (0, 2, 3)] == [22.4, 26.0, 30.0]
    assert len(evaluator.calls) == 3 + retries + 1


def test_the_reason_is_that_of_the_last_try():
    evaluator = Scripted(lambda name, call: ValueError(f"call {call}"))
    assert run(evaluator, retries=2)[0][1].failure == "ValueError: call 3"


def test_an_evaluator_that_fails_once_succeeds_on_retry():
    evaluator = Scripted(lambda name, call: OSError("busy") if call == 1 else None)
    results = run(evaluator, retries=1)
    assert [result.failure for _, result in results] == [None] * 4
    assert evaluator.calls == [network.name for network in NETWORKS for _ in range(2)]


def test_a_returned_failure_is_a_result_and_not_retried():
    calls = []

    def failing(architecture, *, seed=0):
        calls.append(architecture.name)
        return Evaluation.failed("diverged")

    assert [result.failure for _, result in run(failing, retries=3)] == ["diverged"] * 4
    assert len(calls) == 4


@pytest.mark.parametrize(
    "error", [UserError("returned '76'"), KeyboardInterrupt(), SystemExit(3)], ids=lambda error: type(error).__name__
)
def test_a_user_error_an_interrupt_and_an_exit_end_the_run_at_once(error):
    evaluator = Scripted(lambda name, call: error if name.endswith("b1") else None)
    results = LocalExecutor(retries=5).run(evaluator, NETWORKS)
    assert next(results)[0] == 0
    with pytest.raises(type(error)) as caught:
        next(results)
    assert caught.value is error
    assert evaluator.calls == ["efficientnet-b0", "efficientnet-b1"]


def test_a_network_that_the_surrogate_does_not_know_ends_the_run():
    with pytest.raises(UserError, match="mnasnet-b0"):
        run(Surrogate())


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("first\nsecond\nthird", "ValueError: first"),
        ("first\r\nsecond", "ValueError: first"),
        ("first\x0bsecond", "ValueError: first"),
        ("first\u2028second", "ValueError: first"),
        ("", "ValueError"),
        ("x" * 10_000, "ValueError: xxx"),
    ],
)
def test_a_long_message_becomes_one_short_line(message, reason):
    failure = run(Scripted(lambda name, call: ValueError(message)))[0][1].failure
    assert failure.startswith(reason)
    assert len(failure.splitlines()) == 1
    assert len(failure) <= 300


@pytest.mark.parametrize("message", ["\nthe reason", "\r\n  \nthe reason\nmore"])
def test_a_message_that_starts_with_an_empty_line_still_says_the_reason(message):
    failure = run(Scripted(lambda name, call: ValueError(message)))[0][1].failure
    assert "the reason" in failure
    assert len(failure.splitlines()) == 1


@pytest.mark.parametrize("wrapped", [True, False], ids=["Cached", "own many"])
def test_an_exception_inside_many_is_the_failure_of_one_network_only(wrapped):
    """A wrapper has `many` around a function that has none: what it raises must not end the run either."""
    evaluator = Scripted(lambda name, call: RuntimeError("CUDA out of memory") if name.endswith("b1") else None)
    if wrapped:
        evaluator = Cached(evaluator)
    else:
        evaluator.many = lambda architectures, seed=0: [evaluator(one, seed=seed) for one in architectures]
    results = dict(run(evaluator))
    assert sorted(results) == [0, 1, 2, 3]
    assert results[1].failure == "RuntimeError: CUDA out of memory"
    assert [results[position].accuracy for position in (0, 2, 3)] == [22.4, 26.0, 30.0]


def test_a_many_that_fails_once_succeeds_on_retry():
    evaluator = Scripted(lambda name, call: OSError("busy") if name.endswith("b2") and call == 1 else None)
    results = run(Cached(evaluator), retries=1)
    assert [result.accuracy for _, result in results] == [22.4, 24.0, 26.0, 30.0]


@pytest.mark.parametrize(
    "error", [UserError("returned '76'"), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
def test_a_user_error_and_an_interrupt_inside_many_end_the_run(error):
    with pytest.raises(type(error)) as caught:
        run(Cached(Scripted(lambda name, call: error)))
    assert caught.value is error


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_many_that_returns_another_number_of_results_breaks_its_contract(count):
    class Miscounting(Scripted):
        def many(self, architectures, *, seed=0):
            return [Evaluation(50.0)] * count

    with pytest.raises(UserError, match=rf"{count}\b.*4|4\b.*{count}"):
        run(Miscounting())


@pytest.mark.parametrize("retries", [-1, 1.5])
def test_an_impossible_number_of_retries_is_refused(retries):
    with pytest.raises(ValueError, match="retries is"):
        LocalExecutor(retries)
