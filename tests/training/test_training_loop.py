"""`train`: it learns, it is a function of its arguments, it leaves the process as it was, it says what is wrong."""

from __future__ import annotations

import json
import random
import signal
import threading
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from effsearch.models import build
from effsearch.records.errors import UserError
from effsearch.search_spaces import catalogue, codec
from effsearch.training import Diverged, load_recipe, train
from effsearch.training import trainer as trainer_module
from effsearch.training.batches import subset
from effsearch.training.schedule import learning_rate
from effsearch.training.speed import training_speed
from effsearch.training.suited import describe_change, suited
from effsearch.training.trainer import Trainer

CPU = torch.device("cpu")


def weights(result) -> dict[str, torch.Tensor]:
    return result.module.state_dict()


def crash(moment):
    raise ArithmeticError


def equal(first, second) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.slow
def test_it_learns_the_digits(digits, tiny, quick_recipe):
    """Chance is 10 %; logistic regression on the pixels reaches about 92 % on these test images."""
    result = train(tiny, digits, quick_recipe.with_changes(epochs=12), test=True, score_every=1)
    assert result.scores["validation"].accuracy > 93
    assert result.scores["test"].accuracy > 88
    assert result.scores["test"].count == 297
    assert result.epochs[-1].train_loss < 0.6 * result.epochs[0].train_loss
    assert [epoch.epoch for epoch in result.epochs] == list(range(1, 13))
    assert result.epochs[-1].step == 12 * (1350 // 32)
    assert result.kept_epoch == 12  # nothing kept the others' weights
    assert not result.module.training


@pytest.mark.slow
@pytest.mark.parametrize("name", ["modern", "paper"])
def test_the_other_recipes_learn_too(digits, tiny, name):
    changes = {"epochs": 15, "batch": 32, "flip": False, "ema": 0.98, "policy": "none", "warmup_epochs": 1}
    changes |= {"learning_rate": 0.05} if name == "paper" else {}
    result = train(tiny, digits, load_recipe(name).with_changes(**changes))
    assert result.scores["validation"].accuracy > 60


@pytest.mark.usefixtures("one_thread")
def test_the_same_seed_gives_the_same_network_and_another_seed_another(digits, tiny, quick_recipe):
    recipe = quick_recipe.with_changes(epochs=1)
    torch.manual_seed(1)
    first = train(tiny, digits, recipe, images=64, seed=3)
    torch.manual_seed(2)
    np.random.seed(2)
    second, third = (train(tiny, digits, recipe, images=64, seed=seed) for seed in (3, 4))
    assert equal(weights(first), weights(second))
    assert first.scores["validation"].loss == second.scores["validation"].loss
    assert not equal(weights(first), weights(third))


@pytest.mark.usefixtures("one_thread")
def test_looking_at_it_changes_nothing(digits, tiny, quick_recipe, tmp_path):
    """Scoring every epoch, the test images, a run directory, the last weights being the best."""
    recipe = quick_recipe.with_changes(epochs=2, ema=0.9)
    plain = train(tiny, digits, recipe, images=64)
    moments = []
    watched = train(tiny, digits, recipe, images=64, score_every=2, test=True, run_dir=tmp_path / "run",
                    on_step=moments.append)  # fmt: skip
    assert equal(weights(plain), weights(watched))
    assert [moment.step for moment in moments] == [1, 2, 3, 4]
    assert [moment.epoch for moment in moments] == [1, 1, 2, 2]
    assert all(moment.total_steps == 4 and moment.epochs == 2 and moment.left >= 0 for moment in moments)
    assert moments[-1].left == 0
    assert plain.run_dir is None


def test_the_process_is_left_as_it_was(digits, tiny, quick_recipe):
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    settings = torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(), threading.active_count()
    for problem in (False, True):
        with pytest.raises(ArithmeticError) if problem else nullcontext():
            train(tiny, digits, quick_recipe.with_changes(epochs=1), images=64, on_step=crash if problem else None)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert random.getstate() == before[1]
        assert np.random.get_state()[1].tobytes() == before[2]
        assert settings == (
            torch.get_num_threads(), torch.is_grad_enabled(), torch.get_default_dtype(), threading.active_count()
        )  # fmt: skip


def test_a_signal_at_any_step_stops_it(digits, tiny, quick_recipe, interrupting):
    before = signal.getsignal(signal.SIGINT)
    for step in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            train(tiny, digits, quick_recipe, images=32, on_step=interrupting(step))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_diverged_training_names_the_step(digits, tiny, quick_recipe):
    wild = {"learning_rate": 100.0, "warmup_epochs": 0, "schedule": "constant", "momentum": 0.9999, "weight_decay": 1}
    with pytest.raises(Diverged, match=r"the loss is (nan|inf) at step \d+ of 90"):
        train(tiny, digits, quick_recipe.with_changes(**wild, epochs=30), images=96)


@pytest.mark.parametrize(("channels", "classes"), [(3, 10), (1, 9), (1, 1000)])
def test_a_network_for_other_images_is_refused(digits, tiny, quick_recipe, channels, classes):
    other = replace(tiny, input_channels=channels, classes=classes)
    with pytest.raises(UserError, match=rf"{channels} channels and gives {classes} classes.* has 1 and 10") as caught:
        train(other, digits, quick_recipe)
    assert "adapt" in caught.value.hint


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:77", "meta", "", "cpu\nerror: x"])
def test_a_device_that_is_not_here(digits, tiny, quick_recipe, device):
    with pytest.raises(UserError, match="device") as caught:
        train(tiny, digits, quick_recipe, device=device)
    assert len(caught.value.lines()) <= 2


@pytest.mark.parametrize(("accumulate", "seed"), [(2, 0), (3, 1), (5, 2), (7, 3)])
def test_parts_of_a_batch_have_the_gradient_of_the_whole(digits, tiny, quick_recipe, seed, accumulate):
    """Nothing depends on the others of the batch here: normalised is by fixed numbers. 31 images do not divide."""
    quiet = replace(tiny, dropout=0.0, drop_path=0.0)
    found = []
    for parts in (1, accumulate):
        recipe = quick_recipe.with_changes(batch=accumulate * 30, accumulate=parts, momentum=0, nesterov=False)
        trainer = Trainer(quiet, digits, recipe, seed=seed, device=CPU, indices=np.arange(31))
        trainer.module.eval()
        trainer.forward.train = lambda mode=True: None
        next(trainer.run_epoch())
        found.append([weight.detach().clone() for weight in trainer.module.parameters()])
    assert trainer.batch == min(31, accumulate * 30)
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, atol=2e-6)


@drawn(st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=8, deadline=None)
def test_a_batch_is_cut_into_as_many_parts_as_asked_for(digits, tiny, quick_recipe, images, accumulate):
    recipe = quick_recipe.with_changes(batch=accumulate * 40, accumulate=accumulate, epochs=1)
    trainer = Trainer(tiny, digits, recipe, seed=0, device=CPU, indices=np.arange(images))
    sizes = []
    trainer.module.register_forward_hook(lambda module, given, output: sizes.append(len(given[0])))
    next(trainer.run_epoch())
    assert sum(sizes) == images
    assert len(sizes) == min(accumulate, images)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("images", [1, 5, 33])
def test_few_images_are_a_small_batch_at_its_learning_rate(digits, tiny, quick_recipe, images):
    """The rate is linear in the images a step, which are fewer than the recipe's."""
    recipe = quick_recipe.with_changes(batch=32, epochs=2)
    result = train(tiny, digits, recipe, images=images)
    batch = min(32, images)
    assert result.images == images
    assert [epoch.step for epoch in result.epochs] == [1, 2]
    expected = learning_rate(recipe.with_changes(batch=batch), 1, 1, 2)
    assert result.epochs[-1].learning_rate == pytest.approx(expected)


@pytest.mark.parametrize("changes", [{"batch": 1}, {"batch": 4, "accumulate": 4}])
def test_one_image_at_a_time_needs_maps_of_more_than_a_pixel(digits, tiny, quick_recipe, changes):
    recipe = quick_recipe.with_changes(**changes, epochs=1)
    with pytest.raises(UserError, match=r"one image at a time .* at 2 pixels the last maps of tiny are 1 pixel wide"):
        train(tiny, digits, recipe, images=4, resolution=2)
    assert train(tiny, digits, recipe, images=4, resolution=3).images == 4
    assert train(tiny, digits, recipe.with_changes(batch=4, accumulate=2), images=4, resolution=2).images == 4


def test_the_images_are_those_of_the_subset(digits, tiny, quick_recipe, monkeypatch):
    seen = []

    def noting(part, groups, device):
        if part is digits.train:
            seen.extend(int(place) for group in groups for place in group)
        return original(part, groups, device)

    original = trainer_module.batches
    monkeypatch.setattr(trainer_module, "batches", noting)
    train(tiny, digits, quick_recipe.with_changes(epochs=2), images=100)
    chosen = set(subset(digits.train.labels, 100).tolist())
    assert len(seen) == 2 * 96  # three steps of 32 an epoch; the four that are left over differ by the epoch
    assert set(seen) <= chosen
    assert len(set(seen[:96])) == 96
    assert seen[:96] != seen[96:]


@pytest.mark.parametrize("resolution", [5, 8, 16])
def test_it_trains_at_another_resolution(digits, tiny, quick_recipe, resolution):
    sizes = set()
    recipe = quick_recipe.with_changes(epochs=1)
    trainer = Trainer(tiny, digits, recipe, seed=0, device=CPU, indices=np.arange(32), resolution=resolution)
    trainer.module.register_forward_hook(lambda module, given, output: sizes.add(tuple(given[0].shape[1:])))
    list(trainer.run_epoch())
    trainer.score()
    assert sizes == {(1, resolution, resolution)}


@pytest.mark.parametrize("images", [None, 1_300_000])
def test_more_images_than_there_are_is_all_of_them(digits, tiny, quick_recipe, images):
    """1.3 million is ImageNet: no limit of ours."""
    moments = []

    def once(moment):
        moments.append(moment)
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        train(tiny, digits, quick_recipe, images=images, on_step=once)
    assert moments[0].total_steps == 3 * (1350 // 32)


@pytest.mark.slow
def test_bfloat16_trains_on_the_cpu(digits, tiny, quick_recipe):
    recipe = quick_recipe.with_changes(epochs=8)
    half = train(tiny, digits, recipe.with_changes(precision="bf16"))
    whole = train(tiny, digits, recipe)
    assert half.scores["validation"].accuracy == pytest.approx(whole.scores["validation"].accuracy, abs=8)
    assert half.scores["validation"].loss != whole.scores["validation"].loss
    assert all(weight.dtype == torch.float32 for weight in half.module.parameters())


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_compiled_training_goes_on_as_well(digits, tiny, quick_recipe, interrupting, tmp_path):
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(4))
    except Exception as error:
        pytest.skip(f"torch.compile does not work here: {type(error).__name__}")
    tiny = replace(tiny, stages=tiny.stages[:1], drop_path=0.0)
    recipe = quick_recipe.with_changes(compile=True, epochs=2)
    whole = train(tiny, digits, recipe, images=96)
    given = {"images": 96, "run_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        train(tiny, digits, recipe, **given, on_step=interrupting(4))
    resumed = train(tiny, digits, recipe, **given, resume=True)
    assert equal(weights(resumed), weights(whole))
    assert set(weights(whole)) == set(build(tiny).state_dict())
    plain = train(tiny, digits, quick_recipe.with_changes(epochs=2), images=96)
    assert whole.epochs[0].train_loss == pytest.approx(plain.epochs[0].train_loss, rel=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_the_model_card_gives_the_network_that_was_scored(digits, tiny, quick_recipe, tmp_path, monkeypatch):
    run = tmp_path / "run"
    recipe = quick_recipe.with_changes(epochs=4, norm_eps=0.01, ema=0.9)
    result = train(tiny, digits, recipe, run_dir=run, score_every=1, test=True)
    card = (run / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {}
    monkeypatch.chdir(run)
    exec(code, names)  # noqa: S102
    metrics = json.loads((run / "metrics.json").read_text())
    images = torch.from_numpy(np.array(digits.test.images)).permute(0, 3, 1, 2).float() / 255
    images = (images - torch.tensor(metrics["mean"]).view(-1, 1, 1)) / torch.tensor(metrics["std"]).view(-1, 1, 1)
    with torch.no_grad():
        called = names["network"](images).argmax(1).numpy()
    assert 100 * (called == digits.test.labels).mean() == pytest.approx(metrics["accuracy"])
    assert metrics["accuracy"] == result.scores["test"].accuracy
    assert f"{metrics['accuracy']:.2f} % top-1 on 297 test images" in card
    assert codec.load(run / "network.yaml") == tiny


def test_a_network_for_the_images_is_left_as_it_is(digits, tiny):
    assert suited(tiny, digits) is tiny
    assert suited(tiny, digits, 8) is tiny
    assert describe_change(tiny, tiny, digits) is None


def test_another_network_is_suited_to_the_images(digits):
    base = catalogue.load("b0")
    found = suited(base, digits)
    assert (found.resolution, found.input_channels, found.classes) == (8, 1, 10)
    sentence = describe_change(base, found, digits)
    assert "8 px, 1 channel, 10 classes" in sentence
    assert "\n" not in sentence
    assert suited(base, digits, 32).resolution == 32


@pytest.mark.parametrize("resolution", [0, -1])
def test_no_network_is_suited_to_no_pixels(digits, tiny, resolution):
    from effsearch.search_spaces.checks import InvalidValue

    with pytest.raises(InvalidValue, match=f"resolution is {resolution};"):
        suited(tiny, digits, resolution)


@pytest.mark.slow
def test_the_speed_is_measured_without_leaving_a_trace(digits, tiny, quick_recipe):
    before = torch.get_rng_state()
    assert training_speed(tiny, digits, quick_recipe) > 0
    assert training_speed(tiny, digits, quick_recipe.with_changes(batch=2048), steps=1) > 0  # more than there are
    assert torch.equal(torch.get_rng_state(), before)
