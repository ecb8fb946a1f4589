"""`effsearch export`: of names, files and runs; the weights that go along; wrong input."""

from __future__ import annotations

import json
import runpy
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from digits_data import tiny_network, write_npz

from effsearch.models import build, load_weights
from effsearch.search_spaces import codec
from effsearch.training.run_files import save_weights

STORED = Path(__file__).parents[1] / "stored" / "nas-v1"


def finished_training(path: Path, **figures: object) -> Path:
    """What `effsearch train` leaves of a network with weights that are not fresh."""
    network = build(tiny_network(), norm_eps=2e-3)
    with torch.no_grad():
        for value in network.parameters():
            value += 0.1 * torch.randn_like(value)
    path.mkdir(parents=True)
    (path / "ledger.jsonl").write_text('{"format": "effsearch-ledger", "version": 1}\n')
    (path / "config.yaml").write_text("command: train\n")
    codec.dump(tiny_network(), path / "network.yaml")
    save_weights(network, path / "weights.safetensors")
    known = {
        "accuracy": 91.234, "part": "test", "resolution": 12, "network_key": tiny_network().key, "norm_eps": 2e-3,
        "classes": [f"digit {place}" for place in range(10)], "mean": [0.3], "std": [0.37],
    }  # fmt: skip
    (path / "metrics.json").write_text(json.dumps({**known, **figures}))
    return path


@pytest.fixture(autouse=True)
def files(folder):
    codec.dump(tiny_network(), folder / "net.yaml")
    finished_training(folder / "run")


def outputs(module: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        return module.eval()(torch.linspace(-2, 2, 3 * 64).reshape(3, 1, 8, 8))


def test_a_run_of_train_brings_its_weights(here):
    done = here("export", "run", "--to", "python", "--out", "digits.py", "--json")
    assert (done.code, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said["files"] == {name: Path(name).stat().st_size for name in ("digits.py", "digits.pth")}
    assert said["weights"] == "of the run run, 91.23 % on its test images"
    assert [one["batch"] for one in said["differences"]] == [1, 3]
    module = runpy.run_path("digits.py")
    assert module["CLASSES"] == tuple(f"digit {place}" for place in range(10))
    assert (module["MEAN"], module["STD"]) == ((0.3,), (0.37,))
    assert "12 x 12 pixels" in module["__doc__"]
    network = build(tiny_network(), norm_eps=2e-3)
    load_weights(network, "run/weights.safetensors")
    expected = outputs(network)
    assert torch.allclose(outputs(module["build"]("digits.pth")), expected, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(outputs(module["build"]()), expected, rtol=1e-2, atol=1e-3)


def test_norm_eps_of_an_older_run_is_read_off_its_card(here, folder):
    finished_training(folder / "older", norm_eps=None)
    (folder / "older" / "README.md").write_text('network = models.build(codec.load("network.yaml"), norm_eps=0.5)\n')
    assert here("export", "older", "--to", "python", "--out", "older.py").code == 0
    assert "eps=0.5," in Path("older.py").read_text()


@pytest.mark.slow  # networks of full size
def test_a_run_of_the_whole_recipe_brings_what_it_trained(here, folder):
    shutil.copytree(STORED, "whole/nas")
    shutil.copy("whole/nas/ledger.jsonl", "whole/ledger.jsonl")
    assert here("export", "whole", "--to", "python", "--out", "searched.py").code == 0
    assert "1,000 classes" in Path("searched.py").read_text()
    finished_training(folder / "whole" / "train")
    done = here("export", "whole", "--to", "python", "--out", "trained.py")
    assert (done.code, done.stderr) == (0, "")
    assert "of the run whole, 91.23 %" in done.stdout
    assert here("export", "whole", "--select", "knee", "--to", "python", "--out", "knee.py").code == 0
    assert "1,000 classes" in Path("knee.py").read_text()


@pytest.mark.slow  # networks of full size
@pytest.mark.parametrize("select", ["budget", "knee"])
def test_a_searched_network_has_random_weights(here, select):
    done = here("export", STORED, "--select", select, "--to", "python", "--out", "net.py")
    assert done.code == 0
    assert "note: no weights were written" in done.stderr
    assert not Path("net.pth").exists()
    architecture = codec.load(STORED / "selected" / f"{select}.yaml")
    assert architecture.key in Path("net.py").read_text()


def test_weights_of_a_file(here, folder):
    done = here("export", "net.yaml", "--weights", "run/weights.safetensors", "--norm-eps", "0.002",
                "--to", "python", "--out", "net.py")  # fmt: skip
    assert (done.code, done.stderr) == (0, "")
    assert "Weights: of weights.safetensors." in Path("net.py").read_text()
    network = build(tiny_network(), norm_eps=2e-3)
    load_weights(network, "run/weights.safetensors")
    assert torch.allclose(outputs(runpy.run_path("net.py")["build"]("net.pth")), outputs(network), rtol=1e-5, atol=1e-6)


@pytest.mark.slow  # torch's exporter
def test_random_weights_are_those_of_the_seed(here):
    found = {}
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        done = here("export", "net.yaml", "--to", "pt2", "--out", f"{name}.pt2", "--seed", seed, "--resolution", "8")
        assert done.code == 0
        assert f"random, seed {seed}" in done.stdout
        assert "note: the weights in it are random" in done.stderr
        found[name] = torch.export.load(f"{name}.pt2").module()(torch.ones(2, 1, 8, 8))
    assert torch.equal(found["a"], found["b"])
    assert not torch.equal(found["a"], found["c"])


@pytest.mark.slow  # trains, and torch's exporter
def test_what_train_wrote_runs_in_onnx_runtime(here, folder, monkeypatch):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason=f"{name} is not installed; it is in the extra export")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; it is in the extra export")
    monkeypatch.setenv("EFFSEARCH_CACHE", str(folder / "cache"))
    write_npz(folder / "digits.npz")
    recipe = {"format": "effsearch-recipe", "version": 1, "name": "own", "epochs": 1, "batch": 32, "norm_eps": 0.01}
    (folder / "own.yaml").write_text(yaml.safe_dump(recipe))
    trained = here("train", "net.yaml", "--data", "digits.npz", "--recipe", "own.yaml", "--images", 96, "--out", "t")
    assert trained.code == 0, trained.stderr
    done = here("export", "t", "--to", "onnx", "--out", "t.onnx")
    assert (done.code, done.stderr) == (0, "")
    network = build(tiny_network(), norm_eps=0.01)
    load_weights(network, "t/weights.safetensors")
    images = torch.linspace(-2, 2, 3 * 64).reshape(3, 1, 8, 8)
    session = runtime.InferenceSession("t.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": images.numpy()})
    assert torch.allclose(torch.from_numpy(found), outputs(network), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("b0", "--to", "onix", "--out", "a.onnx"), "no form 'onix' to export to", "did you mean onnx?"),
        (("b0", "--to", "python", "--out", "a.txt"), "a file for python ends in .py", "try a.py"),
        (("b0", "--to", "python", "--out", "own.py"), "own.py is there already", "--force"),
        (("net.yaml", "--to", "python", "--out", "no/a.py"), "cannot write no/a.py", "another --out"),
        (("mobilnet-v2", "--to", "python", "--out", "a.py"), "no network 'mobilnet-v2'", "did you mean mobilenet-v2?"),
        (("net.yaml", "--to", "python", "--out", "a.py", "--opset", "18"), "no operator sets", "onnx"),
        (("net.yaml", "--to", "python", "--out", "a.py", "--resolution", "8"), "images of any size", None),
        (("net.yaml", "--to", "python", "--out", "a.py", "--norm-eps", "1e-5"), "--norm-eps belongs", "--weights"),
        (("run", "--to", "python", "--out", "a.py", "--seed", "1"), "--seed was given, but run holds", None),
        (("run", "--to", "python", "--out", "a.py", "--weights", "x.pth"), "--weights was given, but run holds", None),
        (("run", "--to", "python", "--out", "a.py", "--select", "knee"), "no selected/knee.yaml", "did it finish"),
        (("net.yaml", "--to", "python", "--out", "a.py", "--weights", "x.pth"), "cannot read x.pth", None),
        (("net.yaml", "--to", "python", "--out", "a.py", "--weights", "run/weights.safetensors", "--seed", "1"),
         "--seed is for random weights", None),
        (("net.yaml", "--to", "python"), "Missing option '--out'", "--help"),
        (("net.yaml", "--out", "a.py"), "Missing option '--to'", "--help"),
    ],
)  # fmt: skip
def test_wrong_input(here, folder, arguments, message, hint):
    before = sorted(folder.iterdir())
    done = here("export", *arguments)
    lines = done.stderr.splitlines()
    assert (done.code, done.stdout) == (2, "")
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert (hint or "") in (lines[1] if len(lines) > 1 else "")
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"network_key": "0" * 16}, "is of the network '0000000000000000'"),
        ({"resolution": "12"}, "resolution is '12'"),
        ({"resolution": 1e9}, "resolution is 1000000000.0"),
        ({"classes": ["a"]}, "it must be 10 names"),
        ({"classes": [1] * 10}, "it must be 10 names"),
        ({"mean": [0.1, 0.2]}, "it must be 1 numbers"),
        ({"std": ["x"]}, "std is 'x'"),
        ({"std": None}, "std is None"),
        ({"norm_eps": "small"}, "norm_eps is 'small'"),
        ({"norm_eps": -1}, "norm_eps is -1"),
    ],
)
def test_figures_of_a_run_that_are_not_its_own(here, folder, figures, message):
    finished_training(folder / "wrong", **figures)
    done = here("export", "wrong", "--to", "python", "--out", "a.py")
    assert done.code == 2
    assert message in done.stderr.splitlines()[0]
    assert not Path("a.py").exists()


@pytest.mark.parametrize("broken", ["metrics.json", "network.yaml", "weights.safetensors", "config.yaml"])
def test_files_of_a_run_that_are_broken(here, broken):
    (Path("run") / broken).write_bytes(b"\x93\x00nothing")
    done = here("export", "run", "--to", "python", "--out", "a.py")
    assert done.code == 2
    assert broken in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_weights_of_another_network(here, folder):
    save_weights(build(tiny_network(classes=3)), folder / "run" / "weights.safetensors")
    done = here("export", "run", "--to", "python", "--out", "a.py")
    assert done.code == 2
    assert "does not fit tiny" in done.stderr


@pytest.mark.parametrize("missing", ["metrics.json", "weights.safetensors"])
def test_a_training_that_is_not_over(here, missing):
    (Path("run") / missing).unlink()
    done = here("export", "run", "--to", "python", "--out", "a.py")
    assert done.code == 2
    assert "the training in run is not finished" in done.stderr
    assert "hint: effsearch train --resume --out run" in done.stderr


def test_what_timm_cannot_express(here, folder):
    tiny = tiny_network()
    pooled = tuple(replace(stage, skip="pool") for stage in tiny.stages)
    codec.dump(replace(tiny, stages=pooled), folder / "pooled.yaml")
    done = here("export", "pooled.yaml", "--to", "timm", "--out", "a.py")
    assert done.code == 2
    assert "timm's classes have no pool in the skip" in done.stderr
    assert "--to python" in done.stderr
