"""A table of measured block latencies, and the latency of a network that it predicts: a sum, corrected."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from . import checks
from .architecture import Architecture
from .block_signature import Blocks, network_blocks, signatures
from .checks import InvalidValue, shown
from .latency_fit import STEEPEST

MOST = 100_000  # blocks
SLOWEST = 1e7  # milliseconds
DEVICE = re.compile(r"cpu|cuda(:[0-9]{1,3})?")
ENGINES = ("folded", "eager", "compile", "onnxruntime")  # the first is the default
BLOCKWISE = ENGINES[:3]  # those that a block alone runs with


@dataclass(frozen=True)
class Conditions:
    """How something is measured. device: "cpu", "cuda" or "cuda:1"; batch: images at once; threads: of the CPU.

    engine: "folded", torch with the batch normalisations inside the convolutions, as tools for deployment have them;
    "eager", torch as the module stands; "compile", torch.compile; "onnxruntime", the exported network.
    """

    device: str = "cpu"
    batch: int = 1
    threads: int = 1
    engine: str = ENGINES[0]

    def __post_init__(self) -> None:
        if not isinstance(self.device, str) or not DEVICE.fullmatch(self.device):
            raise InvalidValue(f"device is {shown(self.device)}; it must be cpu, cuda or cuda:NUMBER")
        checks.integer("batch", self.batch, 1, 65_536)
        checks.integer("threads", self.threads, 1, 4096)
        checks.choice("engine", self.engine, ENGINES)

    def __str__(self) -> str:
        threads = f", {self.threads} thread{'s' if self.threads > 1 else ''}" if self.device == "cpu" else ""
        return f"{self.device}{threads}, batch {self.batch}, {self.engine}"


@dataclass(frozen=True)
class Entry:
    """Of one block, in milliseconds: median, lower and upper quartile of `runs` runs."""

    median: float
    low: float
    high: float
    runs: int

    def __post_init__(self) -> None:
        for name in ("median", "low", "high"):
            checks.number(name, getattr(self, name), 1e-9, SLOWEST)
        if not self.low <= self.median <= self.high:
            raise InvalidValue(f"the quartiles {self.low:g} and {self.high:g} do not hold the median {self.median:g}")
        checks.integer("runs", self.runs, 1, 10**9)


@dataclass(frozen=True)
class Correction:
    """milliseconds = slope * sum + per_block * blocks. keys: of the networks that it was fitted to. error, plain_error:
    mean absolute error on them in percent, with the correction and without."""

    slope: float
    per_block: float
    keys: tuple[str, ...]
    error: float
    plain_error: float

    def __post_init__(self) -> None:
        checks.number("slope", self.slope, 1 / STEEPEST, STEEPEST)
        checks.number("per_block", self.per_block, -SLOWEST, SLOWEST)
        checks.number("error", self.error, 0, 1e6)
        checks.number("plain_error", self.plain_error, 0, 1e6)
        checks.instance("keys", self.keys, (tuple, list))
        object.__setattr__(self, "keys", tuple(self.keys))
        for key in self.keys:
            checks.text("a key", key, 64)


@dataclass(frozen=True)
class LatencyTable:
    """Call it with an Architecture: milliseconds for one batch.

    space: the name of the space whose blocks it holds. rounds, seed: of the measurement. machine: name -> value of
    where it was made (processor or GPU, versions).
    """

    unit: ClassVar[str] = "ms"

    space: str
    conditions: Conditions
    entries: Mapping[str, Entry]
    correction: Correction | None = None
    rounds: int = 1
    seed: int = 0
    machine: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        checks.text("space", self.space)
        checks.instance("conditions", self.conditions, Conditions)
        if self.conditions.engine not in BLOCKWISE:
            raise InvalidValue(
                f"engine is {shown(self.conditions.engine)}; a table is measured with {', '.join(BLOCKWISE)}"
            )
        checks.integer("rounds", self.rounds, 1, 10**6)
        checks.integer("seed", self.seed, 0, 2**63)
        if not 1 <= len(self.entries) <= MOST:
            raise InvalidValue(f"the table has {len(self.entries):,} blocks; 1 to {MOST:,} are allowed")

    def __call__(self, architecture: Architecture) -> float:
        """InvalidValue names a block that the table does not hold."""
        plain, count = self.plain(architecture), sum(1 for _ in signatures(architecture))
        if self.correction is None:
            return plain
        value = self.correction.slope * plain + self.correction.per_block * count
        if value <= 0:
            raise InvalidValue(
                f"the table's correction gives {value:.3g} ms for {architecture.name}: it is too far from the networks "
                "that it was fitted to",
                hint="build the table for the space of this network",
            )
        return value

    def plain(self, architecture: Architecture) -> float:
        """The sum of the blocks' medians in milliseconds, not corrected."""
        try:
            return sum(self.entries[text].median for text, _ in signatures(architecture))
        except KeyError:
            raise self._complaint(network_blocks(architecture), architecture.name) from None

    def missing(self, wanted: Blocks) -> Blocks:
        """Those of the blocks that the table does not hold."""
        return {text: block for text, block in wanted.items() if text not in self.entries}

    def require(self, wanted: Blocks, what: str) -> None:
        """InvalidValue names the first block of `what` that the table does not hold."""
        if self.missing(wanted):
            raise self._complaint(wanted, what)

    def _complaint(self, wanted: Blocks, what: str) -> InvalidValue:
        missing = list(self.missing(wanted))
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        return InvalidValue(
            f"the latency table of {self.space} has no block “{missing[0]}”{more} of {what}",
            hint="effsearch latency build makes a table for a space; latency predict --measure adds missing blocks",
        )

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of all that the predictions depend on."""
        correction = self.correction and (self.correction.slope, self.correction.per_block)
        content = (
            asdict(self.conditions),
            sorted((text, one.median) for text, one in self.entries.items()),
            correction,
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def with_entries(self, added: Mapping[str, Entry]) -> LatencyTable:
        return replace(self, entries=dict(sorted({**self.entries, **added}.items())))
