"""`effsearch profile`: what a network costs, stage by stage, and whether others count the same."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from ..records.errors import UserError
from ..search_spaces import codec, loading
from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import cost, stage_costs


def run(network: str, *, as_json: bool, check: bool, as_yaml: bool) -> int:
    if as_yaml and as_json:
        raise UserError("--yaml and --json both say how to print; give one")
    architecture = loading.load_network(network)
    if as_yaml:
        print(codec.dumps(architecture), end="")
        return 0
    counted = _counted_by_others(architecture) if check else None
    if as_json:
        print(json.dumps(_document(architecture, counted), indent=1))
        return 0
    from ..reports import terminal

    terminal.show(*terminal.profile(architecture))
    if counted:
        total = cost(architecture).mult_adds
        rows = [(name, f"{value:,} mult-adds, {_compared(value, total)}") for name, value in counted.items()]
        terminal.show("", terminal.pairs(rows))
    return 0


def _counted_by_others(architecture: Architecture) -> dict[str, int]:
    """CostMismatch where they do not agree with us."""
    from ..models import check_cost

    measured = check_cost(architecture, fvcore=True)
    return {"fvcore (conv + linear)": measured.fvcore_mult_adds or 0, "torch / 2": measured.torch_mult_adds}


def _compared(value: int, total: int) -> str:
    return "equal" if value == total else f"{value - total:+,}"


def _document(architecture: Architecture, counted: dict[str, int] | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": architecture.name,
        "key": architecture.key,
        "resolution": architecture.resolution,
        **dataclasses.asdict(cost(architecture)),
        "stages": [dataclasses.asdict(one) for one in stage_costs(architecture)],
    }
    return document | ({"checked": counted} if counted else {})
