"""`models.export`: what it refuses, and that a file is whole, compares equal, or is not there."""

from __future__ import annotations

import copy
import os
import random
from dataclasses import replace

import pytest
import torch
from exported_networks import KINDS, built

from effsearch.models import Origin, build, export, export_pt2, exporting
from effsearch.models.export_check import Difference, compare
from effsearch.records.errors import UserError
from effsearch.search_spaces import InvalidValue


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def network():
    return built(KINDS["mbconv"])


@pytest.mark.parametrize(
    ("path", "to", "options", "match"),
    [
        ("net.onnx", "onix", {}, "'onix' to export to; known: onnx, pt2, timm, python"),
        ("net.py", "onnx", {}, "ends in .onnx"),
        ("net", "pt2", {}, "ends in .pt2"),
        ("", "python", {}, "ends in .py"),
        ("torch.py", "python", {}, "hide the module torch"),
        ("random.py", "timm", {}, "hide the module random"),
        ("net.py", "python", {"opset": 18}, "has no operator sets"),
        ("net.py", "timm", {"resolution": 64}, "images of any size"),
        ("net.onnx", "onnx", {"resolution": 0}, "resolution is 0"),
        ("net.onnx", "onnx", {"opset": 17}, "opset is 17"),
        ("net.onnx", "onnx", {"opset": 25}, "opset is 25"),
        ("missing/net.py", "python", {}, "cannot write missing/net.py: No such file"),
        ("a\0b.py", "python", {}, "cannot write"),
    ],
)
def test_what_cannot_be_written_is_refused(network, tmp_path, monkeypatch, path, to, options, match):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UserError, InvalidValue), match=match):
        export(network, path, to, **options)
    assert list(tmp_path.iterdir()) == []


def test_the_nearest_form_is_hinted_at(network, tmp_path):
    with pytest.raises(InvalidValue) as raised:
        export(network, tmp_path / "net.py", "pyton")
    assert raised.value.hint == "did you mean python?"


@pytest.mark.parametrize("there", ["net.py", "net.pth"])
def test_files_that_are_there_are_replaced_when_told_to(network, tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(UserError, match=f"{there} is there already"):
        export(network, tmp_path / "net.py", "python")
    assert (tmp_path / there).read_text() == "mine"
    assert names(tmp_path) == [there]
    export(network, tmp_path / "net.py", "python", force=True)
    assert names(tmp_path) == ["net.pth", "net.py"]
    assert (tmp_path / there).read_bytes() != b"mine"


def test_a_link_to_nowhere_is_a_file_that_is_there(network, tmp_path):
    (tmp_path / "net.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(UserError, match="is there already"):
        export(network, tmp_path / "net.py", "python")


def test_a_folder_is_not_replaced(network, tmp_path):
    (tmp_path / "net.py").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        export(network, tmp_path / "net.py", "python", force=True)


@pytest.mark.parametrize(
    "failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), RuntimeError("torch")]
)
def test_nothing_is_left_of_an_export_that_failed(network, tmp_path, monkeypatch, failure):
    (tmp_path / "net.pth").write_text("old")

    def fail(*arguments):
        raise failure

    monkeypatch.setattr("effsearch.models.export_python.compare", fail)
    with pytest.raises(UserError if isinstance(failure, OSError) else type(failure)):
        export(network, tmp_path / "net.py", "python", force=True)
    assert names(tmp_path) == ["net.pth"]
    assert (tmp_path / "net.pth").read_text() == "old"


def test_a_file_that_computes_something_else_is_not_written(network, tmp_path, monkeypatch):
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.head.classifier.bias += 1
    monkeypatch.setattr("effsearch.models.export_python.compare", lambda _, run, size: compare(other.eval(), run, size))
    with pytest.raises(UserError, match="computes something else") as raised:
        export(network, tmp_path / "net.py", "python")
    assert raised.value.exit_code == 1
    assert names(tmp_path) == []


def test_comparison(network):
    network = copy.deepcopy(network).eval()
    found = compare(network, network, 33)
    assert [(one.batch, one.largest) for one in found] == [(1, 0.0), (3, 0.0)]
    assert found == compare(network, network, 33)  # the same images every time
    shifted = compare(network, lambda images: network(images) + 1e-6, 33)
    assert all(0 < one.largest < 3e-6 for one in shifted)
    for wrong in (
        lambda images: network(images)[:, 1:],
        lambda images: network(images) * torch.nan,
        lambda images: network(images) * 1.01,
        lambda images: network(images[:1]).expand(len(images), -1),
    ):
        with pytest.raises(UserError, match="computes something else"):
            compare(network, wrong, 33)


def test_a_network_without_finite_outputs_is_refused(network, tmp_path):
    broken = copy.deepcopy(network)
    with torch.no_grad():
        broken.head.classifier.weight[0, 0] = torch.inf
    with pytest.raises(UserError, match="not finite"):
        export(broken, tmp_path / "net.py", "python")
    assert names(tmp_path) == []


def test_networks_without_head_or_weights_are_refused(tmp_path):
    with pytest.raises(UserError, match="features_only"):
        export(build(KINDS["mbconv"], features_only=True), tmp_path / "net.py", "python")
    with pytest.raises(UserError, match="meta"):
        export(build(KINDS["mbconv"], device="meta"), tmp_path / "net.py", "python")


def test_the_network_and_the_random_numbers_stay_as_they_were(tmp_path):
    network = built(KINDS["conv"]).train().to(torch.float64)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    drawn, state = random.getstate(), torch.get_rng_state()
    written = export(network, tmp_path / "net.py", "python", weights=True)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert (random.getstate() == drawn, torch.equal(torch.get_rng_state(), state)) == (True, True)
    assert written.files == (tmp_path / "net.py", tmp_path / "net.pth")
    assert all(isinstance(one, Difference) for one in written.differences)


def test_every_form_is_named_and_has_its_own_writer():
    assert list(exporting.FORMS) == ["onnx", "pt2", "timm", "python"]
    assert len({form.write for form in exporting.FORMS.values()}) == 4
    assert exporting.FORMS["pt2"].write is export_pt2.write


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_written(network, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        export(network, tmp_path / "net.py", "python", origin=Origin())


def test_without_memory_it_says_so_and_leaves_nothing(network, tmp_path, monkeypatch):
    """As torch.save ends where a disk or the memory is full: with another error behind the first."""

    def write(job):
        job.path.write_bytes(b"half")
        try:
            raise MemoryError
        except MemoryError:
            torch.zeros(1).reshape(2)

    monkeypatch.setitem(exporting.FORMS, "pt2", replace(exporting.FORMS["pt2"], write=write))
    with pytest.raises(UserError, match="not enough memory") as caught:
        export(network, tmp_path / "x.pt2", "pt2")
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []
