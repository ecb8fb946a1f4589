"""`effsearch train` and `effsearch evaluate --data`: what they print and write, wrong input, kills and resumes."""

from __future__ import annotations

import csv
import json
import pickle
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from digits_data import tiny_network, write_folders, write_npz

from effsearch.models import build
from effsearch.reports import progress, training_progress
from effsearch.reports.training_progress import training_numbers
from effsearch.search_spaces import codec
from effsearch.training import load_dataset, loop

RECIPE = """format: effsearch-recipe
version: 1
name: own
epochs: 3
batch: 32
learning_rate: 0.4
momentum: 0.9
ema: 0.9
mixup: 0.2
"""
CONFIG = "format: effsearch-config\nversion: 1\ncommand: train\nnetwork: net.yaml\ndata: digits.npz\n"
SHORT = ("train", "net.yaml", "--data", "digits.npz", "--recipe", "own.yaml", "--images", 96)
TIMES = ("seconds", "images_per_second")


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """digits.npz, with a cache beside it in which it is already."""
    found = write_npz(tmp_path_factory.mktemp("images") / "digits.npz")
    load_dataset(found, cache=found.with_name("cache"))
    return found


@pytest.fixture(autouse=True)
def files(folder, images, monkeypatch):
    """Images, a network and a recipe in the working directory."""
    monkeypatch.setenv("EFFSEARCH_CACHE", str(images.with_name("cache")))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    shutil.copy2(images, folder)
    codec.dump(tiny_network(), folder / "net.yaml")
    codec.dump(tiny_network(classes=7, input_channels=3), folder / "other.yaml")
    (folder / "own.yaml").write_text(RECIPE)
    (folder / "zero.yaml").write_text(CONFIG + "epochs: 0\n")
    (folder / "seed.yaml").write_text(CONFIG + "seed: -1\n")
    (folder / "none.yaml").write_text(CONFIG + "images: 0\n")
    (folder / "nas.yaml").write_text(CONFIG.replace("command: train", "command: nas"))
    (folder / "bad.yaml").write_text(RECIPE.replace("ema: 0.9", "ema: 2"))
    (folder / "typo.yaml").write_text(RECIPE.replace("mixup", "mixpu"))
    torch.save({"w": torch.zeros(2)}, folder / "other.pth")
    torch.save(build(tiny_network(input_channels=3)).state_dict(), folder / "rgb.pth")
    (folder / "evil.pth").write_bytes(pickle.dumps(Evil()))
    (folder / "thesis").mkdir()
    (folder / "thesis" / "thesis.tex").write_text("mine")
    yield folder
    torch.set_num_threads(threads)


def contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def metrics(run: Path):
    return {name: value for name, value in json.loads((run / "metrics.json").read_text()).items() if name not in TIMES}


# arguments, what the error line names, what the hint names
WRONG = {
    "no data": ("train net.yaml", "--data was not given", "--data"),
    "no network": ("train --data digits.npz", "network was not given", "effsearch train"),
    "nothing": ("train", "not given", "effsearch train"),
    "unknown network": ("train b9 --data digits.npz", "'b9'", ""),
    "missing network": ("train missing.yaml --data digits.npz", "missing.yaml", ""),
    "folder as network": ("train thesis --data digits.npz", "thesis", "nas"),
    "unknown recipe": ("train net.yaml --data digits.npz --recipe modren", "'modren'", "modern"),
    "recipe out of range": ("train net.yaml --data digits.npz --recipe bad.yaml", "ema is 2", ""),
    "typo in the recipe": ("train net.yaml --data digits.npz --recipe typo.yaml", "'mixpu'", "mixup"),
    "missing recipe": ("train net.yaml --data digits.npz --recipe gone.yaml", "gone.yaml", ""),
    "no epochs": ("train net.yaml --data digits.npz --epochs 0", "0", "--help"),
    "no batch": ("train net.yaml --data digits.npz --batch 0", "0", "--help"),
    "no images": ("train net.yaml --data digits.npz --images 0", "0", "--help"),
    "negative seed": ("train net.yaml --data digits.npz --seed -1", "-1", "--help"),
    "no pixels": ("train net.yaml --data digits.npz --resolution 0", "resolution is 0", ""),
    "negative pixels": ("train net.yaml --data digits.npz --resolution -8", "resolution is -8", ""),
    "no stored pixels": ("train net.yaml --data digits.npz --size 0", "size is 0", ""),
    "all for validation": ("train net.yaml --data digits.npz --validation 1", "validation is 1", ""),
    "missing images": ("train net.yaml --data missing", "missing", ""),
    "no images in it": ("train net.yaml --data thesis", "thesis", ""),
    "text as images": ("train net.yaml --data own.yaml", "own.yaml", ""),
    "unknown device": ("train net.yaml --data digits.npz --device gpu", "'gpu'", "cpu"),
    "device without data": ("train net.yaml --data digits.npz --device meta", "'meta'", ""),
    "resume of no run": ("train --resume", "--resume", "--out"),
    "resume of nothing": ("train --resume --out missing", "missing", ""),
    "resume of something else": ("train --resume --out thesis", "thesis", ""),
    "a directory that is used": ("train net.yaml --data digits.npz --out thesis", "thesis", "--out"),
    "a directory below a file": ("train net.yaml --data digits.npz --out own.yaml/run", "own.yaml", "--out"),
    "no epochs in the config": ("train --config zero.yaml", "epochs is 0", ""),
    "negative seed in the config": ("train --config seed.yaml", "seed is -1", ""),
    "no images in the config": ("train --config none.yaml", "images is 0", ""),
    "config of another command": ("train --config nas.yaml", "command", ""),
    "weights that are not there": ("train net.yaml --data digits.npz --weights gone.pth", "gone.pth", ""),
    "weights that are text": ("train net.yaml --data digits.npz --weights own.yaml", "own.yaml", ""),
    "weights that are a folder": ("train net.yaml --data digits.npz --weights thesis", "thesis", ""),
    "weights of another network": ("train net.yaml --data digits.npz --weights other.pth", "other.pth", "same kind"),
    "weights for coloured pictures": ("train net.yaml --data digits.npz --weights rgb.pth", "(8, 3, 3, 3)", ""),
    "weights that run a program": ("train net.yaml --data digits.npz --weights evil.pth", "evil.pth", ""),
    "eps without weights": ("train net.yaml --data digits.npz --norm-eps 1e-5", "--norm-eps", "--weights"),
    "an eps that cannot be": ("train net.yaml --data digits.npz --weights rgb.pth --norm-eps 2", "norm_eps is 2", ""),
    "unknown rule": ("train thesis --data digits.npz --select best", "'best'", ""),
    "evaluate without images": ("evaluate net.yaml --evaluator train", "images", "--data"),
    "evaluate on no images": ("evaluate net.yaml --data digits.npz --images 0", "0", "--help"),
    "evaluate at no pixels": ("evaluate net.yaml --data digits.npz --resolution 0", "resolution is 0", ""),
    "evaluate by an unknown recipe": ("evaluate net.yaml --data digits.npz --recipe proxi", "'proxi'", "proxy"),
    "images for the surrogate": ("evaluate b0 --evaluator surrogate --data digits.npz", "'data'", ""),
}


CASES = [
    *(pytest.param(one, "", marks=pytest.mark.slow) if one.startswith("a directory") else (one, "") for one in WRONG),
    *(
        pytest.param(one, "--dry-run", marks=pytest.mark.slow)
        for one, (arguments, *_) in WRONG.items()
        if arguments.startswith("train") and "--out" not in arguments
    ),
]


@pytest.mark.parametrize(("mistake", "dry"), CASES)
def test_a_mistake_is_told_in_one_line_and_leaves_nothing(files, here, mistake, dry):
    arguments, words, hint = WRONG[mistake]
    before = contents(files)
    done = here(*arguments.split(), *dry.split())
    assert "Traceback" not in done.stderr, done.stderr[-800:]
    assert done.code == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert lines[0].startswith("error: ")
    assert words in lines[0]
    assert len(lines) <= 2
    if hint:
        assert lines[1].startswith("hint: ")
        assert hint in lines[1]
    assert done.stdout == ""
    assert contents(files) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(here):
    done = here(*SHORT, "--device", "cuda")
    assert done.code == 2
    assert done.stderr.startswith("error: the device 'cuda' cannot be used here: ")
    assert "cpu always works" in done.stderr


@pytest.mark.slow
def test_it_trains_and_says_what_came_out(files, here):
    done = here(*SHORT, "--epochs", 4)
    assert done.code == 0, done.stderr
    (run,) = (files / "runs").iterdir()
    assert run.name == "train-tiny-digits.npz-seed0"
    found = metrics(run)
    assert f"{found['accuracy']:.2f} %" in done.stdout
    assert "(297 images)" in done.stdout
    assert "chosen on these" in done.stdout
    assert "runs/train-tiny-digits.npz-seed0" in done.stdout
    assert "epoch 4/4" in done.stderr  # the last line of the progress
    assert found["epochs"] == 4
    again = here(*SHORT, "--epochs", 4, "--out", "second")
    assert again.code == 0
    assert metrics(files / "second") == found
    assert {path.name for path in (files / "runs").iterdir()} == {run.name}


@pytest.mark.slow
def test_a_training_that_has_learnt_nothing_says_so_and_how_short_it_was(files, here):
    """Three steps, of averages that hold a thousandth of them: every digit is called the same."""
    (files / "own.yaml").write_text(RECIPE.replace("ema: 0.9", "ema: 0").replace("0.4", "0.000001"))
    done = here(*SHORT, "--epochs", 1, "--out", "run")
    assert done.code == 0, done.stderr
    assert "note: the training has 3 steps (1 epoch of 96 images, 32 a step): below 100" in done.stderr
    assert "note: the network " in done.stderr
    assert "learnt to tell the classes apart" in done.stderr
    assert "not clearly above chance" in (files / "run" / "report.html").read_text()
    long = here(*SHORT, "--epochs", 34, "--dry-run")  # 102 steps
    assert "steps" not in long.stderr


@pytest.mark.slow
def test_json_is_one_document(files, here):
    done = here(*SHORT, "--epochs", 1, "--out", "run", "--json")
    document = json.loads(done.stdout)
    assert document["run"] == "run"
    stored = json.loads((files / "run" / "metrics.json").read_text())
    assert document == {"run": "run", **stored}
    for name in ("accuracy", "loss", "params", "mult_adds", "images_per_second"):
        assert isinstance(document[name], int | float)


@pytest.mark.slow
def test_a_dry_run_writes_nothing(files, here):
    before = contents(files)
    done = here(*SHORT, "--dry-run")
    assert done.code == 0, done.stderr
    assert "96 of 1,350 training images" in done.stdout
    assert "images/s" in done.stdout
    document = json.loads(here(*SHORT, "--dry-run", "--json").stdout)
    assert document["dry_run"] is True
    assert document["seconds"] > 0
    assert contents(files) == before


@pytest.mark.slow
def test_a_network_for_other_images_is_suited_and_that_is_said(files, here):
    write_folders(files / "photos")
    done = here("train", "other.yaml", "--data", "photos", "--recipe", "own.yaml", "--epochs", 1, "--out", "run")
    assert done.code == 0, done.stderr
    assert "note: tiny suited to photos: 8 px, 1 channel, 10 classes" in done.stderr
    network = codec.load(files / "run" / "network.yaml")
    assert (network.classes, network.input_channels, network.resolution) == (10, 1, 8)
    found = metrics(files / "run")
    assert found["classes"] == [f"digit-{n}" for n in range(10)]
    assert found["part"] == "validation"  # bare class folders have no test images
    with (files / "run" / "confusion.csv").open(newline="") as file:
        assert sum(int(cell) for row in list(csv.reader(file))[1:] for cell in row[1:]) == 30


@pytest.mark.slow
def test_the_directory_of_a_network_is_not_a_run_of_nas(files, here):
    """A training's own directory as the network to train: it has no selected/."""
    assert here(*SHORT, "--epochs", 1, "--out", "run").code == 0
    done = here("train", "run", "--data", "digits.npz")
    assert done.code == 2
    assert "selected" in done.stderr
    assert here("train", "run/network.yaml", *SHORT[2:], "--epochs", 1, "--out", "second").code == 0


@pytest.mark.slow
def test_a_run_that_is_finished_prints_the_same_again(files, here):
    first = here(*SHORT, "--out", "run")
    before = metrics(files / "run")
    again = here("train", "--resume", "--out", "run")
    assert (again.code, again.stdout) == (0, first.stdout)
    assert metrics(files / "run") == before
    other = here("train", "--resume", "--out", "run", "--seed", 1)
    assert other.code == 2
    assert "seed 0, not 1" in other.stderr
    gone = files / "run" / "config.yaml"
    gone.unlink()
    lost = here("train", "--resume", "--out", "run")
    assert lost.code == 2
    assert lost.stderr.startswith("error: ")
    assert "config.yaml" in lost.stderr


@pytest.mark.slow
def test_a_training_that_diverges_is_an_error(files, here):
    wild = RECIPE.replace("0.4", "100").replace("momentum: 0.9", "momentum: 0.9999\nschedule: constant")
    (files / "own.yaml").write_text(wild + "weight_decay: 1.0\n")
    done = here(*SHORT, "--epochs", 30, "--out", "run")
    assert done.code == 1
    lines = [line for line in done.stderr.splitlines() if line.startswith(("error", "hint"))]
    assert lines[0].startswith("error: the training diverged: the ")
    assert "learning_rate" in lines[1]
    assert "Traceback" not in done.stderr
    assert json.loads((files / "run" / "manifest.json").read_text())["state"] == "failed"


@pytest.mark.slow
def test_a_gpu_without_memory_is_an_error(files, here, monkeypatch):
    def full(*arguments, **options):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")

    monkeypatch.setattr(loop, "train", full)
    done = here(*SHORT, "--out", "run")
    assert done.code == 1
    assert done.stderr.splitlines()[-2:] == [
        "error: the GPU has no memory left: CUDA out of memory. Tried to allocate 2.00 GiB",
        "hint: give a smaller --batch, or accumulate in the recipe",
    ]


@pytest.mark.slow
def test_evaluate_by_training(files, here):
    done = here("evaluate", "net.yaml", "--data", "digits.npz", "--epochs", 1, "--images", 96, "--json")
    assert done.code == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["fidelity"] == "digits.npz validation top-1, 1 epoch, 96 images"
    assert document["failure"] is None
    again = json.loads(
        here("evaluate", "net.yaml", "--data", "digits.npz", "--epochs", 1, "--images", 96, "--json").stdout
    )
    del document["seconds"], again["seconds"]
    assert again == document
    suited = here("evaluate", "other.yaml", "--data", "digits.npz", "--epochs", 1, "--images", 64)
    assert suited.code == 0, suited.stderr
    assert "suited to digits.npz" in suited.stderr


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_prints_the_command_that_finishes_the_run(files, start, here, signals):
    process = start(*SHORT[:-2], "--epochs", 40, "--out", "my run")
    deadline = time.monotonic() + 100
    while not (files / "my run" / "epochs.csv").exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(signals):
        process.send_signal(2)
        time.sleep(0.001)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == ("interrupted and saved; continue with: effsearch train --resume --out 'my run'")
    assert json.loads((files / "my run" / "manifest.json").read_text())["state"] == "interrupted"


@pytest.mark.slow
def test_killed_at_random_moments_a_training_ends_like_one_that_was_not(files, start, here):
    """Every option is in the run directory; every kill comes later than the last, at the start first of all."""
    draw, arguments = random.Random(1), (*SHORT, "--epochs", 60)  # noqa: S311
    run, resumed = files / "run", 0
    for kill in range(7):
        going_on = (run / "ledger.jsonl").exists()
        resumed += going_on
        process = start(*(("train", "--resume") if going_on else arguments), "--out", "run")
        began, epochs = time.monotonic(), lines(run)
        while process.poll() is None and time.monotonic() < began + 60:
            if kill == 1 or lines(run) > epochs + draw.randrange(4):
                break
            time.sleep(0.001)
        time.sleep(draw.random() / 20)
        process.kill()
        process.communicate()
    assert resumed >= 4
    assert 3 < lines(run) < 62
    refused = start(*arguments, "--out", "run")  # not started again by accident
    assert refused.wait(60) == 2
    done = here("train", "--resume", "--out", "run")
    assert done.code == 0, done.stderr
    assert here(*arguments, "--out", "expected").code == 0
    assert metrics(run) == metrics(files / "expected")
    for name in ("weights.safetensors", "confusion.csv", "network.yaml", "config.yaml"):
        assert (run / name).read_bytes() == (files / "expected" / name).read_bytes(), name
    assert [row[:6] for row in table(run)] == [row[:6] for row in table(files / "expected")]


def lines(run: Path) -> int:
    path = run / "ledger.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def table(run: Path) -> list[list[str]]:
    with (run / "epochs.csv").open(newline="") as file:
        return list(csv.reader(file))


@dataclass(frozen=True)
class Moment:
    step: int = 10
    total_steps: int = 30
    epoch: int = 2
    epochs: int = 3
    train_loss: float | None = 0.8123
    images_per_second: float = 1540.4
    best: float | None = 85.1
    left: float = 35.2


def test_the_line_of_progress():
    assert training_numbers(Moment()) == "epoch 2/3, loss 0.812, best 85.10 %, 1,540 images/s, 35 s to go"
    assert training_numbers(Moment(train_loss=None, best=None)) == "epoch 2/3, 1,540 images/s, 35 s to go"


def test_a_loss_that_has_run_away_is_short():
    assert "loss 3.559e+10, best" in training_numbers(Moment(train_loss=35586323251.2))


def test_lines_of_progress_are_few_and_the_last_one_is_there(capsys, monkeypatch):
    """Without a terminal: one at the start, one now and then, one at the end."""
    now = iter(range(10_000))
    monkeypatch.setattr(progress, "monotonic", lambda: next(now) / 10)
    with training_progress.TrainingDisplay() as display:
        for step in range(1, 1001):
            display(Moment(step=step, total_steps=1000, epoch=step))
    printed = capsys.readouterr()
    said = [int(line.split("/")[0].removeprefix("epoch ")) for line in printed.err.splitlines()]
    assert (said[0], said[-1]) == (1, 1000)
    assert 3 <= len(said) <= 2 + 100 / training_progress.SECONDS_BETWEEN_LINES + 1
    assert printed.out == ""
