"""A study's coefficients.json as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Known:
    """A triple given beforehand. loss: points of error, mean; loss_at_most: 95 %. near: probability to be within 0.1
    point of the best."""

    triple: Triple
    shares: Triple
    loss: float
    loss_at_most: float
    near: float
    in_set: bool


@dataclass(frozen=True)
class Reading:
    """The same trainings, read otherwise. share: of all directions, in the set. chosen_loss: what the recommended
    triple loses by it, points. published_near: None where a dimension is fixed."""

    response: str
    form: str
    prior: str
    best: Triple
    share: float
    chosen_loss: float
    published_near: float | None


@dataclass(frozen=True)
class LackOfFit:
    """f: of the networks about the surface by the seeds' scatter. p: of one as large by chance."""

    f: float
    p: float


@dataclass(frozen=True)
class StudyResult:
    """sigma, own: of one training, and of a network about the surface, in units of the response. seed_effects: seed ->
    what it adds. fixed: coefficient -> value. same_network: networks left out -> the one that they are."""

    recommended: Triple
    best: Triple
    phi: float
    growth: float
    base: str
    base_key: str
    evaluator: str
    rated_by: str
    fixed: Mapping[str, float]
    loss_at_most: float
    share_in_set: float
    flat: bool
    published: Known | None
    equal_shares: Known | None
    response: str
    form: str
    prior: str
    per_point: float
    trainings: int
    seeds: int
    sigma: float
    own: float
    check: LackOfFit | None
    seed_effects: Mapping[int, float]
    readings: tuple[Reading, ...]
    same_network: Mapping[str, str]
    warning: str | None
