"""load_weights on files that fit, that do not, and that were made to do harm: all or nothing, and nothing is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from effsearch.models import build, load_weights
from effsearch.models.network import Network
from effsearch.models.weight_names import names_for
from effsearch.records.errors import UserError
from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue

SMALL = Architecture(
    "small",
    Stem(8),
    (
        Stage("mbconv", 8, se_ratio=0.25),
        Stage("mbconv", 16, 2, stride=2, expand=3, se_ratio=0.25),
        Stage("mbconv", 24, stride=2, expand=2),
    ),
    Head(32),
    resolution=32,
    classes=5,
)
RESNET = Architecture(
    "small-resnet",
    Stem(8, kernel=7, pool="max"),
    (Stage("basic", 8, 2, skip="projection"), Stage("basic", 16, 1, 2, skip="projection")),
    Head(0),
    resolution=32,
    classes=5,
)


def in_timms_names(network: Network) -> dict[str, Tensor]:
    """A file as timm writes one, by the same structure: the blocks of a stage numbered from 0."""
    own = network.state_dict()
    marker = "conv1.weight" if network.architecture.stages[0].operation == "basic" else "conv_stem.weight"
    prefix = "layer1.0." if marker == "conv1.weight" else ""
    keys = {marker, f"{prefix}conv1.weight"}
    for number, stage in enumerate(network.architecture.stages):
        outer = f"layer{number + 1}" if prefix else f"blocks.{number}"
        keys |= {f"{outer}.{index}.conv1.weight" for index in range(stage.repeats)}
    names = names_for(network.architecture, keys)
    assert names is not None
    assert names.blocks[0] == names.blocks[1]
    return {f"{names.modules[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": value for key, value in own.items()}


def fresh(architecture: Architecture = SMALL) -> Network:
    network = build(architecture).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network


def same(one: Network, other: Network) -> bool:
    first, second = one.state_dict(), other.state_dict()
    return all(torch.equal(first[key], second[key]) for key in first)


def refused(path: Path | str, network: Network | None = None, **options: object) -> UserError:
    """The error; the network is unchanged to the last bit, and its message is one line."""
    network = network or fresh()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(UserError) as raised:
        load_weights(network, path, **options)
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert len(raised.value.lines()[0]) < 1200
    assert "\n" not in raised.value.lines()[0]
    return raised.value


@pytest.mark.parametrize("architecture", [SMALL, RESNET], ids=str)
@pytest.mark.parametrize("wrap", ["plain", "state_dict", "model", "module.", "module._orig_mod.", "_orig_mod.module."])
def test_state_dicts_as_people_save_them(tmp_path: Path, architecture: Architecture, wrap: str) -> None:
    source, target = fresh(architecture), fresh(architecture)
    state: dict[str, object] = dict(in_timms_names(source))
    if wrap.endswith("."):
        state = {f"{wrap}{key}": value for key, value in state.items()}
    elif wrap != "plain":
        state = {wrap: state, "epoch": 3, "optimizer": {"lr": 0.1}}
    torch.save(state, tmp_path / "x.pth.tar")
    assert load_weights(target, tmp_path / "x.pth.tar").startswith("timm")
    assert same(source, target)


@pytest.mark.parametrize("ending", [".safetensors", ".pth", ".bin"])
def test_our_own_state_dict(tmp_path: Path, ending: str) -> None:
    source, target = fresh(), fresh()
    path = tmp_path / f"x{ending}"
    (save_file if ending == ".safetensors" else torch.save)(source.state_dict(), path)
    assert load_weights(target, path) == "effsearch"
    assert same(source, target)


def test_the_old_format_of_torch_and_half_precision(tmp_path: Path) -> None:
    source, target = fresh(), fresh()
    state = {key: value.half() if value.is_floating_point() else value for key, value in source.state_dict().items()}
    torch.save(state, tmp_path / "x.pth", _use_new_zipfile_serialization=False)
    load_weights(target, tmp_path / "x.pth")
    assert {value.dtype for value in target.state_dict().values()} == {torch.float32, torch.int64}
    for key, value in target.state_dict().items():
        torch.testing.assert_close(value, source.state_dict()[key], rtol=1e-3, atol=1e-3)


def test_counters_of_norms_may_be_missing(tmp_path: Path) -> None:
    source = fresh()
    torch.save({k: v for k, v in source.state_dict().items() if "num_batches" not in k}, tmp_path / "x.pth")
    for target in (fresh(), build(SMALL, device="meta").eval()):
        load_weights(target, tmp_path / "x.pth")
        assert same(source, target)


def test_a_meta_network_gets_memory_of_its_own_and_trains(tmp_path: Path) -> None:
    save_file(fresh().state_dict(), tmp_path / "x.safetensors")
    target = build(SMALL, device="meta")
    load_weights(target, tmp_path / "x.safetensors")
    (tmp_path / "x.safetensors").unlink()
    target(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(value.grad is not None for value in target.parameters())


def test_norm_eps_goes_into_every_norm(tmp_path: Path) -> None:
    torch.save(fresh().state_dict(), tmp_path / "x.pth")
    target = fresh()
    load_weights(target, tmp_path / "x.pth")
    assert {one.eps for one in target.modules() if isinstance(one, nn.BatchNorm2d)} == {1e-3}
    load_weights(target, tmp_path / "x.pth", norm_eps=1e-5)
    assert {one.eps for one in target.modules() if isinstance(one, nn.BatchNorm2d)} == {1e-5}


def test_without_a_head_the_files_is_left_out(tmp_path: Path) -> None:
    source = fresh()
    for number, state in enumerate((source.state_dict(), in_timms_names(source))):
        path = tmp_path / f"{number}.pth"
        torch.save(state, path)
        target = build(SMALL, features_only=True).eval()
        load_weights(target, path)
        images = torch.randn(1, 3, 32, 32)
        with torch.no_grad():
            assert torch.equal(target(images)[-1], source.features(images)[-1])


def test_other_classes_get_a_hint_that_works(tmp_path: Path) -> None:
    source = fresh()
    torch.save(in_timms_names(source), tmp_path / "x.pth")
    target = build(SMALL, classes=7).eval()
    error = refused(tmp_path / "x.pth", target)
    assert "classifier.weight (5, 32) for (7, 32)" in error.message
    assert error.hint is not None
    assert "the file has 5 classes, the network 7" in error.hint
    assert "classes=5" in error.hint
    assert "classifier=False" in error.hint
    own = target.head.classifier.weight.clone()
    with pytest.raises(ValueError, match="meta"):
        load_weights(build(SMALL, classes=7, device="meta"), tmp_path / "x.pth", classifier=False)
    load_weights(target, tmp_path / "x.pth", classifier=False)
    assert torch.equal(target.head.classifier.weight, own)
    assert torch.equal(target.stem.conv.conv.weight, source.stem.conv.conv.weight)


@pytest.mark.parametrize(
    "kind", ["missing", "left over", "of another shape", "another type", "nan", "inf", "too large", "variance"]
)
def test_what_does_not_fit_is_named(tmp_path: Path, kind: str) -> None:
    state = in_timms_names(fresh())
    first = "blocks.1.0.conv_dw.weight"
    if kind == "missing":
        del state[first]
    elif kind == "left over":
        first = "blocks.1.0.conv_extra.weight"
        state[first] = torch.ones(3)
    elif kind == "of another shape":
        state[first] = state[first][:3]
    elif kind == "another type":
        state[first] = state[first].to(torch.complex64)
    elif kind == "too large":
        state[first] = state[first].double() * 1e300
    elif kind == "variance":
        first = "blocks.1.0.bn1.running_var"
        state[first] = -state[first]
    else:
        state[first] = state[first].clone().fill_(float(kind))
    torch.save(state, tmp_path / "x.pth")
    message = refused(tmp_path / "x.pth").message
    assert first in message
    words = {
        "another type": "complex64",
        "nan": "NaN",
        "inf": "infinite",
        "too large": "infinite",
        "variance": "negative variance",
    }
    assert words.get(kind, kind) in message


def test_counts_and_the_first_names_of_many(tmp_path: Path) -> None:
    torch.save(in_timms_names(fresh()), tmp_path / "x.pth")
    wider = Architecture("wider", Stem(16), SMALL.stages, Head(32), resolution=32, classes=5)
    message = refused(tmp_path / "x.pth", fresh(wider)).message
    assert "does not fit wider" in message
    assert "conv_stem.weight (8, 3, 3, 3) for (16, 3, 3, 3)" in message
    assert ", ..." in message
    deeper = Architecture("deeper", SMALL.stem, (*SMALL.stages, SMALL.stages[2]), SMALL.head, classes=5)
    assert "4 blocks, deeper has 5" in refused(tmp_path / "x.pth", fresh(deeper)).message


@pytest.mark.parametrize("kind", ["resnet for mobile", "mobile for resnet", "numbers", "strange names", "empty dict"])
def test_files_of_something_else(tmp_path: Path, kind: str) -> None:
    content: object = {
        "resnet for mobile": in_timms_names(fresh(RESNET)),
        "mobile for resnet": in_timms_names(fresh()),
        "numbers": {"conv_stem.weight": 3.0},
        "strange names": {"encoder.layer.0.weight": torch.ones(2), "x" * 5000: torch.ones(1)},
        "empty dict": {},
    }[kind]
    torch.save(content, tmp_path / "x.pth")
    refused(tmp_path / "x.pth", fresh(RESNET) if kind == "mobile for resnet" else None)


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.pth", "No such file"), ("folder.pth", "folder"), ("x.h5", "ends in '.h5'"), ("x", "ends in"),
     ("empty.pt", "empty"), ("a\0b.pth", "cannot read"), ("none.safetensors", "No such file")],
)  # fmt: skip
def test_paths(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "empty.pt").touch()
    assert words in refused(f"{tmp_path}/{name}").message


class Harmful:
    """A pickle of this makes a folder when it is read without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "old torch", "pickle", "deep", "safetensors"])
def test_a_file_that_would_run_something_runs_nothing(tmp_path: Path, how: str) -> None:
    proof, path = tmp_path / "ran", tmp_path / ("x.safetensors" if how == "safetensors" else "x.pth")
    content: dict[str, object] = {**fresh().state_dict(), "stem.conv.conv.weight": Harmful(proof)}
    if how == "deep":
        content = {**fresh().state_dict(), "more": {"state": [Harmful(proof)]}}
    if how in ("pickle", "safetensors"):
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=how != "old torch")
    message = refused(path).message
    assert not proof.exists()
    if how != "safetensors":
        assert "was not loaded" in message
        (pickle.loads if how == "pickle" else _load_all)(path.read_bytes())  # the file itself is alive
        assert proof.exists()


def _load_all(data: bytes) -> object:
    return torch.load(io.BytesIO(data), weights_only=False)


def test_a_pickle_that_names_this_package_runs_nothing(tmp_path: Path) -> None:
    written = pickle.dumps({"a": 1}).replace(b"}", b"ceffsearch.models\nbuild\n(tR}", 1)
    (tmp_path / "x.pth").write_bytes(written)
    refused(tmp_path / "x.pth")


@pytest.mark.parametrize("old", [False, True])
def test_truncated_and_changed_bytes(tmp_path: Path, old: bool) -> None:
    stream = io.BytesIO()
    torch.save(fresh().state_dict(), stream, _use_new_zipfile_serialization=not old)
    whole = stream.getvalue()
    for place in (1, 2, 10, 100, 1000, len(whole) // 2, len(whole) - 1):
        (tmp_path / "x.pth").write_bytes(whole[:place])
        refused(tmp_path / "x.pth")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["old.pth", "new.pth", "x.safetensors"])
def test_a_changed_byte_is_refused_or_changes_weights_alone(tmp_path: Path, ending: str) -> None:
    """Where the change is inside the numbers it cannot be seen; anywhere else it is an error of the user."""
    path, rng, network = tmp_path / ending, np.random.default_rng(0), fresh()
    if ending == "x.safetensors":
        save_file(fresh().state_dict(), path)
    else:
        torch.save(fresh().state_dict(), path, _use_new_zipfile_serialization=ending == "new.pth")
    whole, refusals = path.read_bytes(), 0
    for place in [*range(0, 600, 7), *rng.integers(0, len(whole), 60)]:
        changed = bytearray(whole)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            load_weights(network, path)
        except UserError:
            refusals += 1
        assert all(value.isfinite().all() for value in network.state_dict().values())
    assert refusals > 30


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=200), old=st.booleans(), ending=st.sampled_from([".pth", ".safetensors"]))
def test_any_bytes_are_an_error_of_the_user(tmp_path: Path, data: bytes, old: bool, ending: str) -> None:
    """Alone, and behind the beginning of a real file."""
    beginning = b"" if not old else pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
    (tmp_path / f"x{ending}").write_bytes(beginning + data)
    refused(tmp_path / f"x{ending}")


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    """1 GB of zeros in 1 MB."""
    stream = io.BytesIO()
    torch.save({"stem.conv.conv.weight": torch.zeros(10)}, stream)
    with (
        zipfile.ZipFile(stream) as source,
        zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in source.namelist():
            data = bytes(20_000_000) if name.endswith("data/0") else source.read(name)
            target.writestr(name, data)
    assert (tmp_path / "x.pth").stat().st_size < 200_000
    assert "so it was not unpacked" in refused(tmp_path / "x.pth").message


@pytest.mark.parametrize("tail", [b"PK\5\6", b"PK\5\6" + bytes(18), b"a comment"])
@pytest.mark.parametrize("counted", [False, True])
def test_torch_reads_no_archive_but_the_one_that_was_looked_at(
    tmp_path: Path, tail: bytes, counted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes behind the end make two readers see different archives: ours none, torch's the compressed one."""
    test_a_compressed_archive_is_not_unpacked(tmp_path)
    data = bytearray((tmp_path / "x.pth").read_bytes())
    if counted:
        data[-2:] = struct.pack("<H", len(tail))
    (tmp_path / "y.pth").write_bytes(data + tail)
    monkeypatch.setattr(torch, "load", pytest.fail)
    refused(tmp_path / "y.pth")


@pytest.mark.parametrize("kind", ["nested", "sparse", "quantized", "meta"])
def test_tensors_of_other_kinds_are_named(tmp_path: Path, kind: str) -> None:
    state = fresh().state_dict()
    name = "stem.conv.conv.weight"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        state[name] = {
            "nested": lambda: torch.nested.nested_tensor([torch.zeros(3), torch.zeros(4)]),
            "sparse": lambda: state[name].to_sparse(),
            "quantized": lambda: torch.quantize_per_tensor(state[name], 0.1, 0, torch.qint8),
            "meta": lambda: state[name].to("meta"),
        }[kind]()
        torch.save(state, tmp_path / "x.pth")
        message = refused(tmp_path / "x.pth").message
    assert name in message or "cannot be read" in message or "something else than tensors" in message


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    torch.save({1: torch.zeros(2)}, tmp_path / "x.pth")
    assert "1 is a int, not a name" in refused(tmp_path / "x.pth").message


@pytest.mark.parametrize("head", [Head(1280), Head(0, 100, "relu")])
def test_a_head_that_the_library_lacks_is_missing(tmp_path: Path, head: Head) -> None:
    """torchvision's ResNets have neither a convolution nor a hidden layer behind the last block."""
    resnet = catalogue.load("resnet-18")
    names = {"stem.conv.conv": "conv1", "stem.conv.norm": "bn1", "head.classifier": "fc"}
    state = {}
    for ours, value in build(resnet).state_dict().items():
        module, _, leaf = ours.rpartition(".")
        if module in names:
            state[f"{names[module]}.{leaf}"] = value
            continue
        _, stage, block, *inner = ours.split(".")
        theirs = {"conv1.conv": "conv1", "conv1.norm": "bn1", "conv2.conv": "conv2", "conv2.norm": "bn2",
                  "skip.conv": "downsample.0", "skip.norm": "downsample.1"}  # fmt: skip
        state[f"layer{int(stage) + 1}.{block}.{theirs['.'.join(inner[:2])]}.{leaf}"] = value
    torch.save(state, tmp_path / "x.pth")
    assert load_weights(build(resnet), tmp_path / "x.pth") == "timm or torchvision"
    with pytest.raises(UserError, match=r"missing \(head\."):
        load_weights(build(replace(resnet, head=head)), tmp_path / "x.pth")


@pytest.mark.parametrize("kind", ["header of 2^60 bytes", "beyond the file", "overlapping", "no JSON", "huge shape"])
def test_safetensors_that_claim_too_much(tmp_path: Path, kind: str) -> None:
    one = {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}
    headers: dict[str, object] = {
        "header of 2^60 bytes": {"a": one},
        "beyond the file": {"a": {**one, "shape": [4_000_000_000], "data_offsets": [0, 16_000_000_000]}},
        "overlapping": {"a": one, "b": one},
        "no JSON": "{{{{",
        "huge shape": {"a": {**one, "shape": [2**62, 2**62]}},
    }
    header = json.dumps(headers[kind]).encode() if kind != "no JSON" else b"{{{{"
    size = 2**60 if kind == "header of 2^60 bytes" else len(header)
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", size) + header + bytes(16))
    assert "cannot be read" in refused(tmp_path / "x.safetensors").message


def test_a_view_that_claims_to_be_large_is_refused_by_its_shape(tmp_path: Path) -> None:
    """A tensor of 10^12 values over one number takes no memory in the file, and must take none here."""
    state = {**fresh().state_dict(), "stem.conv.conv.weight": torch.zeros(1).expand(10**6, 10**6)}
    torch.save(state, tmp_path / "x.pth")
    assert "(1000000, 1000000) for (8, 3, 3, 3)" in refused(tmp_path / "x.pth").message


@pytest.mark.parametrize("kind", ["sparse", "meta"])
def test_tensors_without_plain_values(tmp_path: Path, kind: str) -> None:
    state = fresh().state_dict()
    value = state["stem.conv.conv.weight"]
    state["stem.conv.conv.weight"] = value.to_sparse() if kind == "sparse" else value.to("meta")
    torch.save(state, tmp_path / "x.pth")
    refused(tmp_path / "x.pth")


def test_the_network_must_be_ours(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Sequential"):
        load_weights(nn.Sequential(), tmp_path / "x.pth")
