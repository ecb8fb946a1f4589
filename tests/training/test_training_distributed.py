"""Two processes train one network, as torchrun starts them: one set of files, equal weights, and it goes on."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from digits_data import write_npz

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not torch.distributed.is_available(), reason="torch was built without distributed"),
]

EACH = """
import hashlib, json, os, signal, sys
import torch
from digits_data import tiny_network
from effsearch.training import load_dataset, load_recipe, loop, train, trainer

torch.set_num_threads(1)
options = json.loads(sys.argv[1])
rank = int(os.environ["RANK"])
recipe = load_recipe("proxy").with_changes(flip=False, **options["recipe"])
if options.get("look"):
    trainer.LOOK = options["look"]
if options.get("save"):
    loop.CHECKPOINT_SECONDS = 0.0
steps = []

def on_step(moment):
    steps.append(moment.step)
    if moment.step == options.get("stop") and rank == 1:  # one of them alone is asked to stop
        os.kill(os.getpid(), signal.SIGINT)
    if moment.step == options.get("crash"):
        os._exit(0 if rank else 9)

said = {}
try:
    result = train(tiny_network(), load_dataset(options["data"]), recipe, images=96, device="cpu", score_every=1,
                   test=True, run_dir=options["run"], resume=options.get("resume", False), on_step=on_step)
except KeyboardInterrupt:
    said["interrupted"] = True
else:
    state = result.module.state_dict()
    said["weights"] = hashlib.sha256(b"".join(state[name].numpy().tobytes() for name in sorted(state))).hexdigest()
    said["losses"] = [epoch.train_loss for epoch in result.epochs]
    said["accuracies"] = [epoch.accuracy for epoch in result.epochs]
    said["kept"] = result.kept_epoch
    said["confusion"] = result.scores["test"].confusion.tolist()
    said["written"] = result.run_dir is not None
with open(f"{options['say']}-{rank}.json", "w") as file:
    json.dump({**said, "steps": steps}, file)
"""


@pytest.fixture
def launch(tmp_path):
    """Runs arguments of Python in so many processes; the finished process."""
    (tmp_path / "each.py").write_text(EACH)
    write_npz(tmp_path / "digits.npz")

    def launch(*arguments: object, processes: int = 2) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
        command += ["--rdzv_backend", "c10d", "--rdzv_endpoint", "localhost:0"]
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1",
            "EFFSEARCH_CACHE": str(tmp_path / "cache"), "CUDA_VISIBLE_DEVICES": "",
        }  # fmt: skip
        return subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, text=True, timeout=240, cwd=tmp_path, env=environment
        )

    return launch


@pytest.fixture
def each(launch, tmp_path):
    """A training by EACH; what the processes say at its end."""
    count = iter(range(100))

    def each(run="run", recipe=None, processes=2, code=0, **options):
        say = str(tmp_path / f"said{next(count)}")
        changes = {"batch": 32, "epochs": 3, **(recipe or {})}
        given = {**options, "data": str(tmp_path / "digits.npz"), "run": str(tmp_path / run), "say": say}
        done = launch(tmp_path / "each.py", json.dumps({**given, "recipe": changes}), processes=processes)
        assert (done.returncode == 0) == (code == 0), done.stderr[-3000:]
        if code:
            return []
        return [json.loads(Path(f"{say}-{rank}.json").read_text()) for rank in range(processes)]

    return each


@pytest.mark.parametrize("recipe", [{}, {"ema": 0.9, "mixup": 0.3, "batch": 24, "accumulate": 8, "learning_rate": 1.0}])
def test_two_processes_have_one_network(each, tmp_path, recipe):
    """Also where the 12 images of a process do not divide by the parts of a step."""
    first, second = each(recipe=recipe)
    assert first["weights"] == second["weights"]  # the averages of the normalisation, too
    assert first["confusion"] == second["confusion"]
    assert sum(map(sum, first["confusion"])) == 297
    assert first["losses"] == second["losses"]
    assert first["steps"] == second["steps"] == list(range(1, 1 + 3 * (96 // recipe.get("batch", 32))))
    assert (first["written"], second["written"]) == (True, False)
    assert first["kept"] == second["kept"] == 1 + first["accuracies"].index(max(first["accuracies"]))
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["processes"] == 2
    assert metrics["scores"]["validation"]["accuracy"] == max(first["accuracies"])


def test_it_goes_on_like_one_that_was_not_stopped(each, tmp_path):
    recipe = {"ema": 0.9, "drop_path": 0.2}
    whole, _ = each("whole", recipe)
    stopped = each("run", recipe, stop=5)
    assert [one["interrupted"] for one in stopped] == [True, True]
    assert [one["steps"][-1] for one in stopped] == [6, 6]  # together, where they look at the loss together
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["state"] == "interrupted"
    first, second = each("run", recipe, resume=True)
    assert first["steps"] == second["steps"] == [7, 8, 9]
    for name in ("weights", "losses", "accuracies", "confusion", "kept"):
        assert first[name] == second[name] == whole[name]


def test_checkpoints_within_an_epoch_are_made_together(each):
    """Every second step of an epoch of three; both are killed after the sixth, before its epoch is recorded."""
    whole, _ = each("whole", look=2)
    each("run", look=2, save=True, crash=6, code=1)
    first, second = each("run", resume=True)
    assert first["steps"] == second["steps"] == [6, 7, 8, 9]
    assert first["weights"] == second["weights"] == whole["weights"]
    assert first["losses"] == whole["losses"]


def test_as_many_processes_as_before(each):
    each("run", stop=5)
    each("run", resume=True, processes=1, code=2)


def test_the_command_line(launch, tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        "format: effsearch-recipe\nversion: 1\nname: own\nepochs: 2\nbatch: 64\nlearning_rate: 0.4\n"
    )
    arguments = (
        "-m", "effsearch.cli", "train", "mobilenet-v2", "--data", "digits.npz", "--recipe", "recipe.yaml",
        "--images", 256, "--device", "cpu",
    )  # fmt: skip
    done = launch(*arguments, "--out", "run", "--json")
    assert done.returncode == 0, done.stderr[-3000:]
    document = json.loads(done.stdout)  # one document, of the one that leads
    assert document["processes"] == 2
    with (tmp_path / "run" / "epochs.csv").open(newline="") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [4, 8]
    again = launch("-m", "effsearch.cli", "train", "--resume", "--out", "run", "--json", "--device", "cpu")
    assert again.returncode == 0, again.stderr[-3000:]
    assert json.loads(again.stdout)["accuracy"] == document["accuracy"]
    nowhere = launch(*arguments)
    assert nowhere.returncode != 0
    assert "--out" in nowhere.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] in (["run", "cache"], ["cache", "run"])
