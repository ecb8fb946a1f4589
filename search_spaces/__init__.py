"""What can be built, what it costs, how it scales. numpy and PyYAML only; nothing else of effsearch.

`load` gives a search space by name; the values and functions below are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import architecture, catalogue, codec, cost, mnasnet, quantity, scaling, space, staged
    from .architecture import Architecture, Block, Head, Stage, Stem, blocks
    from .checks import InvalidValue
    from .fit_flops import fit_images
    from .loading import load_network
    from .loading import load_space as load
    from .scaling import Coefficients, Multipliers, scale
    from .small_images import adapt
    from .space import Dimension, SearchSpace

_NAMES = {
    "Architecture": "architecture",
    "Block": "architecture",
    "Head": "architecture",
    "Stage": "architecture",
    "Stem": "architecture",
    "blocks": "architecture",
    "InvalidValue": "checks",
    "Coefficients": "scaling",
    "Multipliers": "scaling",
    "scale": "scaling",
    "adapt": "small_images",
    "fit_images": "fit_flops",
    "Dimension": "space",
    "SearchSpace": "space",
    "load_network": "loading",
}
_MODULES = ("architecture", "catalogue", "codec", "cost", "mnasnet", "quantity", "scaling", "space", "staged")

__all__ = [
    "Architecture", "Block", "Coefficients", "Dimension", "Head", "InvalidValue", "Multipliers", "SearchSpace",
    "Stage", "Stem", "adapt", "architecture", "blocks", "catalogue", "codec", "cost", "fit_images", "load",
    "load_network", "mnasnet", "quantity", "scale", "scaling", "space", "staged",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f".{_NAMES[name]}", __name__), name)
    if name == "load":
        return import_module(".loading", __name__).load_space
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
