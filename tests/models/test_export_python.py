"""`models.export(..., "python")`: a module that needs torch alone computes what the network computes."""

from __future__ import annotations

import ast
import runpy
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from exported_networks import KINDS, SMALL, built, images_for, networks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from effsearch.models import Origin, build, export
from effsearch.models.export_text import WIDTH, call, constant, listed, text
from effsearch.models.layers import StochasticDepth
from effsearch.search_spaces import Architecture, Head, Stage, Stem, adapt, catalogue

HOSTILE = 'b0"""\nimport os; os.abort()\\'


def assert_same_drop_path(found: nn.Module, network: nn.Module) -> None:
    theirs = dict(found.named_modules())
    for name, module in network.named_modules():
        if isinstance(module, StochasticDepth) and module.rate:
            assert theirs[name].rate == pytest.approx(module.rate)


@pytest.mark.parametrize("name", KINDS)
def test_module_computes_what_the_network_does(tmp_path, name):
    network = built(KINDS[name], norm_eps=2e-3)
    export(network, tmp_path / "net.py", "python")
    found = runpy.run_path(str(tmp_path / "net.py"))["build"](str(tmp_path / "net.pth")).eval()
    assert set(found.state_dict()) == set(network.state_dict())
    for size in (33, 20):
        images = images_for(network, size=size)
        with torch.no_grad():
            expected, logits = network.eval()(images), found(images)
        assert expected.std() > 1e-3
        assert (logits - expected).abs().max() <= 1e-6 * expected.abs().max()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(architecture=networks())
def test_any_network_is_exported_and_has_no_line_too_long(tmp_path, architecture):
    network = built(architecture)
    export(network, tmp_path / "net.py", "python", force=True)  # compares, and raises where they differ
    source = (tmp_path / "net.py").read_text()
    assert max(map(len, source.splitlines())) <= WIDTH
    assert_same_drop_path(runpy.run_path(str(tmp_path / "net.py"))["build"](), network)


def test_training_behaviour_is_the_same(tmp_path):
    """Dropout, stochastic depth a block, normalisation: what shows in training only."""
    architecture = replace(KINDS["one-kind-two-acts"], dropout=0.4, drop_path=0.3)
    network = build(architecture, norm_momentum=0.05)
    export(network, tmp_path / "net.py", "python", weights=False)
    found = runpy.run_path(str(tmp_path / "net.py"))["build"]()
    assert found.training
    assert not (tmp_path / "net.pth").exists()
    assert_same_drop_path(found, network)
    for kind, values in ((nn.BatchNorm2d, ("eps", "momentum")), (nn.Dropout, ("p",))):
        theirs = [module for module in found.modules() if isinstance(module, kind)]
        ours = [module for module in network.modules() if isinstance(module, kind)]
        assert len(theirs) == len(ours) > 0
        for value in values:
            assert {getattr(one, value) for one in theirs} == {getattr(one, value) for one in ours}


@pytest.mark.slow
def test_fresh_weights_are_drawn_as_ours(tmp_path):
    network = build(catalogue.load("mobilenet-v3-small"))
    export(network, tmp_path / "net.py", "python", weights=False)
    found = runpy.run_path(str(tmp_path / "net.py"))["build"]()
    for name, value in network.state_dict().items():
        other = found.state_dict()[name]
        assert other.shape == value.shape
        if value.ndim > 1 and value.numel() > 1000:
            assert float(other.std()) == pytest.approx(float(value.std()), rel=0.15)
        elif value.ndim <= 1:
            assert torch.equal(other, value)


def test_only_what_is_used_is_written(tmp_path):
    sources = {}
    for name in ("mbconv", "basic", "no-skips", "pool-skip"):
        export(build(KINDS[name]), tmp_path / f"{name}.py", "python", weights=False)
        sources[name] = (tmp_path / f"{name}.py").read_text()
    classes = {
        name: {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
        for name, source in sources.items()
    }
    assert classes["mbconv"] == {"ConvNorm", "SqueezeExcite", "StochasticDepth", "Residual", "MBConv", "Network"}
    assert classes["basic"] == {"ConvNorm", "StochasticDepth", "Residual", "Basic", "Network"}
    assert classes["no-skips"] == {"ConvNorm", "MBConv", "Conv", "Network"}
    assert classes["pool-skip"] == {"ConvNorm", "StochasticDepth", "PoolSkip", "Residual", "MBConv", "Conv", "Network"}
    assert "groups: int" not in sources["basic"]


def test_names_from_anywhere_stay_names(tmp_path):
    """In the docstring nothing of them is left that could end it; as constants they are whole."""
    names = (HOSTILE, "it's", '"', "\\", "ü\u2028\ud800", "'\"'")
    architecture = replace(KINDS["conv"], name=HOSTILE, classes=len(names))
    origin = Origin(HOSTILE, classes=names, mean=(0.5, 0.25), std=(1.0, 3e-7))
    export(build(architecture), tmp_path / 'a"""b.py', "python", origin=origin)
    module = runpy.run_path(str(tmp_path / 'a"""b.py'))
    assert module["CLASSES"] == names
    assert (module["MEAN"], module["STD"]) == ((0.5, 0.25), (1.0, 3e-7))
    assert '"' not in module["__doc__"].replace('build("a???b.pth")', "")
    assert "os.abort()" in module["__doc__"].splitlines()[0]


@given(st.text())
def test_a_literal_is_the_text(value):
    assert ast.literal_eval(text(value)) == value
    assert "\n" not in text(value)


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=60), min_size=1, max_size=5), st.integers(0, 16))
def test_lines_are_broken_where_they_are_too_long(names, indent):
    for written in (call("f", names, indent), listed("[", names, indent)):
        tree = ast.parse(written.strip())
        found = tree.body[0].value
        assert [node.id for node in (found.args if isinstance(found, ast.Call) else found.elts)] == names
        longest = max(len(line) for line in written.splitlines())
        assert longest <= max(WIDTH, indent + 5 + max(map(len, names)))


def test_a_constant_of_one_value_is_a_tuple():
    assert constant("MEAN", [0.5]) == "MEAN = (0.5,)"
    assert constant("CLASSES", ["a", 'b"']) == 'CLASSES = ("a", \'b"\')'


@pytest.mark.slow
def test_written_modules_are_formatted_and_clean(tmp_path):
    if find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    named = Origin(
        "of a run", classes=tuple(f"a class of images {i}" for i in range(5)), mean=(0.1,) * 2, std=(0.2,) * 2
    )
    for name, architecture in KINDS.items():
        export(build(architecture), tmp_path / f"net-{name}.py", "python", origin=named)
    others = [
        catalogue.load(name) for name in catalogue.names() if name.startswith(("mobilenet", "resnet-50", "mnasnet"))
    ]
    for architecture in [*others, adapt(catalogue.load("b0"), resolution=32)]:
        export(build(architecture), tmp_path / f"net-{architecture.name}.py", "python", weights=False)
    files = sorted(tmp_path.glob("*.py"))
    assert len(files) > len(KINDS)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", *map(str, files)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[:3000]


ALONE = """
import importlib.util, json, sys
for name in ("effsearch", "timm", "torchvision", "numpy.typing", "yaml", "safetensors"):
    sys.modules[name] = None
spec = importlib.util.spec_from_file_location("net", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import torch
images = torch.linspace(-1, 1, 2 * 2 * 33 * 33).reshape(2, 2, 33, 33)
with torch.no_grad():
    print(json.dumps(module.build(sys.argv[2]).eval()(images).tolist()))
"""


@pytest.mark.slow
def test_it_runs_where_effsearch_is_not(tmp_path):
    network = built(KINDS["pool-skip"])
    export(network, tmp_path / "net.py", "python")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, str(tmp_path / "net.py"), str(tmp_path / "net.pth")],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    images = torch.linspace(-1, 1, 2 * 2 * 33 * 33).reshape(2, 2, 33, 33)
    with torch.no_grad():
        expected = network.eval()(images)
    assert torch.allclose(torch.tensor(ast.literal_eval(done.stdout)), expected, rtol=1e-5, atol=1e-6)


def test_weights_of_a_run_fit_the_module(tmp_path):
    """A safetensors file as a training writes it."""
    from effsearch.training.run_files import save_weights

    network = built(KINDS["mbconv"])
    export(network, tmp_path / "net.py", "python", weights=False)
    save_weights(network, tmp_path / "weights.safetensors")
    found = runpy.run_path(str(tmp_path / "net.py"))["build"](str(tmp_path / "weights.safetensors"))
    for name, value in network.state_dict().items():
        assert torch.equal(found.state_dict()[name], value)


def test_cost_and_size_are_those_it_was_trained_at(tmp_path):
    stages = (Stage("conv", 8),)
    network = build(Architecture("plain", Stem(8), stages, Head(0), **SMALL))
    export(network, tmp_path / "a.py", "python", origin=Origin(resolution=16))
    assert "multiply-adds for 16 x 16 pixels" in (tmp_path / "a.py").read_text()
