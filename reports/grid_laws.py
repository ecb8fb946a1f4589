"""The scaling laws in words: what each was fitted on, and how well (the figures of docs/scaling.md)."""

from __future__ import annotations

from typing import NamedTuple

from ..search_spaces import catalogue
from ..search_spaces.checks import InvalidValue
from .grid_run import GridRun
from .measure import proper_name
from .text import clipped


class Law(NamedTuple):
    """formula: the form; short: what is special of it. family: whose results; base: the catalogue's network it knows.

    rows: results that it was fitted on. residual, leave_one_out: percentage points of error that it misses the results
    by, fitted with and without each.
    """

    formula: str
    short: str
    family: str
    base: str
    rows: int
    residual: float
    leave_one_out: float | None


ADDITIVE = "error = c + a·depth^-p + b·width^-2p + e·resolution^-2p", "one exponent for all"
SEPARATE = "error = c + a·depth^-p + b·width^-2q + e·resolution^-2r", "three exponents"
LOGARITHMIC = "log(error) = c + a·depth^-p + b·width^-2p + e·resolution^-2p", "of log(error)"
B0 = "efficientnet-b0"
LAWS = {
    "additive": Law(*ADDITIVE, "EfficientNet", B0, 9, 0.05, 0.11),
    "separate": Law(*SEPARATE, "EfficientNet", B0, 9, 0.02, 0.08),
    "logarithmic": Law(*LOGARITHMIC, "EfficientNet", B0, 9, 0.11, 0.46),
    "mobilenet-v2": Law(*ADDITIVE, "MobileNetV2", "mobilenet-v2", 5, 0.39, None),
    "resnet-50": Law(*ADDITIVE, "ResNet-50", "resnet-50", 5, 0.07, None),
}


def base_name(run: GridRun) -> str:
    return clipped(proper_name(str(run.document["base"])), 60)


def knows_base(run: GridRun, name: str) -> bool:
    """Whether the grid's base is the catalogue's network `name`."""
    try:
        return bool(catalogue.load(name).key == run.document["base_key"])
    except InvalidValue:
        return False


def warning(run: GridRun) -> str | None:
    """Where the law was not fitted on the base: what its coefficients are worth."""
    law = LAWS.get(run.law or "")
    if law is None:
        return str(run.document["warning"]) if run.document.get("warning") else None
    if knows_base(run, law.base):
        return None
    known = proper_name(law.base) if law.family == "EfficientNet" else law.family
    more = " Published results of MobileNetV2 and ResNet-50 prefer less resolution." if law.base == B0 else ""
    return (
        f"The law was fitted on {known}{' and its family' if law.base == B0 else ''}, not on {base_name(run)}: "
        f"read the coefficients as {known}'s.{more}"
    )
