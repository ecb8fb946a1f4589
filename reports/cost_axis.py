"""The cost that a search is about: FLOPs, or another whose unit the run knows, such as a latency in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..search_spaces.quantity import format_count
from .text import clipped


@dataclass(frozen=True)
class CostAxis:
    """column: of the tables. noun: for a sentence. unit: after a value, "" for a plain number."""

    column: str = "mult_adds"
    noun: str = "FLOPs"
    unit: str = ""

    @property
    def is_flops(self) -> bool:
        return self.column == "mult_adds"

    def short(self, value: float, digits: int = 4) -> str:
        """ "385.8M", "12.34 ms"."""
        return format_count(value, digits) + (f" {self.unit}" if self.unit else "")

    def amount(self, value: float) -> str:
        """ "385.8M FLOPs", "12.34 ms"."""
        return f"{self.short(value)} FLOPs" if self.is_flops else self.short(value)

    def compared(self, ratio: float) -> str:
        """0.971 -> "2.9 % fewer FLOPs", "2.9 % less latency"."""
        share = abs(ratio - 1) * 100
        less, more, equal = ("fewer", "more", "as many") if self.is_flops else ("less", "more", "as much")
        words = equal if share < 0.05 else f"{share:.{0 if share >= 10 else 1}f} % {less if ratio < 1 else more}"
        return f"{words} {self.noun}"

    @property
    def of_one(self) -> str:
        """What a figure's axis is labelled with."""
        if self.is_flops:
            return "FLOPs of one image, log scale"
        return f"{self.noun}{', ' if self.unit else ''}{self.unit}, log scale"


FLOPS = CostAxis()


def axis_of(settings: Mapping[str, Any]) -> CostAxis:
    """The first cost among a search's objectives where the run says its unit; else the FLOPs, which every run has."""
    known = units(settings)
    first = next((str(name) for name in settings["objectives"] if name != "accuracy"), FLOPS.column)
    return CostAxis(first, clipped(first), known[first]) if first in known else FLOPS


def units(settings: Mapping[str, Any]) -> dict[str, str]:
    """Cost -> unit, for those that have one."""
    found = settings.get("units")
    if not isinstance(found, Mapping):
        return {}
    return {str(name): clipped(str(unit), 12) for name, unit in found.items()}
