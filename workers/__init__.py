"""Run evaluations in batches: in this process (`local`), or at once on a Ray cluster (`ray_executor`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .local import Executor, LocalExecutor
    from .ray_executor import RayExecutor

_NAMES = {"Executor": "local", "LocalExecutor": "local", "RayExecutor": "ray_executor"}
__all__ = ["Executor", "LocalExecutor", "RayExecutor"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
