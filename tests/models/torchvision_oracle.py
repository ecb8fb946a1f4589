"""torchvision and timm as oracles, also where torchvision's wheel does not fit the CPU build of torch.

torchvision from PyPI is built for CUDA. Next to torch's CPU build its import stops with "operator torchvision::nms does
not exist"; only the declarations of two operators are missing, which no classifier calls.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

_declared: list[torch.library.Library] = []  # the declarations live as long as this does


def load(name: str) -> ModuleType:
    """The module "torchvision" or "timm"; skips the test where it is not installed."""
    for needed in dict.fromkeys(("torchvision", name)):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed; it is the oracle of this test")
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _declare_operators()
        import_module("torchvision")
    return import_module(name)


def _declare_operators() -> None:
    for half_imported in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
        del sys.modules[half_imported]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
