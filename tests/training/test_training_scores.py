"""Accuracy, loss and their uncertainty, against scikit-learn, SciPy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import binomtest
from torch import nn

from effsearch.training import Diverged, train
from effsearch.training.datasets.dataset import Part
from effsearch.training.scores import Scores, score


class Look(nn.Module):
    """The prepared picture is a number; the network gives the row of that number."""

    def __init__(self, logits: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("logits", torch.from_numpy(logits).float())
        self.modes: list[bool] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training)
        return self.logits[images.long().view(-1)]


def scored(logits, labels, **options) -> Scores:
    part = Part(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1), np.asarray(labels, dtype=np.int64))
    options = {"classes": logits.shape[1], "device": torch.device("cpu"), **options}
    return score(Look(logits), part, nn.Identity(), **options)


@st.composite
def outputs(draw):
    classes, number = draw(st.integers(2, 12)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return rng.normal(size=(number, classes)) * draw(st.sampled_from([0.1, 1, 30])), rng.integers(0, classes, number)


@given(outputs(), st.integers(1, 70))
@settings(max_examples=60, deadline=None)
def test_counts_and_loss(both, batch):
    logits, labels = both
    logits = logits.astype(np.float32)
    number, classes = logits.shape
    found = scored(logits, labels, batch=batch)
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (labels, logits.argmax(1)), 1)
    assert found.confusion.tolist() == confusion.tolist()
    assert found.count == number
    assert found.accuracy == pytest.approx(100 * (logits.argmax(1) == labels).mean())
    likelihoods = log_softmax(logits.astype(float), 1)[range(number), labels]
    assert found.loss == pytest.approx(-likelihoods.mean(), rel=1e-5, abs=1e-6)
    if classes > 5:
        rank = (logits > logits[range(number), labels][:, None]).sum(1)
        assert found.top5 == pytest.approx(100 * (rank < 5).mean())
    else:
        assert found.top5 is None


@given(outputs(), st.integers(1, 70), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_the_batch_and_the_order_change_nothing(both, batch, step):
    logits, labels = both
    chosen = np.arange(len(labels))[::-step].copy()
    found, other = scored(logits, labels, indices=chosen, batch=batch), scored(logits[chosen], labels[chosen])
    assert np.array_equal(found.confusion, other.confusion)
    assert found.loss == pytest.approx(other.loss, rel=1e-5, abs=1e-6)


@pytest.mark.slow
@given(outputs())
@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_as_scikit_learn_says(both):
    metrics = pytest.importorskip("sklearn.metrics")
    logits, labels = both
    found, classes = scored(logits, labels), range(logits.shape[1])
    called = torch.from_numpy(logits).float().argmax(1).numpy()
    assert found.confusion.tolist() == metrics.confusion_matrix(labels, called, labels=classes).tolist()
    assert found.accuracy == pytest.approx(100 * metrics.accuracy_score(labels, called))
    if len(classes) > 5:
        top5 = metrics.top_k_accuracy_score(labels, logits.astype(np.float32), k=5, labels=classes)
        assert found.top5 == pytest.approx(100 * top5)


def of(right: int, number: int) -> Scores:
    return Scores(np.array([[right, number - right], [0, 0]]), 0.5, None)


@given(st.integers(1, 100_000), st.data())
@settings(max_examples=60, deadline=None)
def test_the_interval_is_wilsons(number, data):
    right = data.draw(st.one_of(st.just(0), st.just(number), st.integers(0, number)))
    expected = binomtest(right, number).proportion_ci(0.95, method="wilson")
    assert of(right, number).interval == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-5)
    low, high = of(right, number).interval
    assert -1e-9 <= low <= 100 * right / number + 1e-9
    assert 100 * right / number - 1e-9 <= high <= 100 + 1e-9


@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
def test_the_std_is_the_scatter_of_the_accuracy(share):
    number = 400
    drawn = np.random.default_rng(0).binomial(number, share, 20_000) / number * 100
    assert of(round(share * number), number).std == pytest.approx(drawn.std(), rel=0.03)


def test_all_right_or_all_wrong_is_not_certain():
    assert of(50, 50).std > 0
    assert of(0, 50).std == pytest.approx(of(50, 50).std)


def test_a_class_without_images_has_no_accuracy():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]])
    assert Scores(confusion, 0.1, None).class_accuracies == [75.0, None, 50.0]


def test_the_mapping_is_plain_values():
    import json

    mapping = json.loads(json.dumps(scored(np.eye(7), np.arange(7)).to_mapping()))
    assert mapping["accuracy"] == 100
    assert mapping["images"] == 7
    assert mapping["top5"] == 100
    assert mapping["interval_95"][0] < 100


@pytest.mark.parametrize("training", [True, False])
def test_it_is_scored_in_evaluation_mode_and_given_back(training):
    module = Look(np.eye(4)).train(training)
    part = Part(np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1), np.arange(4))
    score(module, part, nn.Identity(), classes=4, device=torch.device("cpu"), batch=3)
    assert module.modes == [False, False]
    assert module.training is training


def test_half_precision_is_counted_in_float():
    """bfloat16 sums would stop growing at 256."""
    logits = np.random.default_rng(0).normal(size=(250, 4))
    labels = np.random.default_rng(1).integers(0, 4, 250)
    found, exact = scored(logits, labels, kind="bf16"), scored(logits, labels)
    assert found.loss == pytest.approx(exact.loss, rel=1e-3)


WILD = {"learning_rate": 100.0, "warmup_epochs": 0, "schedule": "constant", "momentum": 0.9999, "weight_decay": 1.0}


@pytest.mark.usefixtures("one_thread")
def test_weights_that_are_no_numbers_are_not_scored(digits, tiny, quick_recipe):
    """Each step's loss is finite: it is of the weights before the step."""
    recipe = quick_recipe.with_changes(**WILD, epochs=30)
    with pytest.raises(Diverged, match=r"the validation loss is (nan|inf) after step [1-9]"):
        train(tiny, digits, recipe, images=96, score_every=1)
