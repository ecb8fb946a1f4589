"""What a search's latencies are, in words: from its copy of the latency table."""

from __future__ import annotations

from dataclasses import asdict

from ..search_spaces import latency_file
from ..search_spaces.checks import InvalidValue
from ..search_spaces.latency_trust import doubts
from .cost_axis import units
from .run import Run
from .text import shown

COPY = "latency.json"
SAID = (
    "Predicted, not measured: the sum of the network's blocks, measured alone ({conditions}; {machine}){correction}. "
    "On another device, with another batch or another version of torch it is another number."
)


def options(run: Run) -> list[str]:
    """Of `effsearch profile --latency`, to measure as the table of a search was measured."""
    if "latency" not in units(run.settings):
        return []
    try:
        table = latency_file.load(run.path / COPY)
    except InvalidValue:
        return []
    wanted = asdict(table.conditions)
    return [word for name, value in wanted.items() for word in (f"--{name}", str(value))]


def table_statements(run: Run) -> tuple[tuple[str, str], ...]:
    """(about what, statement); nothing for a search without a latency table, or where its copy cannot be read."""
    if "latency" not in units(run.settings) or not (run.path / COPY).is_file():
        return ()
    try:
        table = latency_file.load(run.path / COPY)
    except InvalidValue:
        return ()
    known = [table.machine.get("processor"), f"torch {table.machine['torch']}" if "torch" in table.machine else None]
    correction = ""
    if table.correction:
        correction = (
            f", corrected by {len(table.correction.keys)} networks measured whole, on which it is off by "
            f"{table.correction.error:.1f} % on average"
        )
    machine = ", ".join(shown(one) for one in known if one) or "machine not said"
    against = "; ".join(doubts(table))
    if against:
        correction += f". The table is doubtful: {shown(against)}"
    return (("Latency", SAID.format(conditions=table.conditions, machine=machine, correction=correction)),)
