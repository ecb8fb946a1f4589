"""Architecture -> torch.nn.Module, and the check that the module costs what `search_spaces.cost` says.

The names below are imported on first use, so that ``import effsearch.models`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import CostMismatch, MeasuredCost, check_cost, measured_cost
    from .network import Network, build

__all__ = ["CostMismatch", "MeasuredCost", "Network", "build", "check_cost", "measured_cost"]

_HOMES = {
    "CostMismatch": ".check",
    "MeasuredCost": ".check",
    "Network": ".network",
    "build": ".network",
    "check_cost": ".check",
    "measured_cost": ".check",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
