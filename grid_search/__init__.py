"""Scaling coefficients and the family they give. Ray is imported only by the engine that uses it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .grid_result import GridResult
    from .law import ScalingLaw
    from .run_grid import search
    from .run_study import study
    from .scaled_family import LADDER, family, paper

_NAMES = {
    "GridResult": "grid_result",
    "LADDER": "scaled_family",
    "ScalingLaw": "law",
    "family": "scaled_family",
    "paper": "scaled_family",
    "search": "run_grid",
    "study": "run_study",
}
__all__ = ["LADDER", "GridResult", "ScalingLaw", "family", "paper", "search", "study"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
