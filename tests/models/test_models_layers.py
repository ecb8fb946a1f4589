"""The single layers against hand-written arithmetic."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from effsearch.models.blocks import OPERATIONS
from effsearch.models.layers import PoolSkip, SqueezeExcite, StochasticDepth
from effsearch.search_spaces.architecture import SKIPS, Stage, stage_block


def block_module(stage: Stage, width: int, drop_path: float = 0.0, index: int = 0) -> nn.Module:
    block = stage_block(stage, 1, index, width, 8, drop_path)
    return OPERATIONS[block.operation](block, nn.BatchNorm2d)


@pytest.mark.parametrize("side", [1, 6, 7])
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 5), (5, 3), (4, 4)])
def test_pool_skip_averages_what_is_there(side, inputs, outputs):
    maps = torch.randn(2, inputs, side, side)
    expected = np.zeros((2, outputs, math.ceil(side / 2), math.ceil(side / 2)), np.float32)
    for row in range(expected.shape[2]):
        for column in range(expected.shape[3]):
            window = maps.numpy()[:, :outputs, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            expected[:, : min(inputs, outputs), row, column] = window.mean((2, 3))
    np.testing.assert_allclose(PoolSkip(inputs, outputs, 2)(maps).numpy(), expected, atol=1e-6)


def test_pool_skip_without_stride_only_changes_the_channels():
    maps = torch.randn(2, 3, 5, 5)
    wider = PoolSkip(3, 5, 1)(maps)
    assert torch.equal(wider[:, :3], maps)
    assert not wider[:, 3:].any()
    assert torch.equal(PoolSkip(3, 2, 1)(maps), maps[:, :2])


@pytest.mark.parametrize("kind", ["input", "expanded"])
def test_squeeze_excite(kind):
    layer = SqueezeExcite(6, 2, kind, "silu").double()
    maps = torch.randn(3, 6, 4, 5, dtype=torch.double) * 4
    down, up = layer.reduce.weight[:, :, 0, 0], layer.restore.weight[:, :, 0, 0]
    inner = maps.mean((2, 3)) @ down.T + layer.reduce.bias
    inner = inner.clamp(min=0) if kind == "expanded" else inner / (1 + (-inner).exp())
    gate = inner @ up.T + layer.restore.bias
    gate = (gate / 6 + 0.5).clamp(0, 1) if kind == "expanded" else 1 / (1 + (-gate).exp())
    torch.testing.assert_close(layer(maps), maps * gate[:, :, None, None])


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean():
    layer, count, rate = StochasticDepth(0.25).train(), 20_000, 0.25
    scaled = layer(torch.ones(count, 2, 3, 1))
    first = scaled[:, :1, :1, :1]
    assert torch.equal(scaled, first.expand_as(scaled))
    kept = first.flatten() > 0
    torch.testing.assert_close(first.flatten()[kept], torch.full((int(kept.sum()),), 4 / 3))
    deviation = math.sqrt(rate * (1 - rate) / count)
    assert abs(kept.float().mean() - 0.75) < 5 * deviation
    assert abs(first.mean() - 1) < 5 * deviation / 0.75


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True)])
def test_stochastic_depth_at_rest(rate, training):
    maps = torch.randn(64, 2, 2, 2)
    assert torch.equal(StochasticDepth(rate).train(training)(maps), maps)


def test_a_dropped_sample_passes_the_block_unchanged():
    block = block_module(Stage("mbconv", 4, expand=2), 4, drop_path=0.5).train()
    maps = torch.randn(200, 4, 8, 8)
    unchanged = (block(maps) == maps).flatten(1).all(1)
    assert 60 < unchanged.sum() < 140  # 100 +- 5.7 sigma
    assert (block.eval()(maps) != maps).flatten(1).any(1).all()


def test_a_block_without_skip_is_never_dropped():
    block = block_module(Stage("mbconv", 6, expand=2, stride=2), 4, drop_path=0.9).train()
    maps = torch.randn(50, 4, 8, 8)
    assert torch.equal(block(maps), block(maps))


@pytest.mark.parametrize("skip", SKIPS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("outputs", [3, 4, 6])
def test_skips_add_what_they_say(skip, stride, outputs):
    """A block of one convolution, computed by hand."""
    block = block_module(Stage("conv", outputs, stride=stride, skip=skip, activation="relu"), 4).eval()
    maps = torch.randn(2, 4, 7, 7)

    def norm(values):
        return values / math.sqrt(1 + 1e-5)

    expected = norm(functional.conv2d(maps, block.conv.conv.weight, stride=stride, padding=1)).clamp(min=0)
    if skip != "none" and stride == 1 and outputs == 4:
        expected = expected + maps
    elif skip == "projection":
        expected = expected + norm(functional.conv2d(maps, block.skip.conv.weight, stride=stride))
    elif skip == "pool":
        # 7 pixels: a last row and column that repeat themselves leave the averages at the edge as they are
        pooled = maps if stride == 1 else functional.avg_pool2d(functional.pad(maps, (0, 1, 0, 1), "replicate"), 2)
        shared = min(4, outputs)
        expected[:, :shared] += pooled[:, :shared]
    torch.testing.assert_close(block(maps), expected)


@pytest.mark.parametrize("operation", list(OPERATIONS))
@pytest.mark.parametrize("activation", ["silu", "relu", "relu6", "hard_swish"])
def test_blocks_leave_their_input_alone(operation, activation):
    block = block_module(Stage(operation, 4, activation=activation), 4, drop_path=0.3).train()
    maps = torch.randn(8, 4, 6, 6)
    before = maps.clone()
    watched = maps.requires_grad_()
    block(watched).sum().backward()  # autograd itself raises where a value it saved has been overwritten
    assert torch.equal(maps.detach(), before)
    assert watched.grad is not None
