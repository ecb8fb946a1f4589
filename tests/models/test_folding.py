"""Networks without batch normalisations: the same outputs, and what may be done with them."""

from __future__ import annotations

import pytest
import torch
from random_norms import randomise_norms
from torch import nn

from effsearch.models import build, export, fold_norms, load_weights
from effsearch.records.errors import UserError
from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue
from effsearch.search_spaces.memory import memory

STAGES = (
    Stage("conv", 8),
    Stage("mbconv", 16, 2, stride=2, expand=4, se_ratio=0.25),
    Stage("sepconv", 16, skip="pool"),
    Stage("bottleneck", 32, 2, stride=2, expand=0.25),
)
MIXED = Architecture("mixed", Stem(8), STAGES, Head(24), resolution=32, classes=5)


def with_statistics(network: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    randomise_norms(network)
    return network


def norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("architecture", [MIXED, *map(catalogue.load, ("b0", "mobilenet-v3-small", "resnet-18"))],
                         ids=lambda one: one.name)  # fmt: skip
def test_it_computes_the_same_without_norms(architecture):
    network = with_statistics(build(architecture)).double().eval()
    inference = fold_norms(network)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, found = network(images), inference(images)
    assert expected.std() > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12 * expected.abs().max().item())
    assert norms(inference) == 0


def test_the_network_itself_stays_as_it_was():
    network = with_statistics(build(MIXED)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count = norms(network)
    assert not fold_norms(network).training
    assert network.training
    assert norms(network) == count
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_norms_that_several_gpus_share_are_folded_too(tmp_path):
    network = with_statistics(build(MIXED))
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = network.eval()(images)
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    with torch.inference_mode():
        torch.testing.assert_close(fold_norms(shared)(images), expected)
    load_weights(shared, tmp_path / "weights.pth", norm_eps=0.5)
    assert {layer.eps for layer in shared.modules() if isinstance(layer, nn.SyncBatchNorm)} == {0.5}


@pytest.mark.parametrize("norm", [nn.GroupNorm(2, 8), nn.BatchNorm2d(8)])
def test_what_cannot_be_folded_is_named(norm):
    with pytest.raises(TypeError, match="cannot be folded"):
        fold_norms(nn.Sequential(nn.Conv2d(3, 8, 3), norm))


def test_maps_for_detection_are_the_same():
    network = with_statistics(build(catalogue.load("mobilenet-v2"), features_only=True)).double().eval()
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    inference = fold_norms(network)
    for found, expected in zip(inference(images), network(images), strict=True):
        torch.testing.assert_close(found, expected)
    assert inference.feature_strides == (4, 8, 16, 32)


def test_the_norms_weights_are_counted_in_the_memory():
    """`effsearch profile` states a kernel and one bias for each output: that is what is left."""
    architecture = catalogue.load("b0")
    left = sum(value.numel() for value in fold_norms(build(architecture)).state_dict().values())
    assert memory(architecture).weights("fp32") == 4 * left


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "pt2"])
def test_it_is_exported(tmp_path, to):
    network = fold_norms(with_statistics(build(MIXED)))
    written = export(network, tmp_path / f"folded.{to}", to)
    assert all(one.largest < 1e-4 * one.of for one in written.differences)


@pytest.mark.parametrize("to", ["timm", "python"])
def test_forms_that_are_trained_on_need_the_norms(tmp_path, to):
    with pytest.raises(UserError, match="folded into its convolutions"):
        export(fold_norms(build(MIXED)), tmp_path / "folded.py", to)
    assert list(tmp_path.iterdir()) == []


def test_weights_are_loaded_before(tmp_path):
    network = build(MIXED)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"norm"):
        load_weights(fold_norms(network), tmp_path / "weights.pth")
