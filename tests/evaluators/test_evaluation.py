"""The value Evaluation as plain JSON and back; evaluate_many."""

import json
import math
from dataclasses import FrozenInstanceError, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effsearch.evaluators import Evaluation, Evaluator
from effsearch.evaluators.evaluation import evaluate_many, timed
from effsearch.search_spaces import catalogue

NETWORKS = [catalogue.load(name) for name in ("b0", "b1", "mobilenet-v2")]
finite = st.floats(allow_nan=False, allow_infinity=False)
evaluations = st.builds(
    Evaluation,
    accuracy=finite | st.just(math.nan),
    std=st.none() | finite,
    loss=st.none() | finite,
    seed=st.integers(),
    fidelity=st.text(),
    seconds=finite,
    source=st.text(),
    failure=st.none() | st.text(),
)


def same(first, second):
    """Equality of values in which NaN equals NaN."""
    return all(
        (one := getattr(first, field.name)) == (other := getattr(second, field.name))
        or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))
        for field in fields(Evaluation)
    )


@given(evaluations)
def test_an_evaluation_comes_back_from_strict_json(evaluation):
    text = json.dumps(evaluation.to_mapping(), allow_nan=False)
    assert same(Evaluation.from_mapping(json.loads(text)), evaluation)


def test_the_mapping_has_every_field_and_none_for_nan():
    mapping = Evaluation.failed("out of memory", seed=4, source="train", seconds=2.5).to_mapping()
    assert mapping == {
        "accuracy": None,
        "std": None,
        "loss": None,
        "seed": 4,
        "fidelity": "",
        "seconds": 2.5,
        "source": "train",
        "failure": "out of memory",
    }
    assert Evaluation(0.0).to_mapping()["accuracy"] == 0.0
    assert math.isnan(Evaluation.from_mapping(mapping).accuracy)


def test_a_failure_has_no_accuracy_and_a_reason():
    failed = Evaluation.failed("diverged")
    assert math.isnan(failed.accuracy)
    assert failed.failure == "diverged"
    assert Evaluation(70.0).failure is None


def test_an_evaluation_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Evaluation(70.0).accuracy = 80.0


class Single:
    def __init__(self):
        self.calls = []

    def __call__(self, architecture, *, seed=0):
        self.calls.append((architecture.name, seed))
        return Evaluation(float(len(self.calls)), seed=seed)


class Batched(Single):
    def many(self, architectures, *, seed=0):
        self.calls.append(([one.name for one in architectures], seed))
        return tuple(Evaluation(50.0 + position) for position, _ in enumerate(architectures))


def test_evaluate_many_calls_a_plain_evaluator_for_each_in_order():
    evaluator = Single()
    assert [one.accuracy for one in evaluate_many(evaluator, NETWORKS, seed=9)] == [1.0, 2.0, 3.0]
    assert evaluator.calls == [(network.name, 9) for network in NETWORKS]


def test_evaluate_many_uses_many_once_where_there_is_one():
    evaluator = Batched()
    results = evaluate_many(evaluator, NETWORKS, seed=9)
    assert isinstance(results, list)
    assert [one.accuracy for one in results] == [50.0, 51.0, 52.0]
    assert evaluator.calls == [([network.name for network in NETWORKS], 9)]


def test_a_function_is_an_evaluator():
    def constant(architecture, *, seed=0):
        return Evaluation(1.0)

    assert isinstance(constant, Evaluator)
    assert [one.accuracy for one in evaluate_many(constant, NETWORKS)] == [1.0] * 3
    assert evaluate_many(constant, []) == []


def test_evaluations_made_together_share_their_seconds(monkeypatch):
    monkeypatch.setattr("effsearch.evaluators.evaluation.perf_counter", lambda: 106.0)
    shared = timed([Evaluation(1.0), Evaluation(2.0), Evaluation(3.0)], 100.0)
    assert [(one.accuracy, one.seconds) for one in shared] == [(1.0, 2.0), (2.0, 2.0), (3.0, 2.0)]
    assert timed([], 100.0) == []
