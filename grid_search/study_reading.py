"""What a study comes to: its trainings read as a surface, and the same trainings read in other ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..records.errors import UserError
from ..search_spaces import catalogue
from ..search_spaces.scaling import Coefficients
from .observations import RESPONSES, Observation
from .shares import coefficients_of
from .study_plan import StudyPlan
from .study_runs import RunName, StudyRun
from .study_tables import points_table, runs_table, study_surface_table
from .study_verdict import PUBLISHED_NAME, StudyResult, study_result
from .surface import FORMS, PRIORS, fit_surface

COARSE = 12  # steps of the lattice on which another reading's set is counted
CALIBRATED = "efficientnet-b0"  # what the prior's law was fitted on


@dataclass(frozen=True)
class Reading:
    """The same trainings by another response, form or prior. share: of all directions, in the set. chosen_loss: what
    the study's recommended triple loses by it, points; published_near: None where a dimension is fixed."""

    response: str
    form: str
    prior: str
    best: tuple[float, float, float]
    share: float
    chosen_loss: float
    published_near: float | None


@dataclass(frozen=True)
class Study:
    """runs: one row a training, in the design's order. points: one row a network. surface: the fit over all directions
    (see `study_tables`). coefficients: the recommended triple, from which the family is built."""

    plan: StudyPlan
    result: StudyResult
    readings: tuple[Reading, ...]
    runs: pd.DataFrame
    points: pd.DataFrame
    surface: pd.DataFrame
    settings: Mapping[str, Any]
    warning: str | None
    run_dir: Path | None = None
    notice: str | None = None

    @property
    def coefficients(self) -> Coefficients:
        return self.result.recommended

    @property
    def confidence_set(self) -> tuple[tuple[float, float, float], ...]:
        return self.result.confidence_set

    @property
    def conclusion(self) -> str:
        return self.result.conclusion

    def at(self, run_dir: Path | None, notice: str | None) -> Study:
        return replace(self, run_dir=run_dir, notice=notice)


def read_study(
    plan: StudyPlan,
    known: Mapping[RunName, StudyRun],
    *,
    response: str,
    prior: str,
    form: str,
    settings: Mapping[str, Any],
) -> Study:
    """UserError where too few trainings succeeded for the fit."""
    ordered = [known[name] for name in plan.runs]
    seen = [one for one in (plan.observation(run) for run in ordered) if one]
    if not seen:
        raise UserError(f"every training failed; {ordered[0].point}: {ordered[0].evaluation.failure}")
    result = study_result(fit_surface(plan.design, seen, response=response, prior=prior, form=form))
    return Study(
        plan=plan,
        result=result,
        readings=_readings(plan, seen, result, (response, form, prior)),
        runs=runs_table(ordered),
        points=points_table(plan, seen, result),
        surface=study_surface_table(result),
        settings=settings,
        warning=_warning(plan, prior),
    )


def _readings(
    plan: StudyPlan, seen: Sequence[Observation], result: StudyResult, used: tuple[str, str, str]
) -> tuple[Reading, ...]:
    """By every other response, form and prior that the trainings allow."""
    with_loss = all(one.loss is not None for one in seen)
    names = [
        (response, form, prior)
        for response in RESPONSES
        for form in FORMS
        for prior in PRIORS
        if (response, form, prior) != used and (response == "error" or with_loss)
    ]
    found = []
    for name in names:
        with suppress(UserError):  # the trainings may be too few for a form without a prior
            found.append(_reading(plan, seen, result, *name))
    return tuple(found)


def _reading(
    plan: StudyPlan, seen: Sequence[Observation], result: StudyResult, response: str, form: str, prior: str
) -> Reading:
    surface = fit_surface(plan.design, seen, response=response, prior=prior, form=form)
    coarse = study_result(surface, parts=COARSE)
    shares = np.array([surface.best, result.lattice[result.chosen]])
    best, chosen = surface.predict(shares).tolist()
    alpha, beta, gamma = coefficients_of(shares[:1], plan.design.growth, plan.design.phi)[0].tolist()
    published = next((one.near for one in coarse.known if one.name == PUBLISHED_NAME), None)
    return Reading(
        response, form, prior, (alpha, beta, gamma), float(coarse.in_set.mean()), (chosen - best) / surface.per_point,
        published,
    )  # fmt: skip


def _warning(plan: StudyPlan, prior: str) -> str | None:
    """Where the prior speaks of other networks than the base."""
    if prior == "none" or plan.base.key == catalogue.load(CALIBRATED).key:
        return None
    return (
        f"the weak prior is what published results say of EfficientNet-B0, not of {plan.base.name}; it decides where "
        "the trainings do not: compare the reading without it (--resume --prior none trains nothing again)"
    )
