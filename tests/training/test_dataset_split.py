"""The stratified split: its shares, that it depends on what it should, and that no version may change it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from effsearch.training.datasets.split import held_out, stratified

LABELS = st.lists(st.integers(0, 5), max_size=120).map(lambda labels: np.array(labels, np.int64))
SHARES = st.floats(0.001, 0.9)
SEEDS = st.integers(0, 2**63 - 1)


@given(LABELS, SHARES, SEEDS)
@settings(max_examples=60)
def test_every_class_gives_its_share_and_keeps_one(labels, share, seed):
    taken = stratified(labels, share, seed)
    assert taken.shape == labels.shape
    for label in set(labels.tolist()):
        count, of = int(taken[labels == label].sum()), int((labels == label).sum())
        if of == 1:
            assert count == 0
        else:
            assert 1 <= count <= of - 1
            assert abs(count - share * of) <= 0.5 or count in (1, of - 1)


@given(LABELS, SHARES, SEEDS)
@settings(max_examples=30)
def test_it_is_a_function_of_its_arguments(labels, share, seed):
    assert np.array_equal(stratified(labels, share, seed), stratified(labels.copy(), share, seed))


@given(LABELS, SHARES, SEEDS, st.integers(0, 5))
@settings(max_examples=30)
def test_another_class_changes_nothing(labels, share, seed, label):
    whole = stratified(labels, share, seed)
    alone = stratified(labels[labels == label], share, seed)
    assert np.array_equal(whole[labels == label], alone)


@given(st.integers(20, 400), st.floats(0.05, 0.4), st.floats(0.01, 0.4), SEEDS)
@settings(max_examples=30)
def test_a_larger_share_holds_the_smaller_one(count, share, more, seed):
    labels = np.zeros(count, np.int64)
    small, large = stratified(labels, share, seed), stratified(labels, share + more, seed)
    assert not np.any(small & ~large)


def test_seeds_and_classes_draw_differently():
    labels = np.repeat(np.arange(2), 1000)
    one, other = stratified(labels, 0.1, 0), stratified(labels, 0.1, 1)
    # two independent draws of 100 of 1000 share 10, with a standard deviation of 2.8
    assert 0 < (one & other)[:1000].sum() < 25
    assert 0 < (one[:1000] & one[1000:]).sum() < 25


def test_the_draw_is_even():
    """No place in the list is favoured: over 400 seeds each of 50 images is drawn 20 % of the time."""
    drawn = sum(stratified(np.zeros(50, np.int64), 0.2, seed).astype(int) for seed in range(400))
    expected = 400 * 0.2
    chi_square = ((drawn - expected) ** 2 / (expected * 0.8)).sum()
    assert chi_square < 90  # 49 degrees of freedom: 99.97 % are below


def test_the_draw_is_splitmix64():
    """The generator in plain integers, as its authors print it."""

    def mixed(value):
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    def key(place, label, seed):
        first = mixed((place + (label + 1) * 0x9E3779B97F4A7C15) % 2**64)
        return mixed((first + (seed + 1) * 0x9E3779B97F4A7C15) % 2**64)

    labels = np.full(30, 3, np.int64)
    expected = sorted(range(30), key=lambda place: key(place, 3, 7))[:6]
    assert np.nonzero(stratified(labels, 0.2, 7))[0].tolist() == sorted(expected)
    assert mixed(0x9E3779B97F4A7C15) == 0xE220A8397B1DCDAF  # the published first number of seed 0


def test_how_many_are_held_out():
    assert [held_out(images, 0.1) for images in (0, 1, 2, 14, 15, 100)] == [0, 0, 1, 1, 2, 10]
    assert held_out(2, 0.9) == 1
