"""The networks of the catalogue as torch modules: maps, layouts, compilation, half precision, fresh weights."""

from __future__ import annotations

import math
from types import ModuleType

import pytest
import torch
from torch import nn

from effsearch.models import build
from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue

QUICK = {"mobilenet-v3-small", "resnet-18"}
CATALOGUE = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.slow]) for name in catalogue.names()]
FAMILIES = [
    "mobilenet-v3-small",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("efficientnet-b0", "efficientnet-lite0", "mobilenet-v1", "mobilenet-v2", "mnasnet-a1", "resnet-18")
    ),
]


def one_stage(operation: str) -> Architecture:
    """A small network of one kind of block, with all that the kind has."""
    resnet = operation in ("basic", "bottleneck")
    stage = Stage(
        operation,
        24,
        2,
        stride=2,
        expand={"mbconv": 2.5, "bottleneck": 0.5}.get(operation, 1),
        se_ratio=0 if resnet else 0.25,
        se_kind="expanded" if operation == "mbconv" else "input",
        skip="projection" if resnet else "pool",
        activation="relu" if resnet else "hard_swish",
    )
    return Architecture(operation, Stem(16, pool="max"), (stage,), Head(32, 24), resolution=32, classes=7)


@pytest.mark.parametrize("name", CATALOGUE)
def test_maps_at_strides_4_to_32(name: str) -> None:
    architecture = catalogue.load(name)
    network = build(architecture, features_only=True, device="meta").eval()
    images = torch.empty(2, 3, 96, 128, device="meta")
    assert network.feature_strides == (4, 8, 16, 32)
    for maps, stride, channels in zip(network(images), (4, 8, 16, 32), network.feature_channels, strict=True):
        assert maps.shape == (2, channels, 96 // stride, 128 // stride)
    assert network.feature_channels[-1] == architecture.stages[-1].channels


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["mbconv", "sepconv", "conv", "basic", "bottleneck"])
def test_a_block_of_each_kind_compiles_without_a_graph_break(operation: str) -> None:
    network = build(one_stage(operation), drop_path=0, dropout=0).train()
    images = torch.randn(3, 3, 32, 32)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), network(images), rtol=1e-4, atol=1e-5)
    torch.compiler.reset()


@pytest.mark.parametrize("name", FAMILIES)
def test_channels_last_all_the_way_and_the_same_result(name: str) -> None:
    network = build(catalogue.load(name)).eval()
    images = torch.randn(2, 3, 40, 40)
    with torch.no_grad():
        expected = network(images)
        network.to(memory_format=torch.channels_last)
        found = network(images.contiguous(memory_format=torch.channels_last))
        last = network.features(images.contiguous(memory_format=torch.channels_last))[0]
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("name", FAMILIES)
def test_half_precision_is_finite_and_near(name: str) -> None:
    """Normalised by what the batch holds, as in training, so that the numbers stay at the scale they have there."""
    network = build(catalogue.load(name), dropout=0, drop_path=0).train()
    images = torch.randn(8, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(images)
    assert found.dtype == torch.bfloat16
    assert found.isfinite().all()
    cosine = nn.functional.cosine_similarity(found.float().flatten(), expected.flatten(), dim=0)
    assert cosine > 0.95  # measured 0.964 (mobilenet-v1) to 0.9997 (resnet-18)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("efficientnet-b0", "efficientnet_b0"),
        ("mobilenet-v3-small", "mobilenetv3_small_100"),
        ("resnet-50", "resnet50"),
    ],
)
def test_fresh_weights_are_drawn_as_timms(timm: ModuleType, name: str, reference: str) -> None:
    """Layer by layer in order: the same spread, and the same largest value where it is uniform."""
    options = {"zero_init_last": False} if name.startswith("resnet") else {}
    ours, theirs = build(catalogue.load(name)), timm.create_model(reference, pretrained=False, **options)
    kinds = nn.Conv2d | nn.Linear
    pairs = [
        sorted((m.weight.flatten(1) for m in network.modules() if isinstance(m, kinds)), key=lambda w: tuple(w.shape))
        for network in (ours, theirs)
    ]
    assert len(pairs[0]) == len(pairs[1])
    for own, other in zip(*pairs, strict=True):
        assert own.shape == other.shape
        if own.numel() < 200:
            continue
        uncertain = 6 / math.sqrt(2 * own.numel())  # six sigma of a normal's spread
        assert own.std().item() == pytest.approx(other.std().item(), rel=2 * uncertain)
        assert abs(own.mean().item()) < 6 * own.std().item() / math.sqrt(own.numel())
    own, known = ours.head.classifier, theirs.get_classifier()
    for one, other in ((own.weight, known.weight), (own.bias, known.bias)):
        assert one.abs().max().item() == pytest.approx(other.abs().max().item(), rel=0.02)


def test_the_classifier_is_uniform_and_the_convolutions_are_normal() -> None:
    network = build(catalogue.load("b0"))
    weight = network.head.classifier.weight.flatten()
    bound = 1 / math.sqrt(1000)
    assert bound * 0.999 < weight.abs().max() <= bound
    assert (weight.abs() < bound / 2).float().mean().item() == pytest.approx(0.5, abs=0.003)
    conv = network.head.conv.conv.weight.flatten()
    spread = math.sqrt(2 / 1280)
    for sigmas, inside in ((1, 0.6827), (2, 0.9545), (3, 0.9973)):
        assert (conv.abs() < sigmas * spread).float().mean().item() == pytest.approx(inside, abs=0.004)


def test_a_resnets_classifier_is_drawn_by_its_inputs() -> None:
    head = build(catalogue.load("resnet-18"), classes=10).head.classifier
    bound = 1 / math.sqrt(512)
    for values in (head.weight, head.bias):
        assert values.abs().max() <= bound
    assert head.weight.abs().max() > 0.99 * bound
    assert head.bias.abs().max() > 0.3 * bound
