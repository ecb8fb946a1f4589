"""What a training leaves in its run directory, and that all of it says the same."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml

from effsearch.models import build
from effsearch.records.errors import UserError
from effsearch.records.ledger import read
from effsearch.search_spaces import codec
from effsearch.search_spaces.cost import cost
from effsearch.training import train
from effsearch.training.augment import Prepare
from effsearch.training.run_files import RunFiles, save_weights
from effsearch.training.scores import score
from effsearch.training.tensorboard import Curves

pytestmark = pytest.mark.usefixtures("one_thread")
FILES = {
    "README.md", "checkpoints", "confusion.csv", "config.yaml", "epochs.csv", "ledger.jsonl", "lock", "manifest.json",
    "metrics.json", "network.yaml", "weights.safetensors",
}  # fmt: skip


def trained(tiny, digits, recipe, run: Path, **given):
    return train(tiny, digits, recipe, run_dir=run, images=96, **{"score_every": 1, "test": True, **given})


def test_the_files_say_what_the_result_says(tiny, digits, quick_recipe, tmp_path):
    run = tmp_path / "deep" / "run"
    result = trained(tiny, digits, quick_recipe, run, seed=2)
    assert FILES <= {path.name for path in run.iterdir()} <= FILES | {"tensorboard"}
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"last.pt", "best.safetensors"}

    metrics = json.loads((run / "metrics.json").read_text())
    test = result.scores["test"]
    assert (metrics["accuracy"], metrics["loss"], metrics["part"]) == (test.accuracy, test.loss, "test")
    assert (metrics["params"], metrics["mult_adds"]) == (cost(tiny).params, cost(tiny).mult_adds)
    assert metrics["params"] == sum(weight.numel() for weight in result.module.parameters())
    assert metrics["images_per_second"] == result.images_per_second > 0
    assert (metrics["seed"], metrics["images"], metrics["epochs"], metrics["resolution"]) == (2, 96, 3, 8)
    assert metrics["chosen_on_these_images"] is False
    assert metrics["scores"]["validation"]["images"] == len(digits.validation)

    with (run / "epochs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["accuracy"]) for row in rows] == [epoch.accuracy for epoch in result.epochs]
    entries = [entry for entry in read(run / "ledger.jsonl") if entry["kind"] == "epoch"]
    assert [entry["train_loss"] for entry in entries] == [epoch.train_loss for epoch in result.epochs]

    with (run / "confusion.csv").open(newline="") as file:
        header, *table = list(csv.reader(file))
    assert header == ["true", *digits.classes]
    assert [[int(cell) for cell in row[1:]] for row in table] == test.confusion.tolist()
    assert np.trace(test.confusion) * 100 / 297 == pytest.approx(metrics["accuracy"])
    assert codec.load(run / "network.yaml") == tiny
    assert json.loads((run / "manifest.json").read_text())["state"] == "done"
    assert yaml.safe_load((run / "config.yaml").read_text())["seed"] == 2


@pytest.mark.slow
@pytest.mark.parametrize(("ema", "epochs"), [(0.0, 6), (0.5, 6), (0.0, 2)])
def test_the_weights_are_those_of_the_best_epoch(tiny, digits, quick_recipe, tmp_path, ema, epochs):
    """Read by safetensors into a fresh network, they have the best epoch's accuracy; the first of equal ones."""
    from safetensors.torch import load_model

    wild = {"learning_rate": 3.0, "schedule": "constant", "warmup_epochs": 0}
    recipe = quick_recipe.with_changes(epochs=epochs, ema=ema, **wild)
    result = trained(tiny, digits, recipe, tmp_path / "run", seed=3)
    accuracies = [epoch.accuracy for epoch in result.epochs]
    assert result.kept_epoch < epochs  # such a rate does not end at the best
    assert result.kept_epoch == 1 + accuracies.index(max(accuracies))
    network = build(tiny, norm_eps=recipe.norm_eps)
    load_model(network, tmp_path / "run" / "weights.safetensors")
    prepare = Prepare(mean=digits.mean, std=digits.std, resolution=8)
    found = score(network, digits.validation, prepare, classes=10, device=torch.device("cpu"))
    assert found.accuracy == max(accuracies) == result.scores["validation"].accuracy
    assert found.loss == pytest.approx(result.epochs[result.kept_epoch - 1].loss, rel=1e-6)


@pytest.mark.slow
def test_chosen_on_the_images_it_was_scored_on_is_said(tiny, digits, quick_recipe, tmp_path):
    """Without test images the headline is of the validation images, on which the epoch was chosen, or nothing was."""
    bare = replace(digits, test=None)
    for name, recipe, score_every, chosen in (
        ("chosen", quick_recipe, 1, True),
        ("last", quick_recipe, None, False),
        ("one", quick_recipe.with_changes(epochs=1), 1, False),
    ):
        run = tmp_path / name
        result = trained(tiny, bare, recipe, run, score_every=score_every)
        metrics = json.loads((run / "metrics.json").read_text())
        assert set(result.scores) == {"validation"}
        assert (metrics["part"], metrics["chosen_on_these_images"]) == ("validation", chosen)
        assert ("optimistic" in (run / "README.md").read_text()) is chosen


@pytest.mark.slow
def test_names_of_others_cannot_spoil_the_files(tiny, digits, quick_recipe, tmp_path):
    classes = ("a,b", 'say "x"', "line\nbreak", "=1+1", "\x1b[31m", "| pipe", "日本", "g", "h", "i")
    run = tmp_path / "run"
    trained(replace(tiny, name="my\nnet"), replace(digits, classes=classes, name="d\x07"), quick_recipe, run)
    with (run / "confusion.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert tuple(header[1:]) == classes == tuple(row[0] for row in rows)
    assert json.loads((run / "metrics.json").read_text())["classes"] == list(classes)
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "\x1b" not in card
    assert "\x07" not in card
    assert card.startswith("# my\\nnet on ")


@pytest.mark.slow
def test_a_damaged_file_of_weights_is_a_message(tiny, digits, quick_recipe, tmp_path):
    run = tmp_path / "run"
    trained(tiny, digits, quick_recipe, run)
    best = run / "checkpoints" / "best.safetensors"
    best.write_bytes(best.read_bytes()[:500])
    with pytest.raises(UserError, match=r"best\.safetensors holds no weights") as caught:
        trained(tiny, digits, quick_recipe, run, resume=True)
    assert "\n" not in str(caught.value)
    best.unlink()
    assert trained(tiny, digits, quick_recipe, run, resume=True).kept_epoch == 3  # the last, as the hint says


def test_weights_that_cannot_be_written_are_a_message(tiny, tmp_path):
    for path in (tmp_path / "missing" / "w.safetensors", Path("/dev/full"), tmp_path):
        with pytest.raises(UserError, match="cannot write the weights"):
            save_weights(build(tiny), path)


def test_without_a_directory_nothing_is_written(tiny, digits, quick_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = train(tiny, digits, quick_recipe.with_changes(epochs=1), images=32, score_every=1)
    assert list(tmp_path.iterdir()) == []
    assert result.run_dir is result.notice is None


def test_a_folder_that_cannot_be_written(tiny, digits, quick_recipe, tmp_path):
    (tmp_path / "file").write_text("text")
    for run in (tmp_path / "file", tmp_path / "file" / "run", Path("/proc/run"), "/dev/full"):
        with pytest.raises(UserError, match=r"cannot make the run directory|not empty"):
            train(tiny, digits, quick_recipe, run_dir=run)


def test_safetensors_that_is_missing_is_told_before_training(tiny, digits, quick_recipe, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    steps = []
    with pytest.raises(UserError, match="safetensors, which is not installed") as caught:
        train(tiny, digits, quick_recipe, run_dir=tmp_path / "run", on_step=steps.append)
    assert "pip install safetensors" in caught.value.hint
    assert steps == []
    assert not (tmp_path / "run").exists()


def test_without_a_writer_there_are_no_curves(tmp_path, monkeypatch):
    from effsearch.training import tensorboard

    monkeypatch.setattr(tensorboard, "WRITERS", ("effsearch_missing_module",))
    curves = Curves(tmp_path / "tensorboard")
    curves.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_curves_are_those_of_the_epochs(tiny, digits, quick_recipe, tmp_path, interrupting, monkeypatch):
    """Also of a training that was interrupted: every epoch once. TensorBoard is played by a list."""
    from effsearch.training import tensorboard

    told, closed = [], []

    class SummaryWriter:
        def __init__(self, folder):
            self.folder = folder

        def add_scalar(self, name, value, step):
            told.append((self.folder, name, value, step))

        def flush(self):
            pass

        def close(self):
            closed.append(self.folder)

    module = ModuleType("effsearch_writer")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "effsearch_writer", module)
    monkeypatch.setattr(tensorboard, "WRITERS", ("effsearch_missing_module", "effsearch_writer"))
    with pytest.raises(KeyboardInterrupt):
        trained(tiny, digits, quick_recipe, tmp_path / "run", on_step=interrupting(5))
    result = trained(tiny, digits, quick_recipe, tmp_path / "run", resume=True)
    for name, values in {
        "train/loss": [epoch.train_loss for epoch in result.epochs],
        "validation/accuracy": [epoch.accuracy for epoch in result.epochs],
    }.items():
        assert [(value, step) for _, told_name, value, step in told if told_name == name] == list(
            zip(values, [3, 6, 9], strict=True)
        )
    assert {folder for folder, *_ in told} == {str(tmp_path / "run" / "tensorboard")}
    assert len(closed) == 2


def test_everything_is_given_back_when_the_training_fails(tiny, digits, quick_recipe, tmp_path):
    """The lock, so that the run can be resumed from the same process; its state is told."""

    def crash(moment):
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        trained(tiny, digits, quick_recipe, tmp_path / "run", on_step=crash)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "failed"
    settings = next(entry for entry in read(tmp_path / "run" / "ledger.jsonl") if entry["kind"] == "settings")
    del settings["kind"]
    with RunFiles.open(tmp_path / "run", settings, None, resume=True) as files:
        assert files.path == tmp_path / "run"
