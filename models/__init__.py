"""Architecture -> torch.nn.Module, weights from files, and the check that it costs what `search_spaces.cost` says.

The names below are imported on first use, so that ``import effsearch.models`` does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .check import CostMismatch, MeasuredCost, check_cost, measured_cost
    from .export_job import Origin
    from .exporting import Exported, export
    from .folding import fold_norms
    from .network import Network, build
    from .weights import load_weights

__all__ = [
    "CostMismatch", "Exported", "MeasuredCost", "Network", "Origin", "build", "check_cost", "export", "fold_norms",
    "load_weights", "measured_cost",
]  # fmt: skip

_HOMES = {
    "CostMismatch": ".check",
    "Exported": ".exporting",
    "MeasuredCost": ".check",
    "Network": ".network",
    "Origin": ".export_job",
    "build": ".network",
    "check_cost": ".check",
    "export": ".exporting",
    "fold_norms": ".folding",
    "load_weights": ".weights",
    "measured_cost": ".check",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
