"""A training that was stopped in any way ends like one that was not: to the last bit."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from effsearch.records.errors import UserError
from effsearch.search_spaces.checks import InvalidValue
from effsearch.training import Diverged, loop, run_files, train, trainer
from effsearch.training.ema import Ema
from effsearch.training.run_files import RunFiles

pytestmark = pytest.mark.usefixtures("one_thread")

TIMES = ("seconds", "images_per_second")
RECIPES = {
    "proxy": {},
    "averaged mixup": {"ema": 0.99, "mixup": 0.4, "cutmix": 0.5, "drop_path": 0.3, "dropout": 0.3},
    "rmsprop": {"optimiser": "rmsprop_tf", "nesterov": False, "schedule": "exponential", "learning_rate": 0.05,
                "decay_epochs": 0.5},
    "adamw in parts": {"optimiser": "adamw", "nesterov": False, "learning_rate": 0.01, "accumulate": 4,
                       "clip_norm": 1.0, "ema": 0.9},
    "every augmentation": {"policy": "trivial", "erasing": 0.5, "crop": "random_resized", "flip": True},
    "half precision": {"precision": "bf16", "channels_last": False},
}  # fmt: skip
slow = partial(pytest.param, marks=pytest.mark.slow)
STEPS = 3  # an epoch: 96 images in steps of 32
GIVEN = {"images": 96, "score_every": 1, "test": True, "seed": 5}


def without_times(mapping):
    return {name: value for name, value in mapping.items() if name not in TIMES}


def rows(path: Path):
    with path.open(newline="") as file:
        return [without_times(row) for row in csv.DictReader(file)]


def metrics(run: Path):
    return without_times(json.loads((run / "metrics.json").read_text()))


def entries(run: Path):
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    return [without_times(line) for line in lines if line.get("kind") == "epoch"]


def check_same(result, run: Path, expected, expected_run: Path) -> None:
    weights, wanted = result.module.state_dict(), expected.module.state_dict()
    assert weights.keys() == wanted.keys()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    assert [without_times(vars(epoch)) for epoch in result.epochs] == [
        without_times(vars(epoch)) for epoch in expected.epochs
    ]
    assert metrics(run) == metrics(expected_run)
    assert rows(run / "epochs.csv") == rows(expected_run / "epochs.csv")
    assert entries(run) == entries(expected_run)
    for name in ("weights.safetensors", "network.yaml", "confusion.csv"):
        assert (run / name).read_bytes() == (expected_run / name).read_bytes(), name
    assert json.loads((run / "manifest.json").read_text())["state"] == "done"


@pytest.fixture
def start(tiny, digits, quick_recipe, tmp_path):
    """A training in `tmp_path / name`; further arguments go before those of all trainings here."""

    def start(name="run", changes=None, **given):
        recipe = quick_recipe.with_changes(**(changes or {}))
        return train(tiny, digits, recipe, run_dir=tmp_path / name, **{**GIVEN, **given})

    return start


@pytest.fixture(scope="module")
def never_stopped(tiny, digits, quick_recipe, tmp_path_factory):
    """The result and the run directory of a training with those changes of the recipe."""
    known = {}

    def never_stopped(changes=None):
        key = repr(changes)
        if key not in known:
            run = tmp_path_factory.mktemp("never_stopped") / "run"
            known[key] = train(tiny, digits, quick_recipe.with_changes(**(changes or {})), run_dir=run, **GIVEN), run
        return known[key]

    return never_stopped


@pytest.fixture
def expect(start, never_stopped, tmp_path):
    """Resumes a stopped training and compares it with one that was not stopped."""

    def expect(name="run", changes=None, **given):
        result = start(name, changes, resume=True, **given)
        check_same(result, tmp_path / name, *never_stopped(changes))
        return result

    return expect


@pytest.mark.parametrize("kind", ["averaged mixup", *(slow(kind) for kind in RECIPES if kind != "averaged mixup")])
def test_interrupted_twice_within_epochs(start, expect, interrupting, tmp_path, kind):
    changes = RECIPES[kind]
    with pytest.raises(KeyboardInterrupt):
        start(changes=changes, on_step=interrupting(2))
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "interrupted"
    seen = []
    stop = interrupting(7)
    with pytest.raises(KeyboardInterrupt):
        start(changes=changes, resume=True, on_step=lambda moment: (seen.append(moment.step), stop(moment)))
    assert seen == [3, 4, 5, 6, 7]  # no step is done twice, none left out
    expect(changes=changes)


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 3, 6, 8])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_at_the_borders_of_epochs(start, expect, interrupting, tmp_path, step, number):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(step, number=number))
    assert len(entries(tmp_path / "run")) == step // STEPS  # an epoch that is over is recorded before it stops
    expect()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["averaged mixup", "adamw in parts"])
def test_interrupted_at_every_step(start, expect, interrupting, kind):
    for step in range(1, 3 * STEPS):
        with pytest.raises(KeyboardInterrupt):
            start(changes=RECIPES[kind], resume=step > 1, on_step=interrupting(step))
    expect(changes=RECIPES[kind])


@pytest.mark.slow
def test_interrupted_at_the_very_last_step(start, expect, interrupting, tmp_path):
    """No signal is lost, not even there: whoever trains several networks could not stop otherwise."""
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(3 * STEPS))
    assert len(entries(tmp_path / "run")) == 3
    steps = []
    expect(on_step=steps.append)
    assert steps == []


def twice() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, STEPS, 3 * STEPS])
def test_a_second_signal_within_a_step_saves_nothing_half_done(start, expect, monkeypatch, step):
    """The weights are changed then, the averages and the count of steps are not."""
    update, changes = Ema.update, {"ema": 0.9}
    with monkeypatch.context() as patched:
        patched.setattr(Ema, "update", lambda self, module, n: twice() if n == step - 1 else update(self, module, n))
        with pytest.raises(KeyboardInterrupt):
            start(changes=changes)
    expect(changes=changes)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 3])
def test_a_second_signal_during_the_scoring_of_an_epoch(start, expect, monkeypatch, epoch):
    score, calls = trainer.score, []

    def interrupted(*arguments, **options):
        calls.append(None)
        if len(calls) == epoch:
            twice()
        return score(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(trainer, "score", interrupted)
        with pytest.raises(KeyboardInterrupt):
            start()
    assert len(expect().epochs) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "epoch"), [("best_weights", 1), *((moment, n) for moment in ("checkpoint", "ledger") for n in (1, 2, 3))]
)
def test_killed_between_two_files_of_an_epochs_end(start, expect, monkeypatch, tmp_path, moment, epoch):
    """What kill -9 leaves there: the run directory as it is at that moment."""

    def snapshot(number):
        if number == epoch:
            shutil.copytree(tmp_path / "whole", tmp_path / "run")

    keep, tell, weights = RunFiles.keep, RunFiles._tell, run_files.save_weights
    calls = []

    def counting(module, path):
        weights(module, path)
        if path.name == run_files.BEST:
            calls.append(None)
            snapshot(len(calls))

    with monkeypatch.context() as patched:
        if moment == "best_weights":
            patched.setattr(run_files, "save_weights", counting)
        elif moment == "checkpoint":
            patched.setattr(RunFiles, "keep", lambda *given: (keep(*given), snapshot(len(given[2])))[0])
        else:
            patched.setattr(RunFiles, "_tell", lambda *given: (tell(*given), snapshot(given[1].epoch))[0])
        start("whole")
    assert (tmp_path / "run").exists()
    expect()


@pytest.mark.slow
def test_a_checkpoint_within_an_epoch_is_gone_on_from(start, expect, monkeypatch):
    def crash(moment):
        if moment.step == 5:
            raise ArithmeticError

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(ArithmeticError):
        start(on_step=crash)
    steps = []
    expect(on_step=lambda moment: steps.append(moment.step))
    assert steps == [5, 6, 7, 8, 9]  # the fourth had been saved


@pytest.mark.slow
def test_a_torn_line_of_the_ledger_is_cut_off_and_said(start, expect, interrupting, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(7))
    with (tmp_path / "run" / "ledger.jsonl").open("rb+") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 20)
    assert "torn" in expect().notice


@pytest.mark.slow
def test_without_its_checkpoint_a_training_starts_again(start, expect, interrupting, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(7))
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    steps = []
    expect(on_step=lambda moment: steps.append(moment.step))
    assert steps == [*range(1, 10)]


@pytest.mark.slow
def test_config_that_is_missing_is_written_again(start, expect, interrupting, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(2), config={"command": "mine"})
    (tmp_path / "run" / "config.yaml").unlink()
    expect(config={"command": "mine"})
    assert "mine" in (tmp_path / "run" / "config.yaml").read_text()


@pytest.mark.slow
def test_a_finished_run_is_not_trained_again(start, tmp_path):
    first = start()
    before = json.loads((tmp_path / "run" / "metrics.json").read_text())
    steps = []
    again = start(resume=True, on_step=steps.append)
    assert steps == []
    check_same(again, tmp_path / "run", first, tmp_path / "run")
    after = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert without_times(after) == without_times(before)
    assert after["images_per_second"] == before["images_per_second"]
    assert after["seconds"] == pytest.approx(before["seconds"], rel=0.5)  # of the training, not of looking at it again


@pytest.mark.slow
def test_the_seconds_of_all_parts_are_added(start, interrupting, monkeypatch, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(5))
    state = torch.load(tmp_path / "run" / "checkpoints" / "last.pt", weights_only=True)
    before = state["state"]["seconds"]
    assert before > 0
    state["state"]["seconds"] = 1000.0
    torch.save(state, tmp_path / "run" / "checkpoints" / "last.pt")
    assert 1000 < start(resume=True).seconds < 1100


OTHERS = {
    "seed": {"seed": 6},
    "recipe": {"changes": {"learning_rate": 0.3}},
    "longer": {"changes": {"epochs": 4}},
    "images": {"images": 64},
    "resolution": {"resolution": 9},
}


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
def test_another_training_does_not_go_on_with_it(start, interrupting, tmp_path, other):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(4))
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    with pytest.raises(UserError) as caught:
        start(resume=True, **OTHERS[other])
    assert "--out" in caught.value.hint
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_another_network_does_not_go_on_with_it(start, interrupting, tiny, digits, quick_recipe, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(on_step=interrupting(4))
    with pytest.raises(UserError, match="network"):
        train(replace(tiny, drop_path=0.1), digits, quick_recipe, run_dir=tmp_path / "run", resume=True, **GIVEN)


@pytest.mark.slow
def test_a_second_driver_is_refused_and_harms_nothing(start, never_stopped, tmp_path):
    refused = []

    def second(moment):
        if moment.step == 5:
            with pytest.raises(UserError) as caught:
                start(resume=True)
            refused.append(caught.value)

    result = start(on_step=second)
    assert refused[0].exit_code == 2
    check_same(result, tmp_path / "run", *never_stopped())


def test_a_directory_that_is_used_is_refused(start, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        start()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.tex"]


def test_resume_of_nothing(start, tiny, digits, quick_recipe):
    with pytest.raises(UserError, match="run"):
        start(resume=True)
    with pytest.raises(UserError, match="without a run directory"):
        train(tiny, digits, quick_recipe, resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("size", [4_000, 30_000])
def test_a_full_disk_is_a_message_and_the_run_goes_on_later(start, expect, tmp_path, size):
    """No file may grow beyond `size`: what a disk without room does to a checkpoint and to weights."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(UserError, match="cannot write") as caught:
            start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path / "run") in str(caught.value)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "failed"
    assert not [path for path in (tmp_path / "run").rglob(".tmp-*") if path.is_file()]
    expect()


@pytest.mark.slow
def test_a_diverged_run_says_so_again(start, tmp_path):
    wild = {"learning_rate": 100.0, "warmup_epochs": 0, "schedule": "constant", "momentum": 0.9999, "weight_decay": 1}
    said = []
    for resume in (False, True):
        with pytest.raises(Diverged) as caught:
            start(changes=wild, resume=resume)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "failed"


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"images": 0}, {"resolution": 0}, {"score_every": 0}, {"seed": 1.5}])
def test_values_that_cannot_be_leave_no_directory(start, tmp_path, wrong):
    with pytest.raises(InvalidValue, match=next(iter(wrong))):
        start(**wrong)
    assert not (tmp_path / "run").exists()
