"""Simulated studies as markdown tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

CELL = ["truth", "sigma", "runs"]


def regrets(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """Mean loss of the triple found, points; a line a cell, a column a method."""
    means = rows.groupby([*CELL, "method"], sort=False)["regret"].mean().unstack("method")[list(methods)]
    return _table([*CELL, *methods], [[*_cell(key), *(f"{v:.3f}" for v in line)] for key, line in _lines(means)])


def sets(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """How often the set holds the best direction, and how much of all directions it is, percent."""
    means = rows.groupby([*CELL, "method"], sort=False)[["covered", "size"]].mean().unstack("method")
    lines = [
        [*_cell(key), *(_held(line["covered", name], line["size", name]) for name in methods)]
        for key, line in _lines(means)
    ]
    return _table([*CELL, *methods], lines)


def recommendations(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """Over all truths: loss of the best, of the recommended and of the set's cheapest; how often the bound holds."""
    names = ["regret", "recommended", "cheapest", "bounded", "covered"]
    means = rows[rows["method"].isin(methods)].groupby(["method", "sigma", "runs"], sort=False)[names].mean()
    lines = [
        [str(part) for part in key]
        + [f"{line[name]:.3f}" for name in names[:3]]
        + [f"{100 * line[name]:.1f}" for name in names[3:]]
        for key, line in _lines(means)
    ]
    return _table(
        ["method", "noise", "runs", "best", "recommended", "cheapest of the set", "bound holds, %", "set holds, %"],
        lines,
    )


def worst(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    """The cells of lowest and highest coverage of each method, percent."""
    means = rows[rows["method"].isin(methods)].groupby(["method", *CELL], sort=False)[["covered", "bounded"]].mean()
    lines = []
    for name in methods:
        some = means.loc[name] * 100
        within = some["covered"].between(90, 98).sum()
        lines.append(
            [name, f"{some['covered'].min():.1f}", f"{some['covered'].mean():.1f}", f"{some['covered'].max():.1f}",
             f"{within} of {len(some)}", f"{some['bounded'].min():.1f}", f"{some['bounded'].mean():.1f}"]
        )  # fmt: skip
    return _table(["method", "set holds: least", "mean", "most", "cells in 90-98", "bound holds: least", "mean"], lines)


def _lines(table: pd.DataFrame | pd.Series) -> list[tuple[tuple[object, ...], pd.Series]]:
    return [(key if isinstance(key, tuple) else (key,), line) for key, line in table.iterrows()]


def _cell(key: Sequence[object]) -> list[str]:
    return [str(part) for part in key]


def _held(covered: float, size: float) -> str:
    return "" if covered != covered else f"{100 * covered:.1f} ({100 * size:.0f})"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    names = ["noise" if name == "sigma" else name for name in head]
    rows = [names, ["-"] * len(names), *lines]
    return "\n".join(f"| {' | '.join(row)} |" if row[0] != "-" else f"|{'-|' * len(row)}" for row in rows)
