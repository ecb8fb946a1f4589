"""A latency table and a comparison with it, in words and as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ..search_spaces.latency_fit import Agreement
from ..search_spaces.latency_table import LatencyTable
from ..search_spaces.latency_trust import doubts


def described(table: LatencyTable) -> Mapping[str, Any]:
    correction = dataclasses.asdict(table.correction) if table.correction else None
    return {
        "space": table.space, "blocks": len(table.entries), **dataclasses.asdict(table.conditions),
        "rounds": table.rounds, "seed": table.seed, "machine": dict(table.machine), "correction": correction,
        "fingerprint": table.fingerprint, "doubts": doubts(table),
    }  # fmt: skip


def made_on(table: LatencyTable) -> str:
    return f"{table.machine.get('processor', 'a machine not named')}, torch {table.machine.get('torch', 'not known')}"


def correction(table: LatencyTable) -> str:
    one = table.correction
    if one is None:
        return "none"
    return (
        f"{one.slope:.3f} x sum {one.per_block:+.4f} ms a block; mean error {one.error:.1f} % on the "
        f"{len(one.keys)} networks that it was fitted to, {one.plain_error:.1f} % without it"
    )


def agreement(one: Agreement) -> str:
    tau = "no Kendall tau, as all are equal" if math.isnan(one.tau) else f"Kendall tau {one.tau:.3f}"
    return f"mean error {one.mean_error:.1f} %, worst {one.worst_error:.1f} %, bias {one.bias:+.1f} %, {tau}"


def agreement_document(one: Agreement) -> dict[str, Any]:
    """null where there is no rank correlation: JSON has no NaN."""
    return dataclasses.asdict(one) | {"tau": None if math.isnan(one.tau) else one.tau}


def show(rows: list[tuple[str, str]]) -> None:
    from ..reports import terminal

    terminal.show(terminal.pairs(rows))
