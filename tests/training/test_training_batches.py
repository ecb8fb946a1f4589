"""Which images a training sees, in which order, and that every one comes as it is."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from effsearch.training.batches import batches, epoch_order, subset
from effsearch.training.datasets.dataset import Part

CPU = torch.device("cpu")
labels_of = arrays.arrays(np.int64, st.integers(1, 200), elements=st.integers(0, 12))
seeds = st.integers(0, 2**63 - 1)


@given(labels_of, st.data(), seeds)
def test_a_subset_has_the_classes_in_their_shares(labels, data, seed):
    count = data.draw(st.integers(1, len(labels)))
    chosen = subset(labels, count, seed)
    assert len(chosen) == count
    assert len(set(chosen.tolist())) == count
    assert (np.diff(chosen) > 0).all()
    assert chosen.dtype == np.int64
    of_all, of_chosen = Counter(labels.tolist()), Counter(labels[chosen].tolist())
    for label, number in of_all.items():
        assert abs(of_chosen[label] - number * count / len(labels)) < 1


@given(labels_of, st.data(), seeds)
@settings(max_examples=30)
def test_a_subset_is_a_function_of_its_seed(labels, data, seed):
    count = data.draw(st.integers(1, len(labels)))
    assert np.array_equal(subset(labels, count, seed), subset(labels.copy(), count, seed))


def test_another_seed_chooses_others():
    labels = np.arange(1000) % 10
    assert len({subset(labels, 100, seed).tobytes() for seed in range(20)}) == 20


@given(labels_of, st.integers(0, 50))
@settings(max_examples=20)
def test_no_count_or_more_than_there_are_is_all(labels, more):
    for count in (None, len(labels) + more):
        assert subset(labels, count).tolist() == list(range(len(labels)))


def test_every_image_may_be_chosen():
    labels = np.array([0] * 6 + [4] * 3)  # the classes 1, 2 and 3 have none
    found = np.concatenate([subset(labels, 3, seed) for seed in range(200)])
    assert set(found.tolist()) == set(range(9))
    assert (labels[found] == 0).sum() == 400


@given(st.integers(0, 500), seeds, st.integers(0, 100_000))
@settings(max_examples=50)
def test_an_epoch_has_every_image_once(number, seed, epoch):
    indices = np.arange(number) * 3
    order = epoch_order(indices, seed, epoch)
    assert sorted(order.tolist()) == indices.tolist()
    assert np.array_equal(order, epoch_order(indices, seed, epoch))


def test_orders_differ_by_seed_and_epoch():
    """Also where seed and epoch are exchanged, or add up to the same."""
    orders = {epoch_order(np.arange(50), seed, epoch).tobytes() for seed in range(12) for epoch in range(12)}
    assert len(orders) == 144


def test_every_place_is_reached_from_everywhere():
    """A permutation that is drawn evenly: the mean place of each image is the middle, 5 sigma."""
    orders = np.stack([epoch_order(np.arange(20), 7, epoch) for epoch in range(2000)])
    places = np.argsort(orders, axis=1).mean(axis=0)
    assert np.abs(places - 9.5).max() < 5 * np.sqrt((20**2 - 1) / 12 / 2000)


@pytest.fixture(scope="module")
def part():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 3, 3, 1)).astype(np.uint8)
    images.setflags(write=False)
    return Part(images, rng.integers(0, 4, 50))


@given(st.lists(st.lists(st.integers(0, 49), max_size=9), max_size=6))
@settings(max_examples=30, deadline=None)
def test_batches_are_the_groups_in_their_order(part, groups):
    groups = [np.array(group, dtype=np.int64) for group in groups]
    found = list(batches(part, groups, CPU))
    assert len(found) == len(groups)
    for group, (images, labels) in zip(groups, found, strict=True):
        assert images.dtype == torch.uint8
        assert np.array_equal(images.numpy(), part.images[group])
        assert np.array_equal(labels.numpy(), part.labels[group])


def test_a_batch_can_be_changed_without_changing_the_images(part):
    before = part.images.copy()
    for images, labels in batches(part, [np.arange(10)], CPU):
        images.zero_()
        labels.fill_(7)
    assert np.array_equal(part.images, before)


def readers() -> int:
    return sum(thread.name.startswith("batches") for thread in threading.enumerate())


def test_the_reader_ends_with_the_batches(part):
    groups = [np.arange(5)] * 10
    left = batches(part, groups, CPU)
    next(left)
    assert readers() == 1
    left.close()  # as a training that is interrupted
    assert readers() == 0
    assert len(list(batches(part, groups, CPU))) == 10
    assert readers() == 0


def test_what_goes_wrong_in_the_reader_is_raised_here(part):
    with pytest.raises(IndexError):
        list(batches(part, [np.arange(5), np.array([99])], CPU))
    assert readers() == 0
