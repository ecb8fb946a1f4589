"""`models.export(..., "onnx")`: the file runs in ONNX Runtime with any batch, and says what it is."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
import torch
from exported_networks import KINDS, SMALL, built, images_for

from effsearch.models import Origin, export
from effsearch.records.errors import UserError
from effsearch.search_spaces import Architecture, Head, Stage, Stem

# Every operator that a network can need, on maps of odd sizes
STAGES = (
    Stage("mbconv", 8, 2, 2, 3, 2, se_ratio=0.25, skip="pool"),
    Stage("sepconv", 12, 1, 1, 5, se_ratio=0.25, se_kind="expanded", activation="hard_swish"),
    Stage("conv", 8, 1, 2, 3, skip="pool", activation="relu6"),
    Stage("bottleneck", 16, 1, 2, 3, 0.25, skip="projection", activation="relu"),
    Stage("basic", 16, 1, 1, 3, skip="projection"),
)
EVERYTHING = Architecture("everything", Stem(8, 5, 1, "silu", "max"), STAGES, Head(24, 12, "hard_swish"), **SMALL)
ORIGIN = Origin("of a run", resolution=35, classes=("a", "ü", '"', "d", "e"), mean=(0.5, 0.1), std=(0.25, 1.0))


@pytest.fixture(scope="module")
def packages():
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason=f"{name} is not installed; it is in the extra export")
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed; it is in the extra export")


@pytest.fixture(scope="module")
def exported(packages, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    torch.manual_seed(0)
    network = built(EVERYTHING).eval()
    return network, path, export(network, path, "onnx", origin=ORIGIN)


@pytest.mark.slow  # torch's exporter
def test_it_runs_in_onnx_runtime_with_any_batch(packages, exported):
    network, path, written = exported
    session = packages.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 2, 7):
        images = images_for(network, batch, 35)
        with torch.no_grad():
            expected = network(images)
        (found,) = session.run(None, {"images": images.numpy()})
        assert expected.std() > 1e-3
        assert (torch.from_numpy(found) - expected).abs().max() < 1e-5 * expected.abs().max()
    assert [one.batch for one in written.differences] == [1, 3]
    assert all(one.largest < 1e-5 * one.of for one in written.differences)


@pytest.mark.slow
def test_names_shapes_and_what_the_file_says(packages, exported):
    network, path, _ = exported
    session = packages.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (image,), (logits,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.shape, image.type) == ("images", ["batch", 2, 35, 35], "tensor(float)")
    assert (logits.name, logits.shape) == ("logits", ["batch", 5])
    said = session.get_modelmeta().custom_metadata_map
    assert said["effsearch.architecture_key"] == network.architecture.key
    assert said["effsearch.params"] == str(sum(parameter.numel() for parameter in network.parameters()))
    assert json.loads(said["effsearch.classes"]) == list(ORIGIN.classes)
    assert json.loads(said["effsearch.mean"]) == [0.5, 0.1]
    assert json.loads(said["effsearch.std"]) == [0.25, 1.0]
    assert said["effsearch.weights"] == "of a run"


@pytest.mark.slow
def test_one_file_without_this_machines_paths(packages, exported):
    import onnx

    _, path, _ = exported
    assert list(path.parent.iterdir()) == [path]
    model = onnx.load(str(path), load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert not any(node.metadata_props or node.doc_string for node in model.graph.node)
    assert b"site-packages" not in path.read_bytes()
    assert b"network.py" not in path.read_bytes()
    (opset,) = [one.version for one in model.opset_import if not one.domain]
    assert opset == 18


@pytest.mark.slow
def test_another_opset(packages, tmp_path):
    import onnx

    network = built(replace(KINDS["conv"], name="x" * 200))
    written = export(network, tmp_path / "net.onnx", "onnx", opset=21)
    assert written.facts["opset"] == 21
    assert [one.version for one in onnx.load(str(tmp_path / "net.onnx")).opset_import if not one.domain] == [21]


@pytest.mark.parametrize("missing", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package_is_said_with_the_extra(monkeypatch, tmp_path, missing):
    for name in ("onnx", "onnxscript", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
        monkeypatch.setitem(sys.modules, f"{name}.checker", sys)
    with pytest.raises(UserError, match=f"needs {missing}") as raised:
        export(built(KINDS["conv"]), tmp_path / "net.onnx", "onnx")
    assert raised.value.hint == "pip install 'effsearch[export]'"
    assert list(tmp_path.iterdir()) == []
