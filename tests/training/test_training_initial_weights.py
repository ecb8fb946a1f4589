"""Trainings that begin with weights from a file."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from effsearch.models import build
from effsearch.records.errors import UserError
from effsearch.training import train
from effsearch.training.initial_weights import InitialWeights


@pytest.fixture
def file(tiny, tmp_path):
    """Fresh weights that no seed of a training draws."""
    torch.manual_seed(12345)
    torch.save(build(tiny).state_dict(), tmp_path / "some.pth")
    return tmp_path / "some.pth"


def test_the_weights_of_the_file_are_the_first(tiny, file):
    network = build(tiny)
    began = InitialWeights.of(file).load(network)
    assert str(began) == "some.pth, as effsearch names them; all layers"
    for name, value in torch.load(file, weights_only=True).items():
        assert torch.equal(network.state_dict()[name], value), name


def test_for_other_classes_the_last_layer_stays_fresh(tiny, file):
    network = build(tiny, classes=7)
    last = network.head.classifier.weight.clone()
    assert not InitialWeights.of(file).load(network).last_layer
    assert torch.equal(network.head.classifier.weight, last)
    assert torch.equal(network.stem.conv.conv.weight, torch.load(file, weights_only=True)["stem.conv.conv.weight"])


@pytest.mark.slow
def test_a_training_goes_on_from_what_another_has_learnt(tiny, digits, quick_recipe, one_thread, tmp_path):
    first = train(tiny, digits, quick_recipe, run_dir=tmp_path / "first", score_every=1)
    weights = tmp_path / "first" / "weights.safetensors"
    short = quick_recipe.with_changes(epochs=1)
    fresh = train(tiny, digits, short, seed=1, score_every=1)
    begun = train(tiny, digits, short, seed=1, score_every=1, weights=weights, run_dir=tmp_path / "second")
    assert begun.epochs[0].train_loss < 0.7 * fresh.epochs[0].train_loss
    assert begun.epochs[0].train_loss < 1.2 * first.epochs[-1].train_loss
    assert "| began with the weights | weights.safetensors, as effsearch names them; all layers |" in (
        tmp_path / "second" / "README.md"
    ).read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_was_stopped_goes_on_with_the_same_weights_only(
    tiny, digits, quick_recipe, one_thread, interrupting, file, tmp_path
):
    short = quick_recipe.with_changes(epochs=2)
    whole = train(tiny, digits, short, weights=file, images=96)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, digits, short, weights=file, images=96, run_dir=tmp_path / "run", on_step=interrupting(4))
    other = tmp_path / "other.pth"
    torch.save(build(tiny).state_dict(), other)
    with pytest.raises(UserError, match="weights_file"):
        train(tiny, digits, short, weights=other, images=96, run_dir=tmp_path / "run", resume=True)
    done = train(tiny, digits, short, weights=file, images=96, run_dir=tmp_path / "run", resume=True)
    for name, value in whole.module.state_dict().items():
        assert torch.equal(done.module.state_dict()[name], value), name


def test_weights_of_another_network_stop_it_before_a_folder_is_made(tiny, digits, quick_recipe, file, tmp_path):
    wider = replace(tiny, stages=(replace(tiny.stages[0], channels=16), *tiny.stages[1:]))
    with pytest.raises(UserError, match="another shape"):
        train(wider, digits, quick_recipe, weights=file, run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
