"""effsearch: neural-architecture search and compound scaling, the EfficientNet recipe (arXiv 1905.11946).

The sub-packages are imported on first use, so that ``import effsearch`` costs nothing:
``effsearch.search_spaces``, ``effsearch.models``, ``effsearch.evaluators``, ``effsearch.nas``,
``effsearch.grid_search``, ``effsearch.reports``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import evaluators, grid_search, models, nas, records, reports, search_spaces, workers

__all__ = ["evaluators", "grid_search", "models", "nas", "records", "reports", "search_spaces", "workers"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f".{name}", __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version("effsearch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
