"""The tables of a study, read strictly: columns that are not there, or values that cannot be, are a ValueError."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

SHARES = ["share_depth", "share_width", "share_resolution"]
TRIPLE = ["alpha", "beta", "gamma"]
BUILT = ["built_depth", "built_width", "built_resolution"]
MULTIPLIERS = ["depth", "width", "resolution"]
COUNTS = ["pixels", "layers", "params", "mult_adds", "flops_ratio"]
FIT = ["fitted", "low", "high", "loss"]
MEMBER = ["phi", "resolution", "blocks", "params", "mult_adds", "flops_ratio"]
LARGEST = 1e15
MOST_NETWORKS, MOST_PARTS = 1000, 200
BASE = "base"
NEAR = 1e-6


def trainings(path: Path, runs: Mapping[str, float], response: str) -> pd.DataFrame:
    """point, seed, state, error (percent), loss (nats, NaN where there is none), seconds, fidelity, failure. The
    response of every complete training is there. runs: network -> how many are."""
    texts = ["point", "state", "fidelity", "failure"]
    table = _read(path, texts).fillna(dict.fromkeys(("fidelity", "failure"), ""))
    _numbers(table, ["seed", "seconds"], 0, LARGEST)
    _numbers(table, ["error"], 0, 100, missing=True)
    _numbers(table, ["loss"], -LARGEST, LARGEST, missing=True)
    _only(table["state"], {"complete", "failed"}, "state")
    _only(table["point"], runs, "point")
    complete = table[table["state"] == "complete"]
    if not len(complete) or bool(complete[["error", response]].isna().to_numpy().any()):
        raise ValueError(f"{path.name}: a complete training has no {response}")
    found = complete["point"].value_counts()
    if any(found.get(name, 0) != count for name, count in runs.items()):
        raise ValueError(f"{path.name}: a network has more or fewer trainings than its row says")
    if bool((table["seed"] % 1).any()) or bool(table.duplicated(["point", "seed"]).any()):
        raise ValueError(f"{path.name}: seeds must be whole numbers, and different ones for each network")
    return table.astype({"seed": "int64"})


def networks(path: Path) -> pd.DataFrame:
    """A row a network; error, error_std, loss and fitted are NaN where there is none."""
    table = _read(path, ["point"])
    _numbers(table, SHARES, 0, 1 + NEAR)
    _numbers(table, [*TRIPLE, *MULTIPLIERS, *COUNTS], NEAR, LARGEST)
    _numbers(table, BUILT, -100, 100)
    _numbers(table, ["runs"], 0, 1e6)
    _numbers(table, ["error"], 0, 100, missing=True)
    _numbers(table, ["error_std", "loss", "fitted"], -LARGEST, LARGEST, missing=True)
    if not 1 < len(table) <= MOST_NETWORKS or bool(table["point"].duplicated().any()):
        raise ValueError(f"{path.name}: it must hold 2 to {MOST_NETWORKS} networks of different names")
    if bool(table.loc[table["runs"] > 0, "error"].isna().any()) or bool(
        table.loc[table["point"] != BASE, "fitted"].isna().any()
    ):
        raise ValueError(f"{path.name}: a network has no error, or no fitted value")
    return table


def surface(path: Path, fixed: Collection[str]) -> tuple[pd.DataFrame, int]:
    """And how many steps the shared part is in. ValueError where a place of the lattice is missing."""
    table = _read(path, [])
    _numbers(table, SHARES, 0, 1 + NEAR)
    _numbers(table, FIT, -LARGEST, LARGEST)
    _numbers(table, [*TRIPLE, "activations"], NEAR, LARGEST)
    _numbers(table, ["near"], 0, 1)
    if table["in_set"].dtype != bool or not table["in_set"].any():
        raise ValueError(f"{path.name}: in_set must be True or False, and True somewhere")
    if bool(((table[SHARES].sum(axis=1) - 1).abs() > NEAR).any()) or bool((table["loss"] < 0).any()):
        raise ValueError(f"{path.name}: shares must add up to 1, and losses be at least 0")
    return table, _parts(path, table, len(fixed))


def _parts(path: Path, table: pd.DataFrame, fixed: int) -> int:
    count = len(table)
    parts = count - 1 if fixed else round((math.sqrt(8 * count + 1) - 3) / 2)
    whole = count == (parts + 1 if fixed else (parts + 1) * (parts + 2) // 2)
    if not whole or not 1 <= parts <= MOST_PARTS:
        raise ValueError(f"{path.name}: {count} rows are no lattice of shares")
    if fixed:
        found = len(table[SHARES].round(6).drop_duplicates())
    else:
        steps = table[SHARES].to_numpy() * parts
        if bool((np.abs(steps - steps.round()) > 1e-3).any()):
            raise ValueError(f"{path.name}: shares must be multiples of 1/{parts}")
        found = len(np.unique(steps.round(), axis=0))
    if found != count:
        raise ValueError(f"{path.name}: {count - found} of its rows are there twice")
    return parts


def family(path: Path) -> pd.DataFrame:
    table = _read(path, ["name"])
    _numbers(table, MEMBER, 0, 1e30)
    _numbers(table, ["official_resolution", "official_params", "official_mult_adds"], 0, 1e30, missing=True)
    if not 1 <= len(table) <= MOST_NETWORKS or not (table[["resolution", "params", "mult_adds"]] > 0).to_numpy().all():
        raise ValueError(f"{path.name}: a network of no size")
    return table


def _read(path: Path, texts: Iterable[str]) -> pd.DataFrame:
    """ValueError where its last line is torn."""
    content = path.read_bytes()
    if not content.endswith(b"\n"):
        raise ValueError(f"{path.name} ends in the middle of a line")
    return pd.read_csv(BytesIO(content), dtype=dict.fromkeys(texts, str))


def _numbers(table: pd.DataFrame, names: list[str], low: float, high: float, *, missing: bool = False) -> None:
    """These columns as floats, in place."""
    for name in names:
        values = table[name].astype("float64")
        fits = values.between(low, high) | (values.isna() if missing else False)
        if not fits.all():
            wrong = values[~fits].iloc[0]
            raise ValueError(f"{name} is {wrong:g}; it must be a number from {low:g} to {high:g}")
        table[name] = values


def _only(column: pd.Series[str], allowed: Collection[str], name: str) -> None:
    wrong = [one for one in column if one not in allowed]
    if wrong:
        raise ValueError(f"{name} is {wrong[0]!r}; allowed: {', '.join(sorted(allowed))}")
