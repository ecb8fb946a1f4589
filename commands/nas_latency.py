"""Latency as a cost of a search: `--target-latency 12ms --latency-table FILE`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..records.errors import UserError
from ..search_spaces import latency_file
from ..search_spaces.architecture import Architecture
from ..search_spaces.block_signature import network_blocks, space_blocks
from ..search_spaces.latency_table import LatencyTable
from ..search_spaces.space import SearchSpace
from .duration import parse_latency

COST = "latency"
KEPT = "latency.json"  # the run directory's copy of the table


@dataclass(frozen=True)
class Latency:
    """What the options say of it. table: None where they say nothing. budget: in milliseconds. aim: what the reward
    takes as its target, None where that is the FLOPs."""

    table: LatencyTable | None = None
    budget: float | None = None
    aim: float | None = None

    @property
    def budgets(self) -> dict[str, float]:
        return {} if self.budget is None else {COST: self.budget}

    @property
    def costs(self) -> dict[str, LatencyTable]:
        return {} if self.table is None else {COST: self.table}

    @property
    def keep(self) -> dict[str, str]:
        """File of the run directory -> its text."""
        return {} if self.table is None else {KEPT: latency_file.dumps(self.table)}

    def target(self, flops: float | None) -> tuple[float, str]:
        """The reward's, and the cost that it is of."""
        if self.aim is not None:
            return self.aim, COST
        if flops is None:
            raise ValueError("there is neither a target for the FLOPs nor one for the latency")
        return flops, "mult_adds"

    def limits(self, text: str) -> bool:
        """Whether a --limit is one of the table's latency."""
        return self.table is not None and _is_limit(text)

    def check_covers(self, space: SearchSpace, references: Sequence[Architecture]) -> None:
        """InvalidValue names a block of the space or of a reference that the table does not hold."""
        if self.table is not None:
            self.table.require(space_blocks(space), f"the search space {space.name}")
            for one in references:
                self.table.require(network_blocks(one), f"{one.name}, which the search is compared with")


def read_latency(
    target: str | None, path: str | None, limits: Sequence[str], costs: Sequence[str], kept: Path | None
) -> Latency:
    """kept: a copy that goes before `path`. UserError or InvalidValue for options that do not go together."""
    aim = None if target is None else parse_latency(target, "--target-latency")
    if path is None:
        if aim is None:
            return Latency()
        raise UserError(
            f"--target-latency {target} needs --latency-table: the latencies of the space's blocks on your machine",
            hint="effsearch latency build --out latency.json measures them",
        )
    if any(text.partition("=")[0] == COST for text in costs):
        raise UserError("--latency-table and --cost both say what latency is", hint="give the cost another name")
    limited = [text for text in limits if _is_limit(text)]
    if len(limited) + (aim is not None) > 1:
        raise UserError("there are several budgets for the latency", hint="give --target-latency alone")
    budget = parse_latency(limited[0].partition("=")[2], "--limit latency") if limited else aim
    return Latency(latency_file.load(kept or path), budget, aim)


def _is_limit(text: str) -> bool:
    return text.partition("=")[:2] == (COST, "=")
