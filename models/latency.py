"""How long a network takes for one batch: repeated runs after a warm-up, their median and quartiles.

In float32 (on CUDA, convolutions as torch does them by default), without gradients, with random weights and a fixed
random input: at inference neither changes the time. CPU: wall time of a call. CUDA: events around a call, waited for;
channels last, algorithms chosen by cuDNN's benchmark.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from ..search_spaces import checks
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.latency_table import ENGINES, Conditions
from .folding import fold_norms
from .network import build

Run = Callable[[], float]  # once; how many milliseconds that took

WARM, WARM_SECONDS = 3, 0.3  # runs and time before the first that counts
FEWEST, MOST, SECONDS = 10, 200, 5.0  # runs where their number is not said: so many, in so much time


@dataclass(frozen=True)
class Timing:
    """Milliseconds for one batch: median, lower and upper quartile of `runs` runs."""

    batch: int
    median: float
    low: float
    high: float
    runs: int

    @property
    def images_per_second(self) -> float:
        return 1000 * self.batch / self.median


def conditions_for(
    device: str = "cpu", batch: int = 1, threads: int | None = None, engine: str = ENGINES[0]
) -> Conditions:
    """None: as many threads as torch uses now. InvalidValue: a device that is not here, or a value out of range."""
    wanted = Conditions(device, batch, torch.get_num_threads() if threads is None else threads, engine)
    if wanted.device != "cpu":
        if not torch.cuda.is_available():
            raise InvalidValue(f"device is {device}, but torch finds no GPU here", hint="give --device cpu")
        number = torch.device(device).index or 0
        if number >= torch.cuda.device_count():
            raise InvalidValue(f"device is {device}; there are {torch.cuda.device_count()} GPUs, numbered from 0")
    return wanted


def measure(architecture: Architecture, conditions: Conditions, *, runs: int | None = None) -> Timing:
    """Of the whole network at its resolution. `runs` None: as many as fit into five seconds, 10 to 200."""
    if runs is not None:
        checks.integer("runs", runs, 1, 1_000_000)
    with under(conditions), TemporaryDirectory() as folder:
        if conditions.engine == "onnxruntime":
            run = _session(architecture, conditions, Path(folder))
        else:
            run = network_run(architecture, conditions)
        return timed(run, conditions.batch, runs)


def timed(run: Run, batch: int, runs: int | None = None) -> Timing:
    begun = perf_counter()
    for done in range(1, MOST + 1):
        run()
        if done >= WARM and perf_counter() - begun > WARM_SECONDS:
            break
    times: list[float] = []
    begun = perf_counter()
    while len(times) < (runs or FEWEST) or (runs is None and len(times) < MOST and perf_counter() - begun < SECONDS):
        times.append(run())
    return Timing(batch, *quartiles(times), len(times))


def quartiles(times: Sequence[float]) -> tuple[float, float, float]:
    """Median, lower and upper quartile."""
    if len(times) == 1:
        return times[0], times[0], times[0]
    low, median, high = quantiles(times, n=4, method="inclusive")
    return median, low, high


def machine(device: str) -> dict[str, str]:
    """What a time depends on besides its conditions: processor or GPU, operating system, torch."""
    name = _processor() if device == "cpu" else torch.cuda.get_device_name(device)
    return {"processor": name, "platform": platform.platform(), "torch": str(torch.__version__)}


def _processor() -> str:
    """As Linux names it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return (next(names, "") or platform.processor() or platform.machine() or "not known")[:200]


@contextmanager
def under(conditions: Conditions) -> Iterator[None]:
    """Threads and cuDNN's choice as wanted, no gradients; as they were afterwards."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, threads)
        stack.callback(setattr, torch.backends.cudnn, "benchmark", benchmark)
        torch.set_num_threads(conditions.threads)
        torch.backends.cudnn.benchmark = True
        stack.enter_context(torch.inference_mode())
        yield


def network_run(architecture: Architecture, conditions: Conditions) -> Run:
    """Inside `under`: the network with fresh weights."""
    with seeded():
        network = build(architecture)
    size = architecture.resolution
    return prepared(network, (conditions.batch, architecture.input_channels, size, size), conditions)


def prepared(module: nn.Module, shape: tuple[int, ...], conditions: Conditions) -> Run:
    """Inside `under`: a run of the module on one random input of this shape; its first call may take long."""
    module = module.eval().to(conditions.device)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(conditions.device)
    if conditions.device != "cpu":
        images = images.to(memory_format=torch.channels_last)
        module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the types
    if conditions.engine == "folded":
        module = fold_norms(module)
    call = _compiled(module) if conditions.engine == "compile" else module
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


def _compiled(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """torch keeps what it compiled by code object and looks all of it through at each call; so each module gets a
    function with a code object of its own."""

    def call(images: Tensor) -> Any:
        return module(images)

    own = FunctionType(call.__code__.replace(), call.__globals__, closure=call.__closure__)
    return torch.compile(own, dynamic=False)


def _session(architecture: Architecture, conditions: Conditions, folder: Path) -> Run:
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
