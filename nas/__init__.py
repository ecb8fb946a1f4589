"""Neural-architecture search with Optuna: `search`, `Reward`, Pareto fronts. Optuna is imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .nas_search import SearchResult, search
    from .progress import Progress
    from .reward import Reward

_NAMES = {"Progress": "progress", "Reward": "reward", "SearchResult": "nas_search", "search": "nas_search"}
__all__ = ["Progress", "Reward", "SearchResult", "search"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
