"""Images on disk -> one memory-mapped cache of uint8 pixels, shared by every training on the machine.

`load_dataset` reads folders, archives, tables and arrays; NumPy and Pillow are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cache import open_cache
    from .dataset import Dataset, Part
    from .loading import load_dataset
    from .summary import Summary

_NAMES = {
    "Dataset": "dataset",
    "Part": "dataset",
    "Summary": "summary",
    "load_dataset": "loading",
    "open_cache": "cache",
}
__all__ = ["Dataset", "Part", "Summary", "load_dataset", "open_cache"]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
