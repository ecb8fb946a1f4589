"""Architecture -> Evaluation: how good is it? Nothing heavy is imported before it is used.

`load` gives an evaluator by name. Any callable (Architecture, *, seed=0) -> Evaluation is one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import Evaluation, Evaluator
    from .loading import load
    from .wrappers import Cached, Noisy, Repeated

_NAMES = {
    "Evaluation": "evaluation",
    "Evaluator": "evaluation",
    "load": "loading",
    "Cached": "wrappers",
    "Noisy": "wrappers",
    "Repeated": "wrappers",
}
__all__ = ["Cached", "Evaluation", "Evaluator", "Noisy", "Repeated", "load"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
