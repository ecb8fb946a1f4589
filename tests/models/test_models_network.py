"""The network as a whole: shapes, weights, gradients, and what people do with a torch module."""

import copy
import io
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from effsearch.models import build
from effsearch.models.layers import StochasticDepth
from effsearch.search_spaces import catalogue
from effsearch.search_spaces.architecture import Architecture, Head, Stage, Stem

B0 = catalogue.load("b0")
# Every operation, both kinds of SE, every skip
MIXED = Architecture(
    "mixed",
    Stem(8, pool="max"),
    (
        Stage("conv", 12, 2, kernel=5, se_ratio=0.25, skip="pool"),
        Stage("sepconv", 16, 2, stride=2, se_ratio=0.5, se_kind="expanded"),
        Stage("mbconv", 24, 2, stride=2, expand=2.5, se_ratio=0.25, activation="hard_swish"),
        Stage("basic", 32, 2, stride=2, skip="projection"),
        Stage("bottleneck", 40, 2, expand=0.5, skip="none", activation="relu6"),
    ),
    Head(48, 56),
    resolution=64,
    classes=10,
)


@pytest.mark.parametrize("architecture", [B0, MIXED], ids=str)
def test_logits_for_any_size(architecture):
    network = build(architecture, classes=7).eval()
    with torch.no_grad():
        for height, width in ((32, 32), (65, 97), (1, 1)):
            assert network(torch.randn(2, 3, height, width)).shape == (2, 7)


def test_own_values_and_overrides():
    own = build(replace(B0, classes=11, dropout=0.3, drop_path=0.1))
    assert own.head.classifier.out_features == 11
    assert own.head.dropout.p == 0.3
    assert own.stages[6][0].skip is None
    assert own.stages[5][3].drop_path.rate == pytest.approx(0.1 * 14 / 16)
    changed = build(B0, classes=5, dropout=0, drop_path=0, norm_eps=1e-5, norm_momentum=0.1)
    assert changed.head.classifier.out_features == 5
    assert changed.head.dropout.p == 0
    assert (changed.architecture.classes, changed.architecture.dropout, changed.architecture.drop_path) == (5, 0, 0)
    norms = [module for module in changed.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 0.1)}
    norms = [module for module in own.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


@pytest.mark.parametrize(
    ("option", "value"), [("classes", 0), ("dropout", 1.0), ("drop_path", -0.1), ("norm_eps", -1), ("norm_momentum", 2)]
)
def test_values_out_of_range_are_named(option, value):
    with pytest.raises(ValueError, match=option):
        build(B0, **{option: value})


def test_stochastic_depth_grows_linearly_and_only_where_a_skip_is():
    network = build(B0)
    rates = [module.rate for module in network.modules() if isinstance(module, StochasticDepth)]
    repeated = (2, 4, 6, 7, 9, 10, 12, 13, 14)  # blocks 0..15 that are not the first of their stage: table 1
    assert rates == pytest.approx([0.2 * block / 16 for block in repeated])


def test_names_are_readable():
    stage = build(B0).stages[1][0]
    assert [name for name, _ in stage.named_children()] == ["drop_path", "expand", "depthwise", "squeeze", "project"]
    names = set(build(B0).state_dict())
    assert {"stem.conv.conv.weight", "stages.1.0.depthwise.norm.running_var", "head.classifier.bias"} <= names


def test_weights_start_as_in_the_official_code():
    network = build(B0)

    def spread(weight: torch.Tensor) -> float:
        return float(weight.detach().square().mean().sqrt())

    assert spread(network.head.conv.conv.weight) == pytest.approx(math.sqrt(2 / 1280), rel=0.01)
    assert spread(network.stages[5][1].depthwise.conv.weight) == pytest.approx(math.sqrt(2 / 25), rel=0.05)
    assert spread(network.stages[5][1].squeeze.restore.weight) == pytest.approx(math.sqrt(2 / 1152), rel=0.02)
    dense = network.head.classifier.weight.detach()
    assert float(dense.abs().max()) == pytest.approx(1000**-0.5, rel=1e-3)
    assert spread(dense) == pytest.approx(1000**-0.5 / math.sqrt(3), rel=0.01)
    for name, value in network.named_parameters():
        if name.endswith(".bias"):
            assert not value.any(), name
        elif ".norm." in name:
            assert (value == 1).all(), name


@pytest.mark.parametrize("architecture", [B0, MIXED], ids=str)
def test_gradient_reaches_every_parameter(architecture):
    network = build(architecture, classes=10, drop_path=0.1).train()
    logits = network(torch.randn(8, 3, 64, 64))
    nn.functional.cross_entropy(logits, torch.arange(8)).backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert silent == []


def test_training_is_random_and_evaluation_is_not():
    network, images = build(MIXED), torch.randn(4, 3, 64, 64)
    with torch.no_grad():
        network.train()
        assert not torch.equal(network(images), network(images))
        network.eval()
        assert torch.equal(network(images), network(images))
        alone = network(images[:1])
    torch.testing.assert_close(alone, network(images)[:1], rtol=1e-4, atol=1e-5)


def test_dropout_comes_before_the_classifier():
    network, images = build(MIXED, dropout=0.5).eval(), torch.randn(2, 3, 64, 64)
    seen = []
    network.head.classifier.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network.head.dropout.train()
    with torch.no_grad():
        network(images)
        network.head.dropout.eval()
        network(images)
    dropped, features = seen
    kept = dropped != 0
    assert 0.2 < kept.float().mean() < 0.8  # half of 2 x 56
    torch.testing.assert_close(dropped[kept], 2 * features[kept])


def test_learns_four_images():
    network = build(MIXED, classes=4, dropout=0, drop_path=0, norm_momentum=0.1).train()
    images, labels = torch.randn(4, 3, 64, 64), torch.arange(4)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.1  # ln 4 = 1.39 at the start; 0.010 to 0.017 over six seeds


@pytest.mark.parametrize("side", [224, 97])
def test_features_of_b0(side):
    network = build(B0, features_only=True).eval()
    with torch.no_grad():
        maps = network(torch.randn(1, 3, side, side + 5))
    assert network.feature_strides == (4, 8, 16, 32)
    assert network.feature_channels == (24, 40, 112, 320)  # arXiv 1905.11946 table 1, the last row at each size
    expected = [
        (1, channels, math.ceil(side / stride), math.ceil((side + 5) / stride))
        for stride, channels in zip((4, 8, 16, 32), (24, 40, 112, 320), strict=True)
    ]
    assert [tuple(map_.shape) for map_ in maps] == expected


def test_features_carry_no_head_and_share_the_rest():
    full, features = build(B0), build(B0, features_only=True)
    head = 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    assert sum(value.numel() for value in features.parameters()) == 5_288_548 - head
    assert not any(name.startswith("head") for name in features.state_dict())
    features.load_state_dict({name: value for name, value in full.state_dict().items() if not name.startswith("head")})
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        last = features.eval()(images)[-1]
        torch.testing.assert_close(full.eval().head(last), full(images))


def test_features_begin_at_the_stem_where_it_is_the_last_at_its_stride():
    architecture = replace(MIXED, stages=MIXED.stages[1:])
    network = build(architecture, features_only=True).eval()
    assert network.feature_strides == (4, 8, 16, 32)
    assert network.feature_channels == (8, 16, 24, 40)
    with torch.no_grad():
        assert [maps.shape[1:] for maps in network(torch.randn(1, 3, 64, 64))] == [
            (8, 16, 16), (16, 8, 8), (24, 4, 4), (40, 2, 2),
        ]  # fmt: skip


def test_features_need_a_stride():
    flat = Architecture("flat", Stem(8), (Stage("conv", 8),), Head())
    with pytest.raises(ValueError, match="flat has no maps at stride 4"):
        build(flat, features_only=True)


@pytest.mark.slow
def test_meta_device_allocates_nothing():
    with torch.device("meta"):
        outer = build(catalogue.load("b7"))
    for network in (build(catalogue.load("b7"), device="meta"), outer):
        assert all(value.is_meta for value in network.state_dict().values())
        assert network(torch.empty(2, 3, 600, 600, device="meta")).shape == (2, 1000)


def test_weights_load_into_a_meta_network():
    source = build(MIXED).eval()
    target = build(MIXED, device="meta").eval()
    target.load_state_dict(source.state_dict(), assign=True)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(target(images), source(images))


def test_state_dict_round_trip():
    source, target = build(MIXED).eval(), build(MIXED).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert not torch.equal(source(images), target(images))
        stored = io.BytesIO()
        torch.save(source.state_dict(), stored)
        stored.seek(0)
        target.load_state_dict(torch.load(stored, weights_only=True))
        assert torch.equal(source(images), target(images))
        assert torch.equal(copy.deepcopy(source)(images), source(images))


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("architecture", [B0, MIXED], ids=str)
def test_compiles_without_a_graph_break(architecture, training):
    network = build(architecture).train(training)
    images = torch.randn(4, 3, 64, 64)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    with torch.no_grad():
        torch.manual_seed(1)
        found = compiled(images)
        torch.manual_seed(1)
        torch.testing.assert_close(found, network(images))
    torch.compiler.reset()


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("gradients", [True, False])
def test_a_trace_computes_the_same(gradients):
    """And torch's own check of it passes, which runs without gradients what was traced with them."""
    network = build(MIXED).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.set_grad_enabled(gradients):
        traced = torch.jit.trace(network, images)
    with torch.no_grad():
        torch.testing.assert_close(traced(images), network(images))


@pytest.mark.parametrize("architecture", [B0, MIXED], ids=str)
def test_channels_last_changes_nothing(architecture):
    network = build(architecture).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = network(images)
        found = network.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
        maps = network.stages[0](network.stem(images.to(memory_format=torch.channels_last)))
    assert maps.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("architecture", [B0, MIXED], ids=str)
def test_trains_in_bfloat16(architecture):
    network = build(architecture, classes=10).train().to(memory_format=torch.channels_last)
    images = torch.randn(4, 3, 64, 64).to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(images)
    assert logits.dtype == torch.bfloat16
    assert logits.isfinite().all()
    logits.float().logsumexp(1).sum().backward()
    assert all(value.grad.dtype == torch.float32 and value.grad.isfinite().all() for value in network.parameters())


def test_package_is_lazy_and_lists_what_it_offers():
    program = (
        "import sys, effsearch.models as models\n"
        "assert 'torch' not in sys.modules\n"
        "assert set(models.__all__) <= set(dir(models)) and models.__all__\n"
        "values = [getattr(models, name) for name in models.__all__]\n"
        "assert 'torch' in sys.modules and 'fvcore' not in sys.modules\n"
        "assert callable(models.build) and models.build.__name__ == 'build'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
