"""The computed peak of the maps and the weights, against the operations that torch is seen to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from effsearch.models import build
from effsearch.search_spaces import Architecture, Head, Stage, Stem, catalogue
from effsearch.search_spaces.memory import memory

# These write over their input: what follows a convolution and is one operation with it
FUSED = ("native_batch_norm", "silu", "relu", "hardtanh", "hardswish", "sigmoid", "hardsigmoid")


class Lifetimes(TorchDispatchMode):
    """Which storages each operation reads and writes, for all that keep an image's values; weights are given."""

    def __init__(self, weights: set[int]) -> None:
        super().__init__()
        self.weights = weights
        self.sizes: dict[int, int] = {}
        self.held: list[Tensor] = []  # no storage is freed, so that no two share a number
        self.calls: list[tuple[set[int], set[int]]] = []
        self.alias: dict[int, int] = {}

    def number(self, tensor: Tensor) -> int:
        """Storages by identity; a fused operation's output counts as its input."""
        storage = tensor.untyped_storage()
        found = storage._cdata
        self.held.append(tensor)
        return self.alias.get(found, found)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__.strip("_")
        inputs = [one for one in tree_leaves((args, kwargs or {})) if isinstance(one, Tensor)]
        outputs = [one for one in tree_leaves(result) if isinstance(one, Tensor)]
        reads = {self.number(one) for one in inputs} - self.weights
        outputs = outputs[:1]  # not the indices of a max pooling, nor a norm's statistics
        if any(name.startswith(fused) for fused in FUSED):
            self.alias[outputs[0].untyped_storage()._cdata] = self.number(inputs[0])
        for one in outputs:
            self.sizes.setdefault(self.number(one), one.numel())
        for one in inputs:
            if self.number(one) in reads:
                self.sizes.setdefault(self.number(one), one.numel())
        self.calls.append((reads, {self.number(one) for one in outputs} - self.weights))
        return result

    def peak(self) -> int:
        last = {number: place for place, (reads, writes) in enumerate(self.calls) for number in reads | writes}
        alive, most = set(), 0
        for place, (reads, writes) in enumerate(self.calls):
            alive |= reads | writes
            most = max(most, sum(self.sizes[number] for number in alive))
            alive = {number for number in alive if last[number] > place}
        return most


def measured_peak(architecture: Architecture) -> int:
    network = build(architecture, device="meta").eval()
    images = torch.empty(
        1, architecture.input_channels, architecture.resolution, architecture.resolution, device="meta"
    )
    weights = {value.untyped_storage()._cdata for value in network.state_dict().values()}
    with torch.no_grad(), Lifetimes(weights) as seen:
        network(images)
    return seen.peak()


def fused_values(network: nn.Module) -> tuple[int, int]:
    """Kernels and biases after torch has folded the norms."""
    kernels = biases = 0
    for module in network.modules():
        found = None
        if isinstance(getattr(module, "norm", None), nn.BatchNorm2d):
            found = fuse_conv_bn_eval(module.conv, module.norm)
        elif isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.bias is not None):
            found = module
        if found is not None:
            kernels, biases = kernels + found.weight.numel(), biases + found.bias.numel()
    return kernels, biases


@pytest.mark.parametrize("name", ["b0", "mobilenet-v1", "mobilenet-v3-small", "resnet-18"])
def test_the_peak_is_what_torch_is_seen_to_need(name: str) -> None:
    architecture = catalogue.load(name)
    assert memory(architecture).peak == measured_peak(architecture)


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names())
def test_the_peak_over_the_catalogue(name: str) -> None:
    architecture = catalogue.load(name)
    assert memory(architecture).peak == measured_peak(architecture)


@pytest.mark.parametrize("name", ["b0", "mobilenet-v3-small", "resnet-18"])
def test_the_weights_are_those_of_the_folded_network(name: str) -> None:
    architecture = catalogue.load(name)
    found = memory(architecture)
    assert (found.kernels, found.biases) == fused_values(build(architecture).eval())


@st.composite
def stages(draw):
    operation = draw(st.sampled_from(("mbconv", "sepconv", "conv", "basic", "bottleneck")))
    return Stage(
        operation,
        channels=draw(st.integers(1, 40)),
        repeats=draw(st.integers(1, 2)),
        stride=draw(st.integers(1, 2)),
        kernel=draw(st.sampled_from((1, 3))),
        expand=draw(st.sampled_from((0.25, 1, 6))) if operation in ("mbconv", "bottleneck") else 1,
        se_ratio=0 if operation in ("basic", "bottleneck") else draw(st.sampled_from((0, 0.25))),
        skip=draw(st.sampled_from(("identity", "projection", "pool", "none"))),
    )


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        Architecture,
        name=st.just("drawn"),
        stem=st.builds(Stem, channels=st.integers(1, 40), pool=st.sampled_from(("none", "max"))),
        stages=st.lists(stages(), min_size=1, max_size=3),
        head=st.builds(Head, channels=st.sampled_from((0, 100)), hidden=st.sampled_from((0, 30))),
        resolution=st.integers(1, 60),
        input_channels=st.integers(1, 4),
        classes=st.integers(1, 2000),
    )
)
def test_the_peak_of_any_network(architecture: Architecture) -> None:
    assert memory(architecture).peak == measured_peak(architecture)


def test_bytes_by_kind() -> None:
    found = memory(catalogue.load("b0"))
    kernels, biases = found.kernels, found.biases
    assert [found.weights(kind) for kind in ("fp32", "fp16", "int8")] == [
        4 * (kernels + biases), 2 * (kernels + biases), kernels + 4 * biases,
    ]  # fmt: skip
    assert [found.activations(kind) for kind in ("fp32", "fp16", "int8")] == [
        4 * found.peak,
        2 * found.peak,
        found.peak,
    ]


def test_the_peak_grows_with_the_picture_and_not_with_the_layers() -> None:
    b0 = catalogue.load("b0")
    deeper = replace(b0, stages=tuple(replace(stage, repeats=stage.repeats + 2) for stage in b0.stages[2:]))
    assert memory(replace(b0, resolution=448)).peak == 4 * memory(b0).peak
    assert memory(replace(b0, stages=(*b0.stages[:2], *deeper.stages))).peak == memory(b0).peak
