"""`models.export(..., "timm")`: timm builds the same network from the file, or a sentence says why it cannot."""

from __future__ import annotations

import ast
import runpy
import sys
from dataclasses import replace

import pytest
import torch
from exported_networks import KINDS, built, images_for, small

from effsearch.models import Origin, build, export
from effsearch.models.layers import StochasticDepth
from effsearch.records.errors import UserError
from effsearch.search_spaces import Head, Stage, Stem, adapt, catalogue


def resnet(operation="basic", first=None, stem=None, **changes):
    """A ResNet whose last stage is changed."""
    values = {"expand": 0.25} if operation == "bottleneck" else {}
    rest = {"channels": 16, "skip": "projection", "activation": "relu"}
    stages = [Stage(operation, stride=stride, **rest, **values) for stride in (1, 2, 2)]
    if first:
        stages = [replace(stage, operation=first, expand=1) for stage in stages]
    last = Stage(operation, **{"stride": 2, **rest, **values, **changes})
    return small("resnet", (*stages, last), stem or Stem(64, 7, 2, "relu", "max"), Head(0))


CANNOT = {
    "conv-se": "SE in a full convolution",
    "pool-skip": "pool in the skip of a mbconv block",
    "projection": "projection in the skip",
    "both-resnets": "head",
    "two-kinds-of-se": "two kinds of SE",
}
NOT_THESE = {
    "resnet-stem": (resnet(stem=Stem(32, 7, 2, "relu")), "stem of 32 channels"),
    "resnet-strides": (resnet(stride=1), "other stages"),
    "resnet-kernel": (resnet(kernel=5), "kernels"),
    "resnet-skips": (resnet(skip="none"), "without skips"),
    "resnet-acts": (resnet(activation="silu"), "activations"),
    "resnet-widths": (resnet("bottleneck", expand=0.5), "several expansions"),
    "resnet-quarter": (resnet("bottleneck", channels=18), "18 outputs"),
    "resnet-both": (resnet(operation="bottleneck", first="basic", expand=0.5), "both kinds"),
    "mixed": (small("any", (Stage("conv", 8), Stage("basic", 8)), Stem(8), Head(0)), "ResNet blocks beside others"),
    "stem-pool": (small("any", (Stage("conv", 8),), Stem(8, pool="max")), "pooling behind the stem"),
    "two-acts": (small("any", (Stage("conv", 8),), Stem(8, activation="relu")), "stem with relu before a head"),
    "width-inside": (small("any", (Stage("mbconv", 12, 1, 1, 3, 1.5),), Stem(10)), "15 channels inside"),
    "late-head-stem": (small("any", (Stage("conv", 8),), Stem(8, 5), Head(8, 8)), "stem of kernel 5"),
    "late-head-deep": (
        small("any", tuple(Stage("conv", 8, 1, 2) for _ in range(5)), Stem(8), Head(8, 8)), "total stride over 32"
    ),
}  # fmt: skip


@pytest.fixture
def no_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)


@pytest.mark.slow  # imports timm
@pytest.mark.parametrize("name", [name for name in KINDS if name not in CANNOT])
def test_timm_builds_the_same_network(timm, tmp_path, name):
    network = built(KINDS[name], norm_eps=2e-3)
    written = export(network, tmp_path / "net.py", "timm")
    assert len(written.differences) == 2
    theirs = runpy.run_path(str(tmp_path / "net.py"))["build"](str(tmp_path / "net.safetensors")).eval()
    assert type(theirs).__module__.startswith("timm.")
    for size in (33, 20):
        images = images_for(network, size=size)
        with torch.no_grad():
            expected, found = network.eval()(images), theirs(images)
        assert expected.std() > 1e-3
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mbconv", "sepconv", "late-head", "basic", "bottleneck"])
def test_timm_trains_it_with_the_same_rates(timm, tmp_path, name):
    network = build(replace(KINDS[name], dropout=0.4, drop_path=0.3))
    export(network, tmp_path / "net.py", "timm", weights=False)
    theirs = runpy.run_path(str(tmp_path / "net.py"))["build"]()
    ours = [module.rate for module in network.modules() if isinstance(module, StochasticDepth) and module.rate]
    dropped = [module for module in theirs.modules() if type(module).__name__ == "DropPath"]
    used = [module.drop_prob for module in dropped]
    skips = [block.drop_path.drop_prob for block in theirs.modules()
             if getattr(block, "has_skip", False) and hasattr(block.drop_path, "drop_prob")]  # fmt: skip
    assert (skips if name not in ("basic", "bottleneck") else used) == pytest.approx(ours)
    assert theirs.drop_rate == 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("b0", "efficientnet_b0"), ("mobilenet-v2", "mobilenetv2_100"), ("resnet-18", "resnet18")],
)
def test_weights_are_under_the_names_of_timms_own_network(timm, tmp_path, ours, theirs):
    """So they load where timm's name is known, too."""
    from safetensors.torch import load_file

    network = built(catalogue.load(ours), norm_eps=1e-5)
    export(network, tmp_path / "net.py", "timm")
    model = timm.create_model(theirs, pretrained=False).eval()
    model.load_state_dict(load_file(tmp_path / "net.safetensors"))
    images = images_for(network, 1, 64)
    if ours == "b0":  # MobileNets and ResNets differ in the eps that timm's entry point sets
        with torch.no_grad():
            assert torch.allclose(model(images), network.eval()(images), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_changes_and_features(timm, tmp_path):
    small_images = adapt(catalogue.load("b0"), resolution=32, classes=10)
    assert small_images.stem.stride == 1
    network = built(small_images)
    export(network, tmp_path / "net.py", "timm", weights=False)
    build_theirs = runpy.run_path(str(tmp_path / "net.py"))["build"]
    assert build_theirs(num_classes=3)(torch.randn(1, 3, 32, 32)).shape == (1, 3)
    theirs = build_theirs()
    images, (maps, found) = torch.randn(1, 3, 64, 64), theirs.forward_intermediates(torch.randn(1, 3, 64, 64))
    assert maps.shape[2] == 64 // theirs.feature_info[-1]["reduction"]
    assert [64 // one.shape[2] for one in found] == [level["reduction"] for level in theirs.feature_info]
    assert images.shape[2] == 64


@pytest.mark.parametrize("name", CANNOT)
def test_what_timm_has_not_is_said(no_timm, tmp_path, name):
    with pytest.raises(UserError, match=CANNOT[name]) as raised:
        export(build(KINDS[name]), tmp_path / "net.py", "timm")
    assert "--to python" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NOT_THESE)
def test_what_else_timm_has_not_is_said(no_timm, tmp_path, name):
    architecture, match = NOT_THESE[name]
    with pytest.raises(UserError, match=match):
        export(build(replace(architecture, name=name)), tmp_path / "net.py", "timm")


@pytest.mark.slow  # a network of full size
def test_rows_are_those_of_timms_sources(no_timm, tmp_path):
    """The strings of EfficientNet-B0 in timm 1.0, less the expansion of the first stage, which has none."""
    export(build(catalogue.load("b0")), tmp_path / "b0.py", "timm", weights=False)
    source = ast.parse((tmp_path / "b0.py").read_text())
    stages = next(ast.literal_eval(node.value) for node in source.body if isinstance(node, ast.Assign))
    assert stages == [
        ["ds_r1_k3_s1_c16_se0.25"],
        ["ir_r2_k3_s2_e6_c24_se0.25"],
        ["ir_r2_k5_s2_e6_c40_se0.25"],
        ["ir_r3_k3_s2_e6_c80_se0.25"],
        ["ir_r3_k5_s1_e6_c112_se0.25"],
        ["ir_r4_k5_s2_e6_c192_se0.25"],
        ["ir_r1_k3_s1_e6_c320_se0.25"],
    ]


def test_without_timm_the_file_is_written_and_that_is_said(no_timm, tmp_path):
    written = export(
        built(KINDS["mbconv"]), tmp_path / "net.py", "timm", origin=Origin("of a run", mean=(0.5,), std=(1,))
    )
    assert written.differences == ()
    assert "not run and compared" in written.notes[0]
    assert [file.name for file in written.files] == ["net.py", "net.safetensors"]
    source = (tmp_path / "net.py").read_text()
    assert "Weights: of a run." in source
    assert "MEAN = (0.5,)" in source


@pytest.mark.slow
def test_files_for_timm_are_formatted_and_clean(no_timm, tmp_path):
    import subprocess

    pytest.importorskip("ruff")
    known = Origin(
        "of a run", classes=tuple(f"a class of images {i}" for i in range(5)), mean=(0.1,) * 2, std=(0.2,) * 2
    )
    for name in KINDS:
        if name not in CANNOT:
            export(build(KINDS[name]), tmp_path / f"net-{name}.py", "timm", origin=known)
    for name in ("mobilenet-v3-large", "mnasnet-a1", "resnet-18"):
        export(build(catalogue.load(name)), tmp_path / f"net-{name}.py", "timm", weights=False)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(tmp_path)],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[:3000]
