"""The same weights give the same logits as torchvision's and timm's networks."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from effsearch.models import MeasuredCost, build, measured_cost
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.architecture import Architecture, Head, Stage, Stem


def randomise(network: nn.Module) -> None:
    """Norms that do something: a fresh one is the identity, behind which a wrong order would hide."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.2)


def skips_last(names: list[str]) -> list[str]:
    """torchvision's ResNet registers the projection of a block after its convolutions, ours before."""

    def place(name: str) -> tuple[str, bool]:
        parts = name.split(".")
        return (".".join(parts[:3]) if parts[0] == "stages" else name), "skip" in parts

    order = {block: number for number, block in enumerate(dict.fromkeys(place(name)[0] for name in names))}
    return sorted(names, key=lambda name: (order[place(name)[0]], place(name)[1]))


def assert_same_logits(theirs: nn.Module, architecture: Architecture, sizes: tuple[int, int] = (224, 97)) -> None:
    randomise(theirs)
    eps = next(module.eps for module in theirs.modules() if isinstance(module, nn.BatchNorm2d))
    ours = build(architecture, norm_eps=eps)
    values, names = list(theirs.state_dict().values()), skips_last(list(ours.state_dict()))
    assert [value.shape for value in values] == [ours.state_dict()[name].shape for name in names]
    ours.load_state_dict(dict(zip(names, values, strict=True)))
    ours.eval(), theirs.eval()
    for size in sizes:
        images = torch.randn(2, 3, size, size + 3)
        with torch.no_grad():
            expected, found = theirs(images), ours(images)
        assert expected.std() > 1e-3
        assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["b0", "b1"])
def test_efficientnet_equals_torchvision(torchvision, name):
    theirs = getattr(torchvision.models, f"efficientnet_{name}")(weights=None)
    assert_same_logits(theirs, catalogue.load(name))


@pytest.mark.parametrize(
    ("theirs", "ours"), [("efficientnet_b0", "efficientnet-b0"), ("mobilenetv2_100", "mobilenet-v2")]
)
def test_network_equals_timm(timm, theirs, ours):
    assert_same_logits(timm.create_model(theirs, pretrained=False), catalogue.load(ours))


def test_separable_convolutions_equal_timms_mobilenet_v1(timm):
    rows = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 2, 6), (1024, 2, 2))  # arXiv 1704.04861 table 1
    stages = [
        Stage("sepconv", channels, repeats, stride, skip="none", activation="relu6")
        for channels, stride, repeats in rows
    ]
    ours = Architecture("mobilenet-v1", Stem(activation="relu6"), stages, Head(channels=0))
    assert_same_logits(timm.create_model("mobilenetv1_100", pretrained=False), ours)


def test_mobilenet_v3_equals_torchvision(torchvision):
    """Expanded SE with a hard sigmoid, real-valued expansion, hidden layer in the head."""
    rows = (  # arXiv 1905.02244 table 1: kernel, expanded, channels, SE, activation, stride; here with the input
        (16, 3, 16, 16, 0, "relu", 1),
        (16, 3, 64, 24, 0, "relu", 2),
        (24, 3, 72, 24, 0, "relu", 1),
        (24, 5, 72, 40, 0.25, "relu", 2),
        (40, 5, 120, 40, 0.25, "relu", 1),
        (40, 5, 120, 40, 0.25, "relu", 1),
        (40, 3, 240, 80, 0, "hard_swish", 2),
        (80, 3, 200, 80, 0, "hard_swish", 1),
        (80, 3, 184, 80, 0, "hard_swish", 1),
        (80, 3, 184, 80, 0, "hard_swish", 1),
        (80, 3, 480, 112, 0.25, "hard_swish", 1),
        (112, 3, 672, 112, 0.25, "hard_swish", 1),
        (112, 5, 672, 160, 0.25, "hard_swish", 2),
        (160, 5, 960, 160, 0.25, "hard_swish", 1),
        (160, 5, 960, 160, 0.25, "hard_swish", 1),
    )
    stages = [
        Stage("mbconv", channels, 1, stride, kernel, expanded / width, ratio, "expanded", activation=activation)
        for width, kernel, expanded, channels, ratio, activation, stride in rows
    ]
    stem = Stem(16, activation="hard_swish")
    ours = Architecture("mobilenet-v3-large", stem, stages, Head(960, 1280, "hard_swish"))
    assert_same_logits(torchvision.models.mobilenet_v3_large(weights=None), ours)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "operation", "factor", "repeats"),
    [("resnet18", "basic", 1, (2, 2, 2, 2)), ("resnet50", "bottleneck", 4, (3, 4, 6, 3))],
)
def test_resnet_equals_torchvision(torchvision, name, operation, factor, repeats):
    stages = [
        Stage(operation, width * factor, count, stride, expand=1 / factor, skip="projection", activation="relu")
        for width, count, stride in zip((64, 128, 256, 512), repeats, (1, 2, 2, 2), strict=True)
    ]  # arXiv 1512.03385 table 1
    stem = Stem(64, kernel=7, activation="relu", pool="max")
    ours = Architecture(name, stem, stages, Head(channels=0))
    theirs = getattr(torchvision.models, name)(weights=None)
    assert_same_logits(theirs, ours, (64, 97))


@pytest.mark.slow
@pytest.mark.parametrize("name", [f"b{number}" for number in range(8)])
def test_family_costs_what_torchvisions_costs(torchvision, name):
    architecture = catalogue.load(name)
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        theirs = getattr(torchvision.models, f"efficientnet_{name}")(weights=None).eval()
        theirs(torch.empty(1, 3, architecture.resolution, architecture.resolution))
    params = sum(value.numel() for value in theirs.parameters())
    assert measured_cost(architecture) == MeasuredCost(params, counter.get_total_flops() // 2)
    weights = getattr(torchvision.models, f"EfficientNet_{name.upper()}_Weights").IMAGENET1K_V1
    assert params == weights.meta["num_params"]


def test_feature_maps_equal_timms(timm):
    theirs = timm.create_model("efficientnet_b0", pretrained=False, features_only=True).eval()
    full = timm.create_model("efficientnet_b0", pretrained=False)
    randomise(full)
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
