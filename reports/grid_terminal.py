"""Tables of a grid and a family for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import pandas as pd
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from ..search_spaces.quantity import format_count
from .terminal import table_of

SHOWN = 8  # best triples


class Alternative(Protocol):
    """The grid under another law; `grid_search.assess.Alternative` is one."""

    @property
    def law(self) -> str: ...
    @property
    def best(self) -> tuple[float, float, float]: ...
    @property
    def published_loss(self) -> float: ...
    @property
    def chosen_loss(self) -> float: ...


def summary(table: pd.DataFrame, conclusion: str, alternatives: Sequence[Alternative]) -> Iterable[RenderableType]:
    """The conclusion, the best triples with the published one, and the best under other laws."""
    yield Text("\n" + conclusion)
    rows = table_of(
        ">rank",
        ">alpha",
        ">beta",
        ">gamma",
        ">product",
        ">error, %",
        ">loss",
        "in the set",
        ">layers",
        ">px",
        ">FLOPs built",
    )
    kept = table[(table.index < SHOWN) | table["published"]]
    for rank, row in kept.iterrows():
        rows.add_row(
            str(int(str(rank)) + 1) + (" published" if row["published"] else ""),
            f"{row['alpha']:g}", f"{row['beta']:g}", f"{row['gamma']:g}", f"{row['product']:.3f}",
            f"{row['error']:.2f}", f"{row['loss']:.3f}", "yes" if row["in_set"] else "no",
            str(row["blocks"]), str(row["resolution"]), f"{row['flops_ratio']:.2f}x",
        )  # fmt: skip
    yield Padding(rows, (1, 0, 0, 0))
    if alternatives:
        others = table_of("other laws", "best triple", ">loss of the published", ">loss of the chosen")
        for one in alternatives:
            best = ", ".join(f"{value:g}" for value in one.best)
            others.add_row(one.law, best, f"{one.published_loss:.3f}", f"{one.chosen_loss:.3f}")
        yield Padding(others, (1, 0, 0, 0))


def family(table: pd.DataFrame) -> Iterable[RenderableType]:
    """The members next to the official ones."""
    rows = table_of(
        "network", ">phi", ">px", ">layers", ">parameters", ">FLOPs", ">x base", ">dropout", ">official px",
        ">parameters", ">FLOPs",
    )  # fmt: skip
    for _, row in table.iterrows():
        known = pd.notna(row["official_params"])
        rows.add_row(
            str(row["name"]), f"{row['phi']:g}", str(row["resolution"]), str(row["blocks"]),
            format_count(float(row["params"]), 3), format_count(float(row["mult_adds"]), 3),
            f"{row['flops_ratio']:.2f}", f"{row['dropout']:g}", str(row["official_resolution"]) if known else "",
            format_count(float(row["official_params"]), 3) if known else "",
            format_count(float(row["official_mult_adds"]), 3) if known else "",
        )  # fmt: skip
    yield Padding(rows, (1, 0, 0, 0))
