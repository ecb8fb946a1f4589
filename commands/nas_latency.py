"""Latency as a cost of a search: `--target-latency 12ms --latency-table FILE`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..records.errors import UserError
from ..search_spaces import latency_file
from ..search_spaces.architecture import Architecture
from ..search_spaces.block_signature import network_blocks, space_blocks
from ..search_spaces.checks import InvalidValue
from ..search_spaces.latency_fastest import Fastest, fastest
from ..search_spaces.latency_mismatch import mismatch
from ..search_spaces.latency_table import LatencyTable
from ..search_spaces.space import SearchSpace
from .duration import parse_latency
from .latency_measuring import note_doubts

COST = "latency"
KEPT = "latency.json"  # the run directory's copy of the table
BUILT = (
    "effsearch latency build --out latency.json makes a table of mnasnet-b0; add --data DIR --target-flops 3M for that "
    "of a search on images, and the search's own --space, --around and --resolution"
)


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
        """Notes on stderr what speaks against the table. InvalidValue names a block of the space or of a reference that
        the table does not hold, or a network that it gives no time for; UserError for a budget that no network meets.
        """
        if self.table is None:
            return
        one_of = space.decode(space.point([0] * len(space.dimensions)))
        wrong = mismatch(self.table, f"of {self.table.space}", [one_of], f"those of the search space {space.name}")
        if wrong:
            raise InvalidValue(str(wrong), hint=BUILT)
        self.table.require(space_blocks(space), f"the search space {space.name}")
        for one in references:
            self.table.require(network_blocks(one), f"{one.name}, which the search is compared with")
            self.table(one)
        least = fastest(self.table, space)
        if least is not None:
            self.table(least.architecture)
            self._check_budget(least, space)
        note_doubts(self.table, f"of {self.table.space}")

    def _check_budget(self, least: Fastest, space: SearchSpace) -> None:
        if self.budget is not None and least.milliseconds > self.budget:
            which = "the fastest" if least.proven else "the fastest network found"
            raise UserError(
                f"no network of {space.name} has a latency <= {self.budget:g} ms by the table; {which} has "
                f"{least.milliseconds:.4g} ms",
                hint=f"give at least {_above(least.milliseconds)} ms, or another search space",
                exit_code=1,
            )


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


def _above(milliseconds: float) -> str:
    """With three digits, rounded up."""
    step = 10.0 ** (math.floor(math.log10(milliseconds)) - 2)
    return f"{math.ceil(milliseconds / step) * step:.3g}"


def _is_limit(text: str) -> bool:
    return text.partition("=")[:2] == (COST, "=")
