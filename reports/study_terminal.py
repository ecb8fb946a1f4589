"""Tables of a study for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from ..search_spaces.architecture import Architecture
from ..search_spaces.cost import Cost
from ..search_spaces.quantity import format_count
from .terminal import table_of

Planned = tuple[str, Architecture, Cost, tuple[float, float, float]]  # point, network, its cost, multipliers as built


def networks(planned: Sequence[Planned]) -> RenderableType:
    """What a study will train."""
    rows = table_of("network", ">depth", ">width", ">resolution", ">layers", ">px", ">parameters", ">FLOPs")
    for name, network, counted, (depth, width, resolution) in planned:
        rows.add_row(
            name, f"{depth:.2f}", f"{width:.2f}", f"{resolution:.2f}",
            str(sum(stage.repeats for stage in network.stages)), str(network.resolution),
            format_count(counted.params, 3), format_count(counted.mult_adds, 3),
        )  # fmt: skip
    return Padding(rows, (1, 0, 1, 0))


def summary(points: pd.DataFrame, conclusion: str, readings: Sequence[tuple[str, ...]]) -> Iterable[RenderableType]:
    """The networks with their mean results, the conclusion, and what other readings of the trainings say.

    readings: response, form, prior, best triple, part of all directions in the set, as text.
    """
    rows = table_of(
        "network", ">depth", ">width", ">resolution", ">layers", ">px", ">FLOPs", ">runs", ">error, %", ">loss, nats"
    )
    for _, row in points.iterrows():
        spread = f" ± {row['error_std']:.2f}" if pd.notna(row["error_std"]) else ""
        rows.add_row(
            str(row["point"]), f"{row['depth']:.2f}", f"{row['width']:.2f}", f"{row['resolution']:.2f}",
            str(row["layers"]), str(row["pixels"]), format_count(float(row["mult_adds"]), 3), str(row["runs"]),
            f"{row['error']:.2f}{spread}" if row["runs"] else "failed",
            f"{row['loss']:.4f}" if pd.notna(row["loss"]) else "",
        )  # fmt: skip
    yield Padding(rows, (1, 0, 1, 0))
    yield Text(conclusion)
    if readings:
        others = table_of("other readings", "form", "prior", "best triple", ">may be the best")
        for one in readings:
            others.add_row(*one)
        yield Padding(others, (1, 0, 0, 0))
