"""torchvision and timm, also where torchvision's wheel does not fit the CPU build of torch.

torchvision from PyPI is built for CUDA. Next to torch's CPU build its import, and with it timm's, stops with "operator
torchvision::nms does not exist": the declarations of two operators are missing, which no classifier calls.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec

import torch

_declared: list[torch.library.Library] = []  # the declarations live as long as this does


def missing(library: str) -> str | None:
    """What to install for `library`, timm or torchvision, in words; None where it is there. timm needs torchvision."""
    absent = [name for name in dict.fromkeys((library, "torchvision")) if find_spec(name) is None]
    if library not in ("timm", "torchvision") or not absent:
        return None
    packages = " and ".join(absent)
    return f"{packages} {'are' if len(absent) > 1 else 'is'} not installed; pip install 'effsearch[test]' brings both"


def import_torchvision() -> None:
    """ImportError where it is not installed."""
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for half_imported in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "timm")]:
            del sys.modules[half_imported]
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            signature = f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(signature)  # type: ignore[no-untyped-call]
        _declared.append(library)
        import_module("torchvision")
