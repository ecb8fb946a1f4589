"""How long a network takes for one batch: repeated runs after a warm-up, their median and quartiles.

In float32 (on CUDA, convolutions as torch does them by default), without gradients, with random weights and a fixed
random input: at inference neither changes the time. CPU: wall time of a call. CUDA: events around a call, waited for;
channels last, algorithms chosen by cuDNN's benchmark.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import torch

from ..search_spaces import checks
from ..search_spaces.architecture import Architecture
from ..search_spaces.checks import InvalidValue
from ..search_spaces.latency_table import ENGINES, Conditions
from .latency_engines import Run, network_run, session_run
from .memory_errors import memory_errors

Tell = Callable[[int, int], None]  # (runs that count so far, of about how many)

WARM, WARM_SECONDS = 3, 0.3  # runs and time before the first that counts
FEWEST, MOST, SECONDS = 10, 200, 5.0  # runs where their number is not said: so many, in so much time


@dataclass(frozen=True)
class Timing:
    """Milliseconds for one batch: median, lower and upper quartile of `runs` runs.

    on_processor: the part of their time that this process had the processor for, 0 to 1; None where that says nothing,
    with several threads or on a GPU.
    """

    batch: int
    median: float
    low: float
    high: float
    runs: int
    on_processor: float | None = field(default=None, compare=False)

    @property
    def spread(self) -> float:
        """Upper over lower quartile."""
        return self.high / self.low if self.low else 1.0

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


def measure(
    architecture: Architecture, conditions: Conditions, *, runs: int | None = None, tell: Tell | None = None
) -> Timing:
    """Of the whole network at its resolution. `runs` None: as many as fit into five seconds, 10 to 200.

    UserError where memory does not suffice; InvalidValue for an engine that does not work here.
    """
    if runs is not None:
        checks.integer("runs", runs, 1, 1_000_000)
    with under(conditions), TemporaryDirectory() as folder:
        if conditions.engine == "onnxruntime":
            run = session_run(architecture, conditions, Path(folder))
        else:
            run = network_run(architecture, conditions)
        found = timed(run, conditions.batch, runs, tell)
    single = conditions.device == "cpu" and conditions.threads == 1
    return found if single else replace(found, on_processor=None)


def timed(run: Run, batch: int, runs: int | None = None, tell: Tell | None = None) -> Timing:
    tell = tell or _nobody
    begun = perf_counter()
    for done in range(1, MOST + 1):
        run()
        tell(0, runs or FEWEST)
        if done >= WARM and perf_counter() - begun > WARM_SECONDS:
            break
    times: list[float] = []
    begun, used = perf_counter(), process_time()
    while len(times) < (runs or FEWEST) or (runs is None and len(times) < MOST and perf_counter() - begun < SECONDS):
        times.append(run())
        expected = int(SECONDS * len(times) / max(perf_counter() - begun, 1e-9))
        tell(len(times), runs or max(len(times) + 1, FEWEST, min(expected, MOST)))
    seconds, used = perf_counter() - begun, process_time() - used
    if runs is None:
        tell(len(times), len(times))
    share = min(used / seconds, 1.0) if seconds > 0 else None
    return Timing(batch, *quartiles(times), len(times), share)


def _nobody(done: int, total: int) -> None:
    """Tells nobody."""


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
    """Threads and cuDNN's choice as wanted, no gradients; as they were afterwards. UserError where memory runs out."""
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    what = f"to measure a batch of {conditions.batch:,} on {conditions.device}"
    with memory_errors(what, "give a smaller --batch or --resolution"), ExitStack() as stack:
        stack.callback(torch.set_num_threads, threads)
        stack.callback(setattr, torch.backends.cudnn, "benchmark", benchmark)
        torch.set_num_threads(conditions.threads)
        torch.backends.cudnn.benchmark = True
        stack.enter_context(torch.inference_mode())
        yield
