"""Short trainings as an evaluator: the same everywhere, honest about what they are of, failing in words."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch
from digits_data import tiny_network, write_npz

from effsearch import evaluators
from effsearch.evaluators.evaluation import checked
from effsearch.evaluators.training import TrainingEvaluator
from effsearch.records.errors import UserError
from effsearch.search_spaces.checks import InvalidValue
from effsearch.training import load_recipe, loop
from effsearch.workers.local import LocalExecutor

RECIPE = load_recipe("proxy").with_changes(batch=32, flip=False)
WILD = {"learning_rate": 100.0, "warmup_epochs": 0, "schedule": "constant", "momentum": 0.9999, "weight_decay": 1.0}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The file, with the caches beside it."""
    folder = tmp_path_factory.mktemp("digits")
    patch = pytest.MonkeyPatch()
    patch.setenv("EFFSEARCH_CACHE", str(folder / "cache"))
    yield write_npz(folder / "digits.npz")
    patch.undo()


@pytest.fixture
def rate(images):
    return TrainingEvaluator(images, epochs=1, images=96, recipe=RECIPE)


def values(evaluation):
    return {name: value for name, value in evaluation.to_mapping().items() if name != "seconds"}


def test_it_is_a_function_of_network_and_seed(rate):
    tiny = tiny_network()
    first, second = rate(tiny, seed=3), rate(tiny, seed=3)
    assert values(first) == values(second)
    assert values(rate(tiny, seed=4)) != values(first)
    assert values(rate(replace(tiny, name="other"), seed=3)) == values(first)  # a name is no part of a network
    assert checked(first, "train") == first
    assert first.failure is None
    assert first.seed == 3
    assert 0 < first.accuracy < 100
    assert first.seconds > 0


def test_the_process_is_left_as_it_was(rate):
    torch.set_num_threads(2)
    before = torch.get_rng_state(), torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    try:
        rate(tiny_network())
        assert torch.get_num_threads() == 2
        with pytest.raises(UserError):
            rate(tiny_network(classes=7))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == before[1:]


def test_the_caller_s_threads_do_not_matter(images):
    """Sums in another order would give other bits."""
    rate = TrainingEvaluator(images, epochs=1, images=96, recipe=RECIPE)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(values(rate(tiny_network(), seed=1)))
    torch.set_num_threads(1)
    assert found[0] == found[1]


def test_it_says_what_the_accuracy_is_of(images):
    rate = TrainingEvaluator(images, epochs=2, images=1000, recipe=RECIPE)
    assert rate.fidelity == "digits.npz validation top-1, 2 epochs, 1,000 images"
    assert rate.source == (
        f"training, {rate.fidelity}, recipe {rate.recipe.fingerprint}, data {rate.dataset.fingerprint}"
    )
    everything = TrainingEvaluator(images, images=10**9, resolution=16, recipe=RECIPE)
    assert everything.fidelity == "digits.npz validation top-1, 3 epochs, 1,350 images, 16 px"


def test_the_source_tells_apart_what_gives_other_numbers(images, tmp_path):
    others = [
        TrainingEvaluator(images, recipe=RECIPE, **changed)
        for changed in ({}, {"epochs": 2}, {"images": 100}, {"resolution": 16}, {"size": 7}, {"validation": 0.2})
    ]
    others.append(TrainingEvaluator(images, recipe=RECIPE.with_changes(learning_rate=0.1)))
    assert len({rate.source for rate in others}) == len(others)
    assert TrainingEvaluator(images, recipe=replace(RECIPE, name="mine")).source == others[0].source


def test_the_std_adds_both_errors(images):
    plain = TrainingEvaluator(images, epochs=1, images=64, recipe=RECIPE)(tiny_network())
    both = TrainingEvaluator(images, epochs=1, images=64, recipe=RECIPE, seed_std=3.0)(tiny_network())
    right = round(plain.accuracy / 100 * 150)
    share = (right + 1) / 152
    assert plain.std == pytest.approx(100 * math.sqrt(share * (1 - share) / 150))
    assert both.std == pytest.approx(math.sqrt(plain.std**2 + 9))


@pytest.mark.parametrize("epochs", [8, 30])
def test_a_training_that_diverges_is_a_failed_evaluation(images, epochs):
    """Also where only the validation images show it."""
    rate = TrainingEvaluator(images, epochs=epochs, images=96, recipe=RECIPE.with_changes(**WILD))
    ((_, result),) = LocalExecutor(retries=0).run(rate, [tiny_network()], seed=1)
    assert result.failure.startswith("diverged: the ")
    assert " step " in result.failure
    assert math.isnan(result.accuracy)
    assert (result.fidelity, result.source, result.seed) == (rate.fidelity, rate.source, 1)
    assert json.dumps(result.to_mapping(), allow_nan=False)


def test_where_a_gpu_has_no_memory_another_try_may_find_some(rate, monkeypatch):
    tries = []

    def full(*arguments, **options):
        tries.append(arguments)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")

    monkeypatch.setattr(loop, "train", full)
    ((_, result),) = LocalExecutor(retries=1).run(rate, [tiny_network()])
    assert result.failure == "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
    assert len(tries) == 2


def test_what_is_wrong_with_every_network_is_an_error(rate):
    for wrong in ({"classes": 9}, {"input_channels": 3}):
        with pytest.raises(UserError, match=r"digits\.npz has 1 and 10"):
            rate(tiny_network(**wrong))


WRONG = {
    "epochs": ({"epochs": 0}, "epochs is 0"),
    "fraction": ({"epochs": 1.5}, "epochs is 1.5"),
    "images": ({"images": -3}, "images is -3"),
    "resolution": ({"resolution": 0}, "resolution is 0"),
    "threads": ({"threads": 0}, "threads is 0"),
    "std": ({"seed_std": -1.0}, "seed_std is -1.0"),
    "nan": ({"seed_std": math.nan}, "seed_std is nan"),
    "recipe": ({"recipe": "proxi"}, "'proxi'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_values_are_told_at_once(kind):
    given, words = WRONG[kind]
    with pytest.raises(InvalidValue, match=words):
        evaluators.load("train", data="somewhere", **given)


def test_loading_it_by_name(images):
    rate = evaluators.load("train", data=images, epochs=2, recipe=RECIPE)
    assert isinstance(rate, TrainingEvaluator)
    assert rate.recipe.epochs == 2
    for options, words in (({"epoch": 3}, "no option 'epoch'"), ({}, "needs images"), ({"data": ""}, "needs images")):
        with pytest.raises(UserError, match=words):
            evaluators.load("train", **({"data": images} if "epoch" in options else {}), **options)


def test_images_that_are_not_there(tmp_path):
    rate = TrainingEvaluator(tmp_path / "missing")
    with pytest.raises(UserError, match="missing"):
        rate(tiny_network())
    with pytest.raises(UserError, match="missing"):
        pickle.dumps(rate)


def run_elsewhere(code: str, *arguments: object, **environment: str) -> str:
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=300, env={**os.environ, **paths},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def copied(pickled: bytes) -> TrainingEvaluator:
    return pickle.loads(pickled)  # noqa: S301 (just made here)


def test_where_the_cache_is_not_the_images_are_read_again(tmp_path, monkeypatch):
    """As on another machine of a cluster, where the same path may hold other images."""
    monkeypatch.setenv("EFFSEARCH_CACHE", str(tmp_path / "here"))
    images = write_npz(tmp_path / "digits.npz")
    first = TrainingEvaluator(images, epochs=1, images=96, recipe=RECIPE)
    pickled, mapped = pickle.dumps(first), first.dataset.path
    assert copied(pickled).dataset.path == mapped
    monkeypatch.setenv("EFFSEARCH_CACHE", str(tmp_path / "there"))
    mapped.rename(mapped.with_name("gone"))
    again = copied(pickled)
    assert again.dataset.path.is_relative_to(tmp_path / "there")
    assert again.source == first.source
    write_npz(images, test=False)
    with pytest.raises(UserError, match="other images here"):
        _ = copied(pickled).dataset


@pytest.mark.slow
def test_another_process_gives_the_same_evaluation(images, tmp_path):
    """It comes pickled, has other threads, another hash seed, and does not read the images again."""
    rate = TrainingEvaluator(images, epochs=2, images=200, recipe=RECIPE.with_changes(mixup=0.2, ema=0.9))
    (tmp_path / "rate.pickle").write_bytes(pickle.dumps((rate, tiny_network())))
    moved = images.rename(images.with_name("moved.npz"))
    try:
        found = run_elsewhere(
            """
            import json, pickle, sys, torch
            torch.manual_seed(99)
            rate, network = pickle.load(open(sys.argv[1], "rb"))
            print(json.dumps(rate(network, seed=7).to_mapping()))
            """,
            tmp_path / "rate.pickle",
            OMP_NUM_THREADS="2",
            PYTHONHASHSEED="5",
        )
    finally:
        moved.rename(images)
    there = json.loads(found)
    del there["seconds"]
    assert there == values(rate(tiny_network(), seed=7))


@pytest.mark.slow
def test_training_needs_nothing_of_the_searches(images):
    """ray, optuna and others are not there: no finder finds them."""
    found = run_elsewhere(
        """
        import sys

        MISSING = {"ray", "optuna", "pandas", "matplotlib", "kornia", "torchvision", "timm", "sklearn", "scipy",
                   "tensorboardX", "tensorboard"}

        class Without:
            def __init__(self, finder):
                self.finder = finder

            def find_spec(self, name, path=None, target=None):
                return None if name.split(".")[0] in MISSING else self.finder.find_spec(name, path, target)

        sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
        import effsearch.training, effsearch.evaluators.training
        from effsearch.training import load_dataset, load_recipe, train
        from digits_data import tiny_network
        from pathlib import Path
        import tempfile

        recipe = load_recipe("modern").with_changes(epochs=1, batch=32, warmup_epochs=0)
        data = load_dataset(sys.argv[1])
        with tempfile.TemporaryDirectory() as folder:
            train(tiny_network(), data, recipe, images=64, run_dir=Path(folder) / "run", test=True, score_every=1)
            assert (Path(folder) / "run" / "metrics.json").is_file()
        rate = effsearch.evaluators.training.TrainingEvaluator(sys.argv[1], epochs=1, images=64)
        assert rate(tiny_network()).failure is None
        print("done", "optuna" in sys.modules, "ray" in sys.modules)
        """,
        images,
    )
    assert found == "done False False\n"


@pytest.mark.slow
def test_importing_it_imports_no_torch():
    code = "import sys, effsearch.training, effsearch.evaluators.training; print('torch' in sys.modules)"
    assert run_elsewhere(code) == "False\n"
