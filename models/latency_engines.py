"""The engines that a latency is measured with: a network or a block, prepared to be run once more at each call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from time import perf_counter
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.latency_table import BLOCKWISE, Conditions
from .folding import fold_norms
from .memory_errors import is_memory_error
from .network import build

Run = Callable[[], float]  # once; how many milliseconds that took


def network_run(architecture: Architecture, conditions: Conditions) -> Run:
    """Inside `latency.under`: the network with fresh weights."""
    with seeded():
        network = build(architecture)
    size = architecture.resolution
    return prepared(network, (conditions.batch, architecture.input_channels, size, size), conditions)


def prepared(module: nn.Module, shape: tuple[int, ...], conditions: Conditions) -> Run:
    """Inside `latency.under`: a run of the module on one random input of this shape; its first call may take long.

    InvalidValue for an engine that runs whole networks only, or that does not work here.
    """
    if conditions.engine not in BLOCKWISE:
        raise InvalidValue(f"engine is {conditions.engine}; torch runs {', '.join(BLOCKWISE)}")
    module = module.eval().to(conditions.device)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(conditions.device)
    if conditions.device != "cpu":
        images = images.to(memory_format=torch.channels_last)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the types
    if conditions.engine == "folded":
        module = fold_norms(module)
    call = _compiled(module, images) if conditions.engine == "compile" else module
    return _clocked(lambda: call(images), conditions.device)


@contextmanager
def seeded() -> Iterator[None]:
    """Random weights that are the same every time; torch's own stream goes on as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _clocked(call: Callable[[], object], device: str) -> Run:
    if device == "cpu":

        def on_cpu() -> float:
            begun = perf_counter()
            call()
            return 1000 * (perf_counter() - begun)

        return on_cpu
    where = torch.device(device)
    event: Any = torch.cuda.Event  # without types

    def on_gpu() -> float:
        with torch.cuda.device(where):
            begin, end = event(enable_timing=True), event(enable_timing=True)
            begin.record()
            call()
            end.record()
            end.synchronize()
            return float(begin.elapsed_time(end))

    return on_gpu


def _compiled(module: nn.Module, images: Tensor) -> Callable[[Tensor], Tensor]:
    """Called once, which compiles it. torch keeps what it compiled by code object and looks all of it through at each
    call; so each module gets a function with a code object of its own."""

    def call(images: Tensor) -> Any:
        return module(images)

    own = FunctionType(call.__code__.replace(), call.__globals__, closure=call.__closure__)
    try:
        compiled = torch.compile(own, dynamic=False)
        compiled(images)
    except (RuntimeError, OSError) as error:
        if is_memory_error(error):
            raise
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InvalidValue(
            f"torch.compile does not work here: {first[:300]}", hint="install a C++ compiler, or give --engine folded"
        ) from error
    return compiled


def session_run(architecture: Architecture, conditions: Conditions, folder: Path) -> Run:
    """Inside `latency.under`: the network in ONNX Runtime, by a file in `folder`. InvalidValue where that is not
    installed, or cannot run on the device."""
    try:
        runtime = import_module("onnxruntime")
    except ModuleNotFoundError as error:
        raise InvalidValue(
            "onnxruntime is not installed, which the engine onnxruntime runs", hint="pip install 'effsearch[export]'"
        ) from error
    from .exporting import export

    path = folder / "network.onnx"
    with seeded(), torch.inference_mode(False):
        export(build(architecture), path, "onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = conditions.threads, 1
    providers = ["CPUExecutionProvider"] if conditions.device == "cpu" else ["CUDAExecutionProvider"]
    if providers[0] not in runtime.get_available_providers():
        raise InvalidValue(f"this onnxruntime cannot run on {conditions.device}", hint="pip install onnxruntime-gpu")
    session = runtime.InferenceSession(str(path), options, providers=providers)
    shape = (conditions.batch, architecture.input_channels, architecture.resolution, architecture.resolution)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).numpy()
    feed = {session.get_inputs()[0].name: images}
    return _clocked(lambda: session.run(None, feed), "cpu")  # it returns when its result is there
