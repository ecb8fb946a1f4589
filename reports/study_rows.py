"""The rows of a study's page: networks with their results, seeds, other readings, failures, the family."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..search_spaces import catalogue
from . import provenance
from .grid_tables import Member, members
from .provenance import Failures
from .study_files import BASE, BUILT, MULTIPLIERS, TRIPLE
from .study_result import Reading, Triple
from .study_run import StudyRun
from .text import clipped

OFFICIAL = "efficientnet-b0"  # whose family the official one is
LONGEST_POINT = 40  # letters


@dataclass(frozen=True)
class NetworkRow:
    """multipliers: as built. paid: their product (depth, width and resolution squared) by the growth. shares: as
    built, of what they add up to; None for the base. mean, std: of the response over its runs, std by the study's
    noise; singles: the runs without their seed's effect; fitted: the surface. None where there is none."""

    name: str
    multipliers: Triple
    paid: float
    shares: Triple | None
    layers: int
    pixels: int
    params: float
    mult_adds: float
    runs: int
    mean: float | None
    std: float | None
    singles: tuple[float, ...]
    fitted: float | None

    @property
    def is_base(self) -> bool:
        return self.shares is None


@dataclass(frozen=True)
class FamilyRow:
    """official is None where the base is not B0. off: its FLOPs by what was wanted, less 1."""

    member: Member
    wanted: float
    off: float


def direction(built: tuple[float, ...]) -> Triple | None:
    """Shares as built, on the triangle: what is negative is 0, and the rest is divided by its sum. None where nothing
    has grown."""
    kept = [max(0.0, one) for one in built]
    total = math.fsum(kept)
    if total <= 1e-9:
        return None
    depth, width, resolution = (one / total for one in kept)
    return depth, width, resolution


def network_rows(run: StudyRun) -> tuple[NetworkRow, ...]:
    """The lowest mean first, then those without results, then the base."""
    singles = _singles(run)
    rows = [_network(run, row, singles.get(str(row["point"]), ())) for _, row in run.networks.iterrows()]
    return tuple(sorted(rows, key=lambda one: (one.is_base, one.mean is None, one.mean or 0.0, one.name)))


def _singles(run: StudyRun) -> dict[str, tuple[float, ...]]:
    effects = run.result.seed_effects
    found: dict[str, list[float]] = {}
    for _, row in run.complete.iterrows():
        value = float(row[run.result.response]) - effects.get(int(row["seed"]), 0.0)
        found.setdefault(str(row["point"]), []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _network(run: StudyRun, row: pd.Series[float], singles: tuple[float, ...]) -> NetworkRow:
    depth, width, resolution = (float(row[name]) for name in MULTIPLIERS)
    base = str(row["point"]) == BASE
    mean = _or_none(row[run.result.response]) if row["runs"] else None
    growth = 1.0 if base else run.result.growth
    return NetworkRow(
        clipped(str(row["point"]), LONGEST_POINT), (depth, width, resolution),
        depth * width**2 * resolution**2 / growth,
        None if base else direction(tuple(float(row[name]) for name in BUILT)), int(row["layers"]), int(row["pixels"]),
        float(row["params"]), float(row["mult_adds"]), int(row["runs"]), mean,
        None if mean is None else run.result.sigma / math.sqrt(row["runs"]), singles, _or_none(row["fitted"]),
    )  # fmt: skip


def reading_rows(run: StudyRun) -> tuple[Reading, ...]:
    """This page's own first."""
    found = run.result
    own = Reading(
        found.response, found.form, found.prior, found.best, found.share_in_set, chosen_loss(run),
        found.published.near if found.published else None,
    )  # fmt: skip
    return (own, *found.readings)


def chosen_loss(run: StudyRun) -> float:
    """What the recommended triple loses by the surface, points."""
    return float(run.surface["loss"].iloc[place_of(run, run.result.recommended)])


def place_of(run: StudyRun, triple: Triple) -> int:
    """The row of the surface nearest to a triple."""
    away = np.abs(run.surface[TRIPLE].to_numpy() - triple).max(axis=1)
    return int(away.argmin())


def failure_rows(run: StudyRun) -> tuple[tuple[Failures, str], ...]:
    """By reason, with the first training that had it."""
    failed = run.trainings[run.trainings["state"] == "failed"]
    reasons = (reason or "no reason given" for reason in failed["failure"])
    return tuple(
        (one, f"{clipped(str(failed['point'][one.first]), LONGEST_POINT)}, seed {failed['seed'][one.first]}")
        for one in provenance.by_reason(zip(reasons, map(int, failed.index), strict=True))
    )


def family_rows(run: StudyRun) -> tuple[FamilyRow, ...]:
    factor = float(run.settings["factor"])
    official = run.result.base_key == catalogue.load(OFFICIAL).key
    rows = [one if official else replace(one, official=None) for one in members(run.family)]
    return tuple(FamilyRow(one, factor**one.phi, round(one.ratio / factor**one.phi - 1, 3) + 0.0) for one in rows)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
