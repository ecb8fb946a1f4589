"""The tables of a grid's page: the best triples, the best under other laws, the family."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from ..search_spaces import catalogue
from .grid_laws import LAWS
from .grid_run import GridRun, Triple
from .text import clipped

BEST = 12
MORE = 0.08  # of the FLOPs; a smaller difference of shares is "about the same"


@dataclass(frozen=True)
class TripleRow:
    """error, std, loss: percentage points, None where the rating failed. same: triples that build this network."""

    rank: int | None
    roles: tuple[str, ...]
    triple: Triple
    product: float
    phi_star: float
    error: float | None
    std: float | None
    loss: float | None
    inside: bool
    layers: int
    resolution: int
    params: float
    mult_adds: float
    ratio: float
    same: int


@dataclass(frozen=True)
class OtherLaw:
    """The grid under another law: its best triple, how that divides the FLOPs, and what two others lose by it."""

    name: str
    fitted_on: str
    best: Triple
    against: str
    published_loss: float
    chosen_loss: float


@dataclass(frozen=True)
class Member:
    """One of the family, and the official network of its name."""

    name: str
    phi: float
    layers: int
    resolution: int
    params: float
    mult_adds: float
    ratio: float
    official: Official | None


@dataclass(frozen=True)
class Official:
    layers: int
    resolution: int
    params: float
    mult_adds: float


def triple_rows(run: GridRun) -> tuple[TripleRow, ...]:
    """The best dozen, the chosen and the published triple. Equal errors have equal ranks."""
    places = sorted({*range(min(BEST, len(run.rated))), run.chosen, run.published})
    same = run.table["network"].value_counts()
    return tuple(_triple(run, place, int(same[run.table["network"].iloc[place]])) for place in places)


def _triple(run: GridRun, place: int, same: int) -> TripleRow:
    row = run.table.iloc[place]
    error = _or_none(row["error"])
    roles = [name for name, at in (("chosen", run.chosen), ("published", run.published)) if at == place]
    return TripleRow(
        None if error is None else int((run.table["error"] < error).sum()) + 1, tuple(roles), run.triple(place),
        float(row["product"]), float(row["phi_star"]), error, _or_none(row["error_std"]), _or_none(row["loss"]),
        bool(row["in_set"]), int(row["blocks"]), int(row["resolution"]), float(row["params"]),
        float(row["mult_adds"]), float(row["flops_ratio"]), same,
    )  # fmt: skip


def other_laws(run: GridRun) -> tuple[OtherLaw, ...]:
    rows = []
    for one in run.document["alternatives"]:
        name, (alpha, beta, gamma) = str(one["law"]), one["best"]
        best, law = (float(alpha), float(beta), float(gamma)), LAWS.get(name)
        rows.append(OtherLaw(
            clipped(name), f"{law.rows} results of {law.family}, {law.short}" if law else "", best,
            compared(best, run.triple(run.chosen)), float(one["published_loss"]), float(one["chosen_loss"]),
        ))  # fmt: skip
    return tuple(rows)


def shares(triple: Triple) -> Triple:
    """What of the FLOPs goes into depth, width and resolution."""
    alpha, beta, gamma = math.log(triple[0]), 2 * math.log(triple[1]), 2 * math.log(triple[2])
    total = alpha + beta + gamma
    return (alpha / total, beta / total, gamma / total) if total else (1 / 3, 1 / 3, 1 / 3)


def compared(one: Triple, other: Triple) -> str:
    """ "more depth, less resolution"."""
    if one == other:
        return "the same triple"
    differences = [first - second for first, second in zip(shares(one), shares(other), strict=True)]
    named = list(zip(differences, ("depth", "width", "resolution"), strict=True))
    more = [f"more {name}" for difference, name in named if difference > MORE]
    less = [f"less {name}" for difference, name in named if difference < -MORE]
    return ", ".join(more + less) or "about the same"


def laws_in_words(run: GridRun, others: Iterable[OtherLaw]) -> tuple[str, ...]:
    """What the other laws come to, as far as it is so in this grid."""
    lines, chosen, rows = [], run.triple(run.chosen), tuple(others)
    for word, sign in (("less", -1), ("more", 1)):
        names = [
            family
            for family in dict.fromkeys(LAWS[one.name].family for one in rows if one.name in LAWS)
            if family != LAWS[run.law or ""].family
            and all(sign * (one.best[2] - chosen[2]) > 0 for one in rows if LAWS[one.name].family == family)
        ] if run.law in LAWS else []  # fmt: skip
        if names:
            lines.append(
                f"Published results of {' and '.join(names)} prefer {word} resolution than the triple chosen here: "
                f"which network the results are of decides more than the form of the law."
            )
    if rows:
        most = max(rows, key=lambda one: one.chosen_loss)
        lines.append(
            f"The chosen triple loses at most {most.chosen_loss:.3f} point under any of them ({most.name}); "
            f"the published one {max(one.published_loss for one in rows):.3f}."
        )
    return tuple(lines)


def members(table: pd.DataFrame) -> tuple[Member, ...]:
    """The official layers are the catalogue's; the rest is as family.csv has it."""
    return tuple(
        Member(
            str(row["name"]), float(row["phi"]), int(row["blocks"]), int(row["resolution"]), float(row["params"]),
            float(row["mult_adds"]), float(row["flops_ratio"]), _official(row),
        )
        for _, row in table.iterrows()
    )  # fmt: skip


def _official(row: pd.Series[float]) -> Official | None:
    if pd.isna(row["official_params"]) or f"efficientnet-{row['name']}" not in catalogue.names():
        return None
    layers = sum(stage.repeats for stage in catalogue.load(str(row["name"])).stages)
    return Official(
        layers, int(row["official_resolution"]), float(row["official_params"]), float(row["official_mult_adds"])
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
