"""The same weights give the same logits as timm's networks, at 224 pixels; test_catalogue_oracles has the others."""

import pytest
import torch
from random_norms import randomise_norms
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from effsearch.models import build
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.architecture import Architecture
from effsearch.search_spaces.cost import cost


def assert_same_logits(theirs: nn.Module, architecture: Architecture, sizes: tuple[int, int] = (224, 97)) -> None:
    randomise_norms(theirs)
    eps = next(module.eps for module in theirs.modules() if isinstance(module, nn.BatchNorm2d))
    ours = build(architecture, norm_eps=eps)
    values, names = list(theirs.state_dict().values()), list(ours.state_dict())
    assert [value.shape for value in values] == [ours.state_dict()[name].shape for name in names]
    ours.load_state_dict(dict(zip(names, values, strict=True)))
    ours.eval(), theirs.eval()
    for size in sizes:
        images = torch.randn(2, 3, size, size + 3)
        with torch.no_grad():
            expected, found = theirs(images), ours(images)
        assert expected.std() > 1e-3
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("theirs", "ours"), [("efficientnet_b0", "efficientnet-b0"), ("mobilenetv2_100", "mobilenet-v2")]
)
def test_network_equals_timm(timm, theirs, ours):
    assert_same_logits(timm.create_model(theirs, pretrained=False), catalogue.load(ours))


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"b{number}" for number in range(8)])
def test_family_costs_what_torchvisions_costs(torchvision, name):
    architecture = catalogue.load(name)
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        theirs = getattr(torchvision.models, f"efficientnet_{name}")(weights=None).eval()
        theirs(torch.empty(1, 3, architecture.resolution, architecture.resolution))
    params = sum(value.numel() for value in theirs.parameters())
    computed = cost(architecture)
    assert (computed.params, computed.mult_adds) == (params, counter.get_total_flops() // 2)
    weights = getattr(torchvision.models, f"EfficientNet_{name.upper()}_Weights").IMAGENET1K_V1
    assert params == weights.meta["num_params"]


def test_feature_maps_equal_timms(timm):
    theirs = timm.create_model("efficientnet_b0", pretrained=False, features_only=True).eval()
    full = timm.create_model("efficientnet_b0", pretrained=False)
    randomise_norms(full)
    theirs.load_state_dict(full.state_dict(), strict=False)
    eps = next(module.eps for module in full.modules() if isinstance(module, nn.BatchNorm2d))
    ours = build(catalogue.load("b0"), features_only=True, norm_eps=eps).eval()
    names = list(ours.state_dict())
    ours.load_state_dict(dict(zip(names, full.state_dict().values(), strict=False)))
    images = torch.randn(2, 3, 97, 130)
    with torch.no_grad():
        expected, found = theirs(images)[1:], ours(images)  # timm begins at stride 2
    assert ours.feature_strides == tuple(theirs.feature_info.reduction()[1:])
    assert ours.feature_channels == tuple(theirs.feature_info.channels()[1:])
    assert [maps.shape for maps in found] == [maps.shape for maps in expected]
    for ours_map, theirs_map in zip(found, expected, strict=True):
        assert (ours_map - theirs_map).abs().max() < 1e-5 * theirs_map.abs().max()
